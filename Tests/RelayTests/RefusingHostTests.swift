import Logging
import Mail
import NIOCore
import NIOPosix
import SMTP
import Testing

@testable import Relay

@Suite("hosts that take no mail at all (RFC 7504)", .timeLimit(.minutes(5)))
struct RefusingHostTests {
    /// Greets, answers each line with the next of `replies`, and closes behind the last.
    private final class Scripted: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private var replies: ArraySlice<String>
        init(_ replies: [String]) { self.replies = replies[...] }

        func channelActive(context: ChannelHandlerContext) { self.answer(context) }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { self.answer(context) }
        private func answer(_ context: ChannelHandlerContext) {
            guard let reply = self.replies.popFirst() else { return context.close(promise: nil) }
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: reply + "\r\n")), promise: nil)
        }
    }

    private func host(_ replies: [String]) async throws -> any Channel {
        try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Scripted(replies))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    private func endpoint(_ host: any Channel) throws -> SocketEndpoint {
        SocketEndpoint(host: "127.0.0.1", port: try #require(host.localAddress?.port))
    }

    /// What becomes of a message to two recipients at these hosts, tried in order.
    private func result(_ hosts: [SocketEndpoint]) async throws -> JobResult {
        let configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "")
        let recipients = ["u", "v"].map { name in
            ForwardPath.path(Path(mailbox: Mailbox(localPart: name, domain: Domain("example.org"))))
        }
        let job = Job(
            number: 1, message: QueueID(rawValue: 1),
            transaction: ClientSession.Transaction(reversePath: .null, recipients: recipients, contentOctets: 1))
        let group = MultiThreadedEventLoopGroup.singleton
        let delivery = Delivery(
            group: group, spool: StubSpool(),
            registry: SessionRegistry(node: "mx", signal: ChangeSignal(loop: group.next())), clock: .system,
            log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), threads: .singleton)
        let (events, continuation) = AsyncStream.makeStream(of: JobResult.self)
        _ = delivery.open(
            to: NextHop(.hosts(hosts)), job: job,
            settings: Delivery.Settings(
                hostname: "mx.example.net", timeouts: configuration.timeouts, keyring: try Keyring(configuration))
        ) { event in
            switch event {
            case .finished(let result): continuation.yield(result)
            case .ended: continuation.finish()
            case .idle: break
            }
        }
        var results: [JobResult] = []
        for await result in events { results.append(result) }
        #expect(results.count == 1)
        return try #require(results.first)
    }

    @Test(
        "when each host greets with a 5yz the mail bounces at once, with the last one's reply",
        arguments: ["521 5.3.2 mx.example.org accepts no mail", "554 5.7.1 no SMTP service here", "556 no mail here"])
    func allRefuse(_ greeting: String) async throws {
        let first = try await self.host(["554 not here"])
        let last = try await self.host([greeting])
        let result = try await self.result([try self.endpoint(first), try self.endpoint(last)])
        guard case .outcomes(let outcomes) = result.verdict else {
            Issue.record("\(result.verdict)")
            return
        }
        let reply = try #require(
            outcomes.first.flatMap { if case .bounced(let reply, .nextHop) = $0 { reply } else { nil } })
        #expect(reply.description == greeting)
        #expect(outcomes == [.bounced(reply), .bounced(reply)])
        #expect(result.host == (try self.endpoint(last)))
        #expect(result.session != nil)
        try await first.close()
        try await last.close()
    }

    @Test("the next host of the list is tried, and may take it")
    func nextHost() async throws {
        let first = try await self.host(["521 no mail"])
        let second = try await self.host(
            ["220 here", "250 here", "250 Ok", "550 u", "551 v", "250 Ok", "221 Bye"])
        let result = try await self.result([try self.endpoint(first), try self.endpoint(second)])
        guard case .outcomes(let outcomes) = result.verdict else {
            Issue.record("\(result.verdict)")
            return
        }
        #expect(outcomes.map { "\($0)" }.allSatisfy { $0.contains("bounced") && !$0.contains("521") })
        #expect(result.host == (try self.endpoint(second)))
        try await first.close()
        try await second.close()
    }

    @Test(
        "one host that may answer later is worth waiting for, wherever it is in the list",
        arguments: [["421 later"], [], ["220 here", "502 no EHLO", "550 your name is odd"]])
    func mixed(_ later: [String]) async throws {
        let refusing = try await self.host(["521 no mail"])
        let other = try await self.host(later)
        let place = try self.endpoint(other)
        if later.isEmpty { try await other.close() }  // Nobody listens there now.
        let refuser = try self.endpoint(refusing)
        for hosts in [[refuser, place], [place, refuser]] {
            guard case .unreachable = try await self.result(hosts).verdict else {
                Issue.record("it bounced")
                continue
            }
        }
        try await refusing.close()
        if !later.isEmpty { try await other.close() }
    }
}
