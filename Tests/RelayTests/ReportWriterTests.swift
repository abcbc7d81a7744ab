import Logging
import Mail
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SMTP
import Spool
import Testing

@testable import Relay

@Suite("reports on mail that cannot be read")
struct ReportWriterTests {
    private let spool = StubSpool()

    /// The reports on a message that was bounced; its content is not to be had.
    private func reports() async throws -> [NewMessage] {
        let now = Timestamp(milliseconds: 1_800_000_000_000)
        let message = SpooledMessage(
            id: QueueID(rawValue: 1), arrived: now, reversePath: try ReversePath(parsing: "<ann@a.example>"),
            arrival: Arrival(with: "ESMTP"), contentOctets: 9,
            recipients: [
                SpooledRecipient(index: 0, forwardPath: try ForwardPath(parsing: "<bob@b.example>"), due: now)
            ])
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        try await self.spool.accept(
            NewMessage(message, content: .buffer(ByteBuffer(string: "hi")), heldBy: nil), expectingMore: false, on: loop
        ).get()
        let writer = ReportWriter(
            spool: self.spool, rules: StandingRules(), clock: .system, loop: loop,
            log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let outcome = Settlement.Outcome(index: 0, generation: 0, state: .bounced, reply: "550 no such user")
        let configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "")
        return try await writer.reports(on: [outcome], of: message.id, configuration).get()
    }

    @Test("a report goes without a header that cannot be read")
    func unreadable() async throws { #expect(try await self.reports().count == 1) }

    @Test("it waits for one that can be read when the store is back")
    func away() async throws {
        self.spool.state.withLockedValue { $0.failure.isAway = true }
        await #expect(throws: SpoolError.self) { _ = try await self.reports() }
    }
}
