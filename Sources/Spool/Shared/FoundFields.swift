import Mail
import NIOCore

/// What is found in the beginning of large content for its fact: the rest of it is not looked through.
struct FoundFields: Sendable {
    private(set) var subject: ByteBuffer?
    private(set) var messageID: String?

    init() {}

    init(in chunk: ByteBuffer) {
        // A copy, since a slice would keep the whole chunk in memory.
        self.subject = MessageHeader.subjectField(in: chunk).map { ByteBuffer(bytes: $0.readableBytesView) }
        self.messageID = MessageHeader.messageID(in: chunk)
    }
}
