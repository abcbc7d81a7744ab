import Glibc
public import Mail
public import Monitor
import Synchronization

/// Makes a recording of a time that is over, out of the journals of nodes: what became of mail then, the queue that follows
/// from it, the messages, and the dialogues that were kept.
public struct PastRecorder: Sendable {
    private let feeds: [(name: String, feed: any MonitorFeed)]
    private let path: String
    private let options: Recorder.Options

    /// - Parameters:
    ///   - feeds: by the names of their nodes.
    ///   - path: where no file is.
    public init(_ feeds: [(name: String, feed: any MonitorFeed)], to path: String, _ options: Recorder.Options) {
        self.feeds = feeds
        self.path = path
        self.options = options
    }

    /// Of those that share a queue the first that keeps a journal, which tells of what happened at all of them.
    private func withJournalsOfTheirOwn() async throws -> [(name: String, feed: any MonitorFeed)] {
        var own: [(entry: (name: String, feed: any MonitorFeed), has: Bool, sharing: Set<String>)] = []
        for entry in self.feeds {
            let capabilities = try await entry.feed.capabilities()
            let (has, sharing) = (capabilities.areas.contains(.journal), Set(capabilities.sharing ?? []))
            if let told = own.firstIndex(where: { !$0.sharing.isDisjoint(with: sharing) }) {
                if has, !own[told].has { own[told] = (entry, has, sharing) }
            } else {
                own.append((entry, has, sharing))
            }
        }
        return own.map(\.entry)
    }

    /// The time as the recording has it.
    private final class PastClock: Sendable {
        private let time: Mutex<Timestamp>
        init(_ time: Timestamp) { self.time = Mutex(time) }
        var now: Timestamp { self.time.withLock { $0 } }
        func go(to time: Timestamp) { self.time.withLock { $0 = time } }
    }

    /// Reads the journals, and makes the file.
    ///
    /// - Returns: what is in it.
    /// - Throws: ``RecordingError``, also where nothing happened then; ``FeedError`` where a journal cannot be read.
    public func run(since: Timestamp, until: Timestamp) async throws -> RecordingContent {
        var nodes: [PastNode] = []
        let feeds = try await self.withJournalsOfTheirOwn()
        for entry in feeds { nodes.append(try await PastNode(entry.feed, since: since, until: until)) }
        guard nodes.contains(where: { !$0.isEmpty }) else {
            throw RecordingError("no journal tells of anything from \(since.rfc3339) to \(until.rfc3339)")
        }
        let redactor = self.options.isRedacted ? Redactor() : nil
        let header = RecordingHeader(
            software: self.options.software, nodes: feeds.map { redactor?.host($0.name) ?? $0.name },
            begins: since, isRedacted: self.options.isRedacted, rows: self.options.rows)
        let writer = try RecordingWriter(at: self.path, header, limit: self.options.size, redactor: redactor)
        let clock = PastClock(since)
        let tape = Tape(writer, nodes: nodes.count, clock: { clock.now })
        do { return try await Self.write(&nodes, on: tape, clock, until) } catch {
            // What is over can be read again, and a part of it would be taken for the whole.
            unlink(self.path)
            throw error
        }
    }

    private static func write(
        _ nodes: inout [PastNode], on tape: Tape, _ clock: PastClock, _ until: Timestamp
    ) async throws -> RecordingContent {
        for index in nodes.indices {
            let changes = nodes[index].begin()
            _ = try await tape.write(changes, of: index)
        }
        var hasRoom = true
        while hasRoom, let (index, time) = self.next(nodes) {
            clock.go(to: time)
            let changes = try await nodes[index].step()
            hasRoom = try await tape.write(changes, of: index)
        }
        if hasRoom { clock.go(to: until) }
        try await tape.end()
        return await tape.content
    }

    /// The node at which something happens next.
    private static func next(_ nodes: [PastNode]) -> (Int, Timestamp)? {
        nodes.indices.compactMap { index in nodes[index].next.map { (index, $0) } }.min { $0.1 < $1.1 }
    }
}
