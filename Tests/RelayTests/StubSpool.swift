import Mail
import NIOConcurrencyHelpers
import NIOCore
import SMTP
import Spool

/// Keeps messages that come in, and answers as it is told: it can be full, or fail. For tests of what stands before a spool; what has
/// to behave as one uses `MemorySpool`.
final class StubSpool: Spool {
    struct State {
        var generator = QueueIDGenerator(node: 0, after: nil)
        var messages: [NewMessage] = []
        var isFull = false
        var discarded = 0
        var free: Int?
        var noted: [Fact] = []
        var settling: @Sendable () -> Void = {}
        /// What becomes of settlements, and of content that is read.
        var failure = SpoolError(.unavailable, "they fail")
        /// Of any message; `nil`: it cannot be read.
        var content: (any ContentSource)?
    }
    let state = NIOLockedValueBox(State())

    final class File: StreamedContent {
        let octets = NIOLockedValueBox(ByteBuffer())
        let spool: StubSpool
        init(_ spool: StubSpool) { self.spool = spool }
        var subject: ByteBuffer? { nil }
        var messageID: String? { nil }
        func append(_ chunk: ByteBuffer) throws { self.octets.withLockedValue { _ = $0.writeImmutableBuffer(chunk) } }
        func finish() throws {}
        func read(from offset: Int, count: Int) throws -> ByteBuffer {
            self.octets.withLockedValue { octets in
                let start = min(offset, octets.readableBytes)
                return octets.getSlice(at: octets.readerIndex + start, length: min(count, octets.readableBytes - start))
                    ?? ByteBuffer()
            }
        }
        func discard() { self.spool.state.withLockedValue { $0.discarded += 1 } }
    }

    func nextID(at now: Timestamp) -> QueueID { self.state.withLockedValue { $0.generator.next(at: now) } }
    func newContentFile(for id: QueueID) -> any StreamedContent { File(self) }
    func accept(
        _ message: NewMessage, expectingMore: Bool, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        self.state.withLockedValue { state in
            if state.isFull { return eventLoop.makeFailedFuture(SpoolError(.full, "no space left")) }
            state.messages.append(message)
            return eventLoop.makeSucceededVoidFuture()
        }
    }

    // Reception asks for nothing of what follows.
    private static let unasked = SpoolError(.unavailable, "reception has no business here")
    func settle(_ settlements: [Settlement], on loop: any EventLoop) -> EventLoopFuture<[Settled]> {
        let state = self.state.withLockedValue { $0 }
        state.settling()
        return loop.makeFailedFuture(state.failure)
    }
    func apply(_ order: Order, on targets: [RecipientTarget], on loop: any EventLoop) -> EventLoopFuture<Applied> {
        loop.makeFailedFuture(Self.unasked)
    }
    func undo(
        _ token: Int64, after id: QueueID?, at now: Timestamp, by actor: String, on loop: any EventLoop
    ) -> EventLoopFuture<Applied> {
        loop.makeFailedFuture(Self.unasked)
    }
    func purge(at time: Timestamp, by order: PurgeOrder?, on loop: any EventLoop) -> EventLoopFuture<Bool> {
        loop.makeFailedFuture(Self.unasked)
    }
    func set(
        _ terms: StandingRule.Terms, at now: Timestamp, by actor: String, on loop: any EventLoop
    ) -> EventLoopFuture<StandingRule> { loop.makeFailedFuture(Self.unasked) }
    func end(
        rule id: Int64, at now: Timestamp, by actor: String?, on loop: any EventLoop
    ) -> EventLoopFuture<StandingRule?> { loop.makeFailedFuture(Self.unasked) }
    func rules() async throws -> KeptRules { throw Self.unasked }
    func note(_ facts: [Fact], on loop: any EventLoop) -> EventLoopFuture<Void> {
        self.state.withLockedValue { $0.noted += facts }
        return loop.makeSucceededVoidFuture()
    }
    func content(of id: QueueID, on loop: any EventLoop) -> EventLoopFuture<any ContentSource> {
        self.state.withLockedValue { state in
            state.content.map { loop.makeSucceededFuture($0) } ?? loop.makeFailedFuture(state.failure)
        }
    }
    func message(_ id: QueueID) async throws -> SpooledMessage? {
        let found = self.state.withLockedValue { $0.messages.first { $0.message.id == id } }
        guard let found else { throw Self.unasked }
        return found.message
    }
    func lease(after id: QueueID?, count: Int) async throws -> Lease { throw Self.unasked }
    func facts(after cursor: FactCursor, count: Int) async throws -> FactPage { throw Self.unasked }
    func undoable(at now: Timestamp) async throws -> [UndoableDrop] { throw Self.unasked }
    func newestFacts(count: Int) async throws -> FactPage { throw Self.unasked }
    func acknowledge(_ cursor: FactCursor, as reader: String, on loop: any EventLoop) -> EventLoopFuture<Void> {
        loop.makeFailedFuture(Self.unasked)
    }
    func acknowledged(by reader: String) async throws -> FactCursor? { throw Self.unasked }
    func forget(reader: String, on loop: any EventLoop) -> EventLoopFuture<Void> {
        loop.makeFailedFuture(Self.unasked)
    }
    func facts(of id: QueueID) async throws -> [Fact] { throw Self.unasked }
    func counters() async throws -> Counters { throw Self.unasked }
    var policies: any PolicyStore { self }
    var tallies: any TallyStore { self }
    var condition: any SpoolCondition { self }
    func close() async {}
}

extension StubSpool: PolicyStore {
    func keep(_ policy: KeptPolicy, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        eventLoop.makeSucceededVoidFuture()
    }
    func keptPolicy(of domain: String, at now: Timestamp) async throws -> KeptPolicy? { nil }
    func policiesDue(at now: Timestamp, count: Int) async throws -> [KeptPolicy] { [] }
}

extension StubSpool: TallyStore {
    func add(_ tallies: [Tally], on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        eventLoop.makeFailedFuture(Self.unasked)
    }
    func talliedDays(before day: Int) async throws -> [TalliedDay] { throw Self.unasked }
    func tallies(of domain: String, on day: Int) async throws -> [Tally] { throw Self.unasked }
    func forgetTallies(of domain: String, on day: Int, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        eventLoop.makeFailedFuture(Self.unasked)
    }
}

extension StubSpool: SpoolCondition {
    func freeOctets() throws(SpoolError) -> Int? { self.state.withLockedValue { $0.free } }
    func tryWriting(on eventLoop: any EventLoop) -> EventLoopFuture<Void> { eventLoop.makeSucceededVoidFuture() }
    func factsBehind() async throws -> [String: Int] { [:] }
    var writingSince: NIODeadline? { nil }
    func restartWrites(since time: NIODeadline) -> Int { 0 }
}
