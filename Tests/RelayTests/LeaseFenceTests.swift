import Logging
import Mail
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SMTP
import Spool
import SpoolTesting
import Testing

@testable import Relay

@Suite("a session whose node's lease ends", .timeLimit(.minutes(5)))
struct LeaseFenceTests {
    /// Takes one message, and says of it what it is told to say, when the dot is there.
    private final class Taker: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private var replies = ["250 here", "250 sender", "250 recipient", "354 go on"][...]
        private let last: String
        private let heardDot: () -> Void
        private var content = ""

        init(_ last: String, heardDot: @escaping () -> Void) { (self.last, self.heardDot) = (last, heardDot) }

        func channelActive(context: ChannelHandlerContext) { self.say("220 here", context) }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if let reply = self.replies.popFirst() { return self.say(reply, context) }
            self.content += String(buffer: self.unwrapInboundIn(data))
            if self.content.hasSuffix("\r\n.\r\n") {
                self.heardDot()
                self.say(self.last, context)
            } else if self.content.hasSuffix("QUIT\r\n") {
                context.close(promise: nil)
            }
        }
        private func say(_ reply: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: reply + "\r\n")), promise: nil)
        }
    }

    /// What becomes of a message, and whether its session is told as one that failed.
    ///
    /// - Parameters:
    ///   - last: what the next hop says to the dot, behind which the lease is over.
    ///   - isOverBefore: it is over before there is a connection.
    private func result(_ last: String, isOverBefore: Bool = false) async throws -> (JobResult, failed: [Bool]) {
        let time = NIOLockedValueBox(Timestamp.now)
        let spool = try MemorySpool(MemoryStore(leaseMilliseconds: 1000) { time.withLockedValue { $0 } })
        let host = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let taker = Taker(last) { time.withLockedValue { $0 = $0.adding(milliseconds: 2000) } }
                    try channel.pipeline.syncOperations.addHandler(taker)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let group = MultiThreadedEventLoopGroup.singleton
        let path = ForwardPath.path(Path(mailbox: Mailbox(localPart: "u", domain: Domain("example.org"))))
        let content = ByteBuffer(string: "Subject: a\r\n\r\nb\r\n")
        let message = SpooledMessage(
            id: spool.nextID(at: .now), arrived: .now, reversePath: .null, arrival: Arrival(with: "ESMTP"),
            contentOctets: content.readableBytes,
            recipients: [SpooledRecipient(index: 0, forwardPath: path, due: .now)])
        try await spool.accept(NewMessage(message, content: .buffer(content)), on: group.next()).get()
        let transaction = ClientSession.Transaction(
            reversePath: .null, recipients: [path], contentOctets: content.readableBytes)
        var job = Job(number: 1, message: message.id, transaction: transaction)
        job.lease = spool.lease

        let failed = NIOLockedValueBox<[Bool]>([])
        let configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "")
        let delivery = Delivery(
            group: group, spool: spool,
            registry: SessionRegistry(node: "mx", signal: ChangeSignal(loop: group.next())) { record in
                failed.withLockedValue { $0.append(record.hasFailed) }
            },
            clock: .system, log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), threads: .singleton)
        let (events, continuation) = AsyncStream.makeStream(of: JobResult.self)
        let endpoint = SocketEndpoint(host: "127.0.0.1", port: try #require(host.localAddress?.port))
        let connection = delivery.open(
            to: NextHop(.hosts([endpoint])), job: job,
            settings: Delivery.Settings(
                hostname: "mx.example.net", timeouts: configuration.timeouts, keyring: try Keyring(configuration))
        ) { event in
            switch event {
            case .finished(let result): continuation.yield(result)
            case .ended: continuation.finish()
            case .idle: break
            }
        }
        if isOverBefore { connection.leaseEnded() }
        var results: [JobResult] = []
        for await result in events {
            results.append(result)
            connection.quit()
        }
        try await host.close()
        #expect(results.count == 1)
        return (try #require(results.first), failed.withLockedValue { $0 })
    }

    @Test("the reply to the dot counts, and the session ends as any other")
    func taken() async throws {
        let (result, failed) = try await self.result("250 taken")
        guard case .outcomes(let outcomes) = result.verdict else {
            Issue.record("\(result.verdict)")
            return
        }
        #expect(outcomes.map(\.isRelayed) == [true])
        #expect(failed == [false])
    }

    @Test("a message of which the dot was said is not tried again at once, whatever came for a reply")
    func malformed() async throws {
        let (result, _) = try await self.result("what?")
        guard case .outcomes(let outcomes) = result.verdict else {
            Issue.record("\(result.verdict)")
            return
        }
        #expect(outcomes == [.deferred(.malformedReply(.finalReply))])
    }

    @Test("a connection that is still being made comes to nothing, and the mail was not tried")
    func connecting() async throws {
        let (result, _) = try await self.result("250 taken", isOverBefore: true)
        guard case .untried = result.verdict else {
            Issue.record("\(result.verdict)")
            return
        }
    }
}
