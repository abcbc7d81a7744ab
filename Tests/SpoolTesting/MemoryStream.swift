import Mail
import NIOConcurrencyHelpers
import NIOCore
import Spool

/// Content on its way in.
final class MemoryStream: StreamedContent {
    private enum Progress { case open, finished, discarded }
    private struct State {
        var progress = Progress.open
        var octets = ByteBuffer()
        var subject: ByteBuffer?
        var messageID: String?
    }
    private let id: QueueID
    private let state = NIOLockedValueBox(State())

    init(_ id: QueueID) { self.id = id }

    var subject: ByteBuffer? { self.state.withLockedValue { $0.subject } }
    var messageID: String? { self.state.withLockedValue { $0.messageID } }

    func append(_ chunk: ByteBuffer) {
        self.state.withLockedValue { state in
            guard state.progress == .open else { return }
            if state.octets.readableBytes == 0 {
                state.subject = MessageHeader.subjectField(in: chunk)
                state.messageID = MessageHeader.messageID(in: chunk)
            }
            state.octets.writeImmutableBuffer(chunk)
        }
    }

    func finish() throws {
        try self.state.withLockedValue { state in
            guard state.progress != .discarded else {
                throw SpoolError(.unavailable, "discarded content", queueID: self.id)
            }
            state.progress = .finished
        }
    }

    func read(from offset: Int, count: Int) throws -> ByteBuffer {
        let octets = try self.finishedOctets
        let start = min(offset, octets.readableBytes)
        return octets.getSlice(at: octets.readerIndex + start, length: min(count, octets.readableBytes - start))
            ?? ByteBuffer()
    }

    func discard() {
        self.state.withLockedValue { state in
            state.progress = .discarded
            state.octets = ByteBuffer()
        }
    }

    var finishedOctets: ByteBuffer {
        get throws {
            try self.state.withLockedValue { state in
                guard state.progress == .finished else {
                    throw SpoolError(.unavailable, "unfinished content", queueID: self.id)
                }
                return state.octets
            }
        }
    }
}
