import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SMTP
import Spool
import Testing

@testable import Relay

@Suite("sessions out that an operator or the queue wants no more", .timeLimit(.minutes(2)))
struct UnwantedSessionTests {
    private func endpoint(_ host: any Channel) throws -> SocketEndpoint {
        SocketEndpoint(host: "127.0.0.1", port: try #require(host.localAddress?.port))
    }

    @Test(
        "one whose host keeps it waiting before it is ready ends at once when it is closed",
        arguments: [
            ([], SessionPhase.greeting), (["220 here"], .hello), (["220 here", "250-here\r\n250 STARTTLS"], .tls),
            (["220 here", "250-here\r\n250 STARTTLS", "220 go ahead"], .tls),
        ])
    func closed(_ replies: [String], _ phase: SessionPhase) async throws {
        let sessions = NIOLockedValueBox(0)
        let host = try await HostOfFewWords.listen(replies, last: { _ in sessions.withLockedValue { $0 += 1 } })
        let delivery = try OneDelivery(to: try self.endpoint(host))
        #expect(try await eventually { delivery.session?.row.phase == phase })
        #expect(delivery.session?.hangUp() == true)
        try await self.expectClosed(delivery)
        #expect(sessions.withLockedValue { $0 } <= 1)
        try await host.close()
    }

    /// It takes nobody, and its kernel takes `first` in its place: who comes behind that waits.
    private func deafHost() async throws -> (host: any Channel, first: any Channel) {
        let host = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 0).serverChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.1", port: 0).get()
        let first = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(to: try #require(host.localAddress)).get()
        return (host, first)
    }

    @Test("one that still connects when the relay stops ends at once, and tells of no failure")
    func stopped() async throws {
        let (host, first) = try await self.deafHost()
        let delivery = try OneDelivery(to: try self.endpoint(host))
        #expect(try await eventually { delivery.session?.row.phase == .connect })
        delivery.connection.quit()
        #expect(try await eventually { delivery.state.isEnded })
        guard case .untried? = delivery.state.verdicts.first, delivery.state.verdicts.count == 1 else {
            Issue.record("\(delivery.state.verdicts)")
            return
        }
        #expect(delivery.session?.row.remark == nil)
        #expect(delivery.registry.liveCounts == (0, 0))
        try await first.close()
        try await host.close()
    }

    @Test("where one is closed before it is ready its mail goes to the next host")
    func next() async throws {
        let host = try await HostOfFewWords.listen(["220 here"], last: { _ in })
        let other = try await HostOfFewWords.listen(["220 there"], last: { _ in })
        let delivery = try OneDelivery(to: try self.endpoint(host), and: [try self.endpoint(other)])
        #expect(try await eventually { delivery.session?.row.phase == .hello })
        #expect(delivery.session?.hangUp() == true)
        let name = try self.endpoint(other).description
        #expect(
            try await eventually {
                delivery.registry.records(includingEnded: true).contains {
                    $0.row.peer == name && $0.row.phase == .hello
                }
            })
        #expect(delivery.state.verdicts.isEmpty)
        delivery.connection.abort()
        #expect(try await eventually { delivery.state.isEnded })
        try await host.close()
        try await other.close()
    }

    @Test("none is opened where all hosts are suspended, which is not their failure")
    func suspended() async throws {
        let endpoint = SocketEndpoint(host: "mx.example.org", port: 25)
        var orders = DestinationOrders()
        orders.suspensions["mx.example.org"] = Suspension(by: "ops")
        let delivery = try OneDelivery(to: endpoint, without: HostsLeftOut(orders: orders))
        #expect(try await eventually { delivery.state.isEnded })
        guard case .suspended? = delivery.state.verdicts.first else {
            Issue.record("\(delivery.state.verdicts)")
            return
        }
        #expect(delivery.session == nil)
    }

    @Test("one that still connects does as well")
    func connecting() async throws {
        let (host, first) = try await self.deafHost()
        let delivery = try OneDelivery(to: try self.endpoint(host))
        #expect(try await eventually { delivery.session?.row.phase == .connect })
        #expect(delivery.session?.hangUp() == true)
        try await self.expectClosed(delivery)
        try await first.close()
        try await host.close()
    }

    private func expectClosed(_ delivery: OneDelivery) async throws {
        #expect(try await eventually { delivery.state.isEnded })
        #expect(delivery.session?.row.remark == "closed by the operator")
        #expect(delivery.registry.liveCounts == (0, 0))
        guard case .unreachable(let reason)? = delivery.state.verdicts.first, delivery.state.verdicts.count == 1 else {
            Issue.record("\(delivery.state.verdicts)")
            return
        }
        #expect(reason.contains("closed by the operator"))
    }

    /// Content that is read when the test says how that ends.
    private struct Held: ContentSource {
        let octets = 100
        let isAsked = NIOLockedValueBox<EventLoopPromise<ByteBuffer>?>(nil)

        func read(from offset: Int, count: Int, on eventLoop: any EventLoop) -> EventLoopFuture<ByteBuffer> {
            let promise = eventLoop.makePromise(of: ByteBuffer.self)
            self.isAsked.withLockedValue { $0 = promise }
            return promise.futureResult
        }
    }

    @Test("one whose content cannot be read says QUIT at once when nobody wants it any more")
    func unreadable() async throws {
        let heard = NIOLockedValueBox<[String]>([])
        let host = try await HostOfFewWords.listen(
            ["220 here", "250 here", "221 Bye"], heard: { line in heard.withLockedValue { $0.append(line) } },
            last: { $0.close(promise: nil) })
        let content = Held()
        // It has to be converted for this host, and so it is read before anything is said of it.
        let delivery = try OneDelivery(
            to: try self.endpoint(host), parameters: [Parameter("BODY", "8BITMIME")], content: content)
        #expect(try await eventually { content.isAsked.withLockedValue { $0 != nil } })
        delivery.connection.quit()
        // Behind that, on the same loop.
        try await delivery.connection.loop.submit {}.get()
        content.isAsked.withLockedValue { $0 }?.fail(SpoolError(.unavailable, "the disk is gone"))
        #expect(try await eventually { delivery.state.isEnded })
        #expect(heard.withLockedValue { $0.last } == "QUIT\r\n")
        #expect(delivery.state.idles == 0)
        #expect(delivery.state.verdicts.map { "\($0)" }.allSatisfy { $0.contains("the disk is gone") })
        try await host.close()
    }
}
