import Mail
import Monitor
import NIOConcurrencyHelpers
import Spool
import Testing

@testable import Relay

@Suite("the order that a node stop")
struct ShutdownOrderTests {
    /// What happened, in its order.
    private final class Account: Sendable {
        private let lines = NIOLockedValueBox<[String]>([])
        var all: [String] { self.lines.withLockedValue { $0 } }
        func add(_ line: String) { self.lines.withLockedValue { $0.append(line) } }
    }

    private let account = Account()
    private let order: ShutdownOrder

    init() {
        let account = self.account
        self.order = ShutdownOrder(node: "mx", now: { Timestamp(milliseconds: 0) }) {
            account.add("\($0.kind) of \($0.text ?? "?") by \($0.actor ?? "?")")
        }
    }

    @Test("it is a fact before the program is told to end, and is given once")
    func feed() async throws {
        #expect(!self.order.isAllowed)
        self.order.allow { [account] in account.add("stop") }
        #expect(self.order.isAllowed)
        try await self.order.give(by: "ann")
        await #expect(throws: FeedError.self) { try await self.order.give(by: "bob") }
        #expect(self.account.all == ["shutdown of mx by ann", "stop"])
    }

    @Test("the signal that comes of an order through a feed is no second fact")
    func signalAfterFeed() async throws {
        self.order.allow { [account] in account.add("stop") }
        try await self.order.give(by: "ann")
        await self.order.signalled(by: "signal")
        #expect(self.account.all == ["shutdown of mx by ann", "stop"])
    }

    @Test("a signal is a fact, and no order through a feed follows it")
    func signal() async throws {
        self.order.allow { [account] in account.add("stop") }
        await self.order.signalled(by: "SIGTERM")
        await #expect(throws: FeedError.self) { try await self.order.give(by: "ann") }
        #expect(self.account.all == ["shutdown of mx by SIGTERM"])
    }

    @Test("a signal that comes while the fact is written is not sent a second time")
    func signalMeanwhile() async throws {
        let account = self.account
        let order = NIOLockedValueBox<ShutdownOrder?>(nil)
        let late = ShutdownOrder(node: "mx", now: { Timestamp(milliseconds: 0) }) { _ in
            account.add("fact")
            await order.withLockedValue { $0 }?.signalled(by: "SIGTERM")
        }
        order.withLockedValue { $0 = late }
        late.allow { account.add("stop") }
        try await late.give(by: "ann")
        order.withLockedValue { $0 = nil }
        #expect(account.all == ["fact"])
    }

    @Test("a node that stops already takes none")
    func obeyed() async {
        self.order.allow { [account] in account.add("stop") }
        self.order.obeyed()
        await #expect(throws: FeedError.self) { try await self.order.give(by: "ann") }
        #expect(self.account.all.isEmpty)
    }
}
