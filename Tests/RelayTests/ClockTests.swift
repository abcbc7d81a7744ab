import Foundation
import Logging
import Mail
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SMTP
import Spool
import Testing

@testable import Relay

@Suite("a time of day that jumps", .timeLimit(.minutes(5)))
struct ClockTests {
    /// A relay whose clocks stand still but for what the test does to them.
    private final class Fixture {
        private struct Clocks {
            var now = Timestamp.now
            var steady: Int64 = 0
        }
        private let clocks: NIOLockedValueBox<Clocks>
        private let change: (inout RelayConfiguration) throws -> Void
        let path: String
        let spool: SQLiteSpool
        let relay: Relay

        convenience init(_ change: @escaping (inout RelayConfiguration) throws -> Void) async throws {
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-clock-\(UUID())").path
            try await self.init(path, clocks: NIOLockedValueBox(Clocks()), change)
        }

        private init(
            _ path: String, clocks: NIOLockedValueBox<Clocks>,
            _ change: @escaping (inout RelayConfiguration) throws -> Void
        ) async throws {
            self.path = path
            self.clocks = clocks
            self.change = change
            self.spool = try SQLiteSpool(directory: self.path, threads: .singleton)
            var configuration = RelayConfiguration(
                hostname: "mx.example.net", listen: [], routes: [], spoolDirectory: self.path)
            try change(&configuration)
            let clock = Clock(
                now: { clocks.withLockedValue { $0.now } }, steady: { clocks.withLockedValue { $0.steady } },
                pause: .milliseconds(200))
            self.relay = Relay(
                configuration, keyring: try Keyring(configuration), spool: self.spool, threads: .singleton,
                clock: clock,
                log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
            try await self.relay.start()
        }

        /// The time of day alone.
        func jump(hours: Int64) {
            self.clocks.withLockedValue { $0.now = $0.now.adding(milliseconds: hours * 3_600_000) }
        }
        func jump(seconds: Int64) {
            self.clocks.withLockedValue { $0.now = $0.now.adding(milliseconds: seconds * 1000) }
        }
        /// Time passes.
        func pass(seconds: Int64) {
            self.clocks.withLockedValue { clocks in
                clocks.now = clocks.now.adding(milliseconds: seconds * 1000)
                clocks.steady += seconds * 1000
            }
        }

        func accept() async throws {
            let now = self.clocks.withLockedValue { $0.now }
            let mailbox = Mailbox(localPart: "u", domain: Domain("example.org"))
            let content = ByteBuffer(string: "Subject: hi\r\n\r\nhi\r\n")
            let message = SpooledMessage(
                id: self.spool.nextID(at: now), arrived: now, reversePath: .null, arrival: Arrival(with: "ESMTP"),
                contentOctets: content.readableBytes,
                recipients: [SpooledRecipient(index: 0, forwardPath: .path(Path(mailbox: mailbox)), due: now)])
            let loop = self.relay.queue.loop
            try await self.spool.accept(NewMessage(message, content: .buffer(content)), on: loop).get()
            self.relay.queue.accepted(message)
        }

        var tries: UInt16 {
            get async {
                let queue = self.relay.queue
                return await queue.onLoop { queue.scheduler.index.tries.first ?? 0 }
            }
        }

        /// The clock jumps, and the queue has seen to it. Since the clocks stand still again then, nothing more comes of it.
        ///
        /// - Returns: `false` where that does not happen.
        func hasSeenJump(hours: Int64) async throws -> Bool {
            let queue = self.relay.queue
            let before = await queue.onLoop { queue.scheduler.index.arrived }
            let after = before.map { $0 + hours * 3_600_000 }
            self.jump(hours: hours)
            return try await ClockTests.eventually { await queue.onLoop { queue.scheduler.index.arrived == after } }
        }

        /// Nothing is being tried, or written down.
        var isQuiet: Bool {
            get async {
                let queue = self.relay.queue
                return await queue.onLoop { queue.scheduler.claims.isEmpty }
            }
        }

        /// How many messages were tried so often.
        func tries(atLeast tries: UInt16) async -> Int {
            let queue = self.relay.queue
            return await queue.onLoop { queue.scheduler.index.tries.count { $0 >= tries } }
        }

        /// The same spool, at another time of day.
        func restarted(hours: Int64) async throws -> Fixture {
            await self.relay.stop(within: 0)
            self.jump(hours: hours)
            return try await Fixture(self.path, clocks: self.clocks, self.change)
        }

        func end() async {
            await self.relay.stop(within: 0)
            try? FileManager.default.removeItem(atPath: self.path)
        }
    }

    @Test("nothing expires by a jump of hours, nor by the one that takes it back")
    func expiry() async throws {
        let fixture = try await Fixture { configuration in
            // Looked through once a second.
            configuration.retry.giveUp = 20_000
            configuration.retry.delayNotice = 0
        }
        try await fixture.accept()
        for hours: Int64 in [5, -5, -7, 7] {
            #expect(try await fixture.hasSeenJump(hours: hours))
            #expect(await fixture.isQuiet)
            #expect(await fixture.relay.queuedRecipients() == 1)
        }
        #expect(try await fixture.spool.counters().expired == 0)
        // Time that passes still counts.
        fixture.pass(seconds: 21)
        #expect(try await Self.eventually { try await fixture.spool.counters().expired == 1 })
        await fixture.end()
    }

    @Test("retries go on in time that passes, and none comes twice, whichever way the clock jumps", arguments: [-9, 9])
    func retries(_ hours: Int64) async throws {
        let fixture = try await Fixture { configuration in
            // Nobody listens there.
            let nowhere = SocketEndpoint(host: "127.0.0.1", port: 1)
            configuration.routes = [Route(pattern: try #require(DomainPattern("*")), via: [nowhere])]
            configuration.retry.first = 3000
            configuration.retry.longest = 3000
        }
        try await fixture.accept()
        #expect(try await Self.eventually { await fixture.tries == 1 })
        #expect(try await fixture.hasSeenJump(hours: hours))
        #expect(await fixture.isQuiet)
        #expect(await fixture.tries == 1)
        fixture.pass(seconds: 4)
        #expect(try await Self.eventually { await fixture.tries == 2 })
        await fixture.end()
    }

    @Test("what waits in line goes on, whichever way the clock steps", arguments: [-5, 5, -3600, 3600])
    func line(_ seconds: Int64) async throws {
        let fixture = try await Fixture { configuration in
            let nowhere = SocketEndpoint(host: "127.0.0.1", port: 1)
            configuration.routes = [Route(pattern: try #require(DomainPattern("*")), via: [nowhere])]
            configuration.retry.first = 3000
            configuration.retry.longest = 3000
        }
        // The first shows that nobody is there, and the others stay in line.
        for _ in 0..<8 { try await fixture.accept() }
        #expect(try await Self.eventually { await fixture.tries(atLeast: 1) >= 1 })
        fixture.jump(seconds: seconds)
        try await fixture.accept()
        for _ in 0..<40 where await fixture.tries(atLeast: 1) < 9 {
            fixture.pass(seconds: 4)
            try await Task.sleep(for: .milliseconds(300))
        }
        #expect(await fixture.tries(atLeast: 1) == 9)
        await fixture.end()
    }

    @Test("times written while the clock was wrong delay nothing after a start")
    func start() async throws {
        let fixture = try await Fixture { configuration in
            let nowhere = SocketEndpoint(host: "127.0.0.1", port: 1)
            configuration.routes = [Route(pattern: try #require(DomainPattern("*")), via: [nowhere])]
        }
        fixture.jump(hours: 24 * 365)
        try await fixture.accept()
        #expect(try await Self.eventually { await fixture.tries == 1 })
        let restarted = try await fixture.restarted(hours: -24 * 365)
        #expect(try await Self.eventually { await restarted.tries == 2 })
        await restarted.end()
    }

    private static func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
        for _ in 0..<600 {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }
}
