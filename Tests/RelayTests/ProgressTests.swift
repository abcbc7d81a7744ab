import Logging
import Mail
import NIOCore
import NIOPosix
import SMTP
import Testing

@testable import Relay

@Suite("a delivery that makes no progress", .timeLimit(.minutes(5)))
struct ProgressTests {
    /// Sends an octet of an endless greeting every few milliseconds.
    private final class Trickle: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func channelActive(context: ChannelHandlerContext) { self.say("220 ", context) }

        private func say(_ text: String, _ context: ChannelHandlerContext) {
            guard context.channel.isActive else { return }
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(20)) { self.say("a", context) }
        }
    }

    @Test("octets that trickle are no reply: its time ends the session, and the hop is unreachable")
    func trickle() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Trickle()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "")
        var timeouts = configuration.timeouts
        timeouts.reply = 300
        let mailbox = Mailbox(localPart: "u", domain: Domain("example.org"))
        let job = Job(
            number: 1, message: QueueID(rawValue: 1),
            transaction: ClientSession.Transaction(
                reversePath: .null, recipients: [.path(Path(mailbox: mailbox))], contentOctets: 1))
        let delivery = Delivery(
            group: group, spool: StubSpool(),
            registry: SessionRegistry(node: "mx", signal: ChangeSignal(loop: group.next())), clock: .system,
            log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), threads: .singleton)
        let hop = NextHop(
            .hosts([SocketEndpoint(host: "127.0.0.1", port: try #require(server.localAddress?.port))]))
        let (results, continuation) = AsyncStream.makeStream(of: JobResult.Verdict.self)
        _ = delivery.open(
            to: hop, job: job,
            settings: Delivery.Settings(
                hostname: "mx.example.net", timeouts: timeouts, keyring: try Keyring(configuration))
        ) { event in
            if case .finished(let result) = event { continuation.yield(result.verdict) }
        }
        for await verdict in results {
            guard case .unreachable(let reason) = verdict else {
                Issue.record("\(verdict)")
                break
            }
            #expect(reason.contains("timed out"), "\(reason)")
            break
        }
        try await server.close()
    }
}
