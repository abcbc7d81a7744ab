import Logging
import Mail
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SMTP
import Testing

@testable import Relay

@Suite("the hosts of a next hop", .timeLimit(.minutes(5)))
struct ResolverTests {
    /// Answers with one list after the other.
    private final class Changing: NextHopResolver {
        private let answers: NIOLockedValueBox<[Resolution]>
        init(_ answers: [Resolution]) { self.answers = NIOLockedValueBox(answers) }

        func resolve(_ place: NextHop.Place, on eventLoop: any EventLoop) -> EventLoopFuture<Resolution> {
            eventLoop.makeSucceededFuture(self.answers.withLockedValue { $0.removeFirst() })
        }
    }

    /// Refuses everybody with a greeting of its own.
    private final class Refusing: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        func channelActive(context: ChannelHandlerContext) {
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: "554 no mail here\r\n")), promise: nil)
        }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }
    }

    private func host() async throws -> (any Channel, SocketEndpoint) {
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Refusing()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return (channel, SocketEndpoint(host: "127.0.0.1", port: try #require(channel.localAddress?.port)))
    }

    private func result(_ delivery: Delivery) async throws -> JobResult? {
        let configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "")
        let recipient = ForwardPath.path(Path(mailbox: Mailbox(localPart: "u", domain: Domain("example.org"))))
        let (events, continuation) = AsyncStream.makeStream(of: JobResult.self)
        _ = delivery.open(
            to: NextHop(.exchangers(of: Domain("example.org"))),
            job: Job(
                number: 1, message: QueueID(rawValue: 1),
                transaction: ClientSession.Transaction(reversePath: .null, recipients: [recipient], contentOctets: 1)),
            settings: Delivery.Settings(
                hostname: "mx.example.net", timeouts: configuration.timeouts, keyring: try Keyring(configuration))
        ) { event in
            switch event {
            case .finished(let result): continuation.yield(result)
            case .ended: continuation.finish()
            case .idle: break
            }
        }
        for await result in events { return result }
        return nil
    }

    private func delivery(_ resolver: any NextHopResolver) -> Delivery {
        let group = MultiThreadedEventLoopGroup.singleton
        return Delivery(
            group: group, spool: StubSpool(),
            registry: SessionRegistry(node: "mx", signal: ChangeSignal(loop: group.next())), resolver: resolver,
            clock: .system, log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), threads: .singleton)
    }

    @Test("are asked for with each session, and those of the last answer are tried")
    func each() async throws {
        let (first, one) = try await self.host()
        let (second, other) = try await self.host()
        let delivery = self.delivery(Changing([.init(named: [one]), .init(named: [other])]))
        #expect(try await self.result(delivery)?.host == one)
        #expect(try await self.result(delivery)?.host == other)
        try await first.close()
        try await second.close()
    }

    @Test("that nobody knows put mail off, and the reason is told")
    func unknown() async throws {
        guard case .unresolved(let reason)? = try await self.result(self.delivery(NamedHosts()))?.verdict else {
            Issue.record("there was a host")
            return
        }
        #expect(reason == "the mail exchangers of example.org are not known")
    }

    @Test("that there will never be return mail at once, with the reply that says why")
    func refused() async throws {
        let reply = Reply(556, "5.1.10", "example.org takes no mail")
        let result = try await self.result(self.delivery(Changing([.refused(reply)])))
        guard case .outcomes(let outcomes)? = result?.verdict else {
            Issue.record("\(String(describing: result))")
            return
        }
        #expect(outcomes == [.bounced(reply, by: .relay)])
        #expect(result?.host == nil)
    }
}
