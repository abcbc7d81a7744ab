import Mail
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Relay
import SMTP

/// The mailboxes at the far end: an SMTP server whose sessions are real and whose manners are scripted by the recipient's
/// domain and name.
final class FarEnd: Sendable {
    let endpoint: SocketEndpoint
    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel

    private init(_ endpoint: SocketEndpoint, _ group: MultiThreadedEventLoopGroup, _ channel: any Channel) {
        self.endpoint = endpoint
        self.group = group
        self.channel = channel
    }

    /// - Parameter port: 0 has the system choose.
    static func start(ledger: Ledger, port: Int = 0) async throws -> FarEnd {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let manners = Manners()
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.socketOption(.so_rcvbuf), value: 64 << 10)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 16 << 10))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FarEndHandler(manners, ledger))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        guard let port = channel.localAddress?.port else { throw Failure("the demo's mailboxes have no port") }
        return FarEnd(SocketEndpoint(host: "127.0.0.1", port: port), group, channel)
    }

    func stop() async {
        try? await self.channel.close()
        try? await self.group.shutdownGracefully()
    }
}

/// What the far end makes of a recipient.
final class Manners: Sendable {
    struct Answer {
        var verdict: ServerSession.Verdict
        var delay: TimeAmount = .zero
        /// Mail data is read this slowly.
        var readsSlowly = false
    }
    private let known = NIOLockedValueBox<[String: NIODeadline]>([:])
    private let lastID = NIOLockedValueBox(0)

    func nextID() -> String {
        self.lastID.withLockedValue { id in
            id += 1
            return "M\(id)"
        }
    }

    func answer(_ path: ForwardPath) -> Answer {
        guard case .path(let path) = path else { return Answer(verdict: .accept) }
        if path.mailbox.localPart.hasPrefix("nobody") {
            return Answer(verdict: .refuse(Reply(550, EnhancedStatusCode(5, 1, 1), "No such mailbox here")))
        }
        switch path.mailbox.domain.canonical {
        case "grey.example": return self.greylist(path.mailbox.description)
        case "slow.example": return Answer(verdict: .accept, delay: .milliseconds(1500))
        case "large.example": return Answer(verdict: .accept, readsSlowly: true)
        default: return Answer(verdict: .accept)
        }
    }

    /// The first attempt is put off; one that comes back after a while is taken.
    private func greylist(_ mailbox: String) -> Answer {
        self.known.withLockedValue { known in
            if let first = known[mailbox], .now() - first > .seconds(2) { return Answer(verdict: .accept) }
            if known[mailbox] == nil { known[mailbox] = .now() }
            return Answer(
                verdict: .refuse(Reply(451, EnhancedStatusCode(4, 7, 1), "Greylisted, please come back later")))
        }
    }
}

private final class FarEndHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What is kept of a message: enough to know it by.
    private static let keptOctets = 64 << 10

    private let manners: Manners
    private let ledger: Ledger
    private var session = ServerSession(ServerSession.Configuration(hostname: "mailboxes.example"))
    private var kept = ByteBuffer()
    private var readsSlowly = false
    private var isDraining = false

    init(_ manners: Manners, _ ledger: Ledger) {
        self.manners = manners
        self.ledger = ledger
    }

    func channelActive(context: ChannelHandlerContext) { self.drain(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.session.receive(self.unwrapInboundIn(data))
        self.drain(context)
    }

    func channelInactive(context: ChannelHandlerContext) { self.session.disconnected() }

    private func drain(_ context: ChannelHandlerContext) {
        guard !self.isDraining else { return }
        self.isDraining = true
        defer { self.isDraining = false }
        while let action = self.session.next() { self.run(action, context) }
        context.flush()
        guard self.session.wantsInput else { return }
        if self.readsSlowly, self.session.phase == .content {
            context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(100)) { context.read() }
        } else {
            context.read()
        }
    }

    private func run(_ action: ServerSession.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .heard, .note: break
        case .startTLS, .authenticate: preconditionFailure("the far end offers neither TLS nor AUTH")
        case .send(let reply):
            var buffer = context.channel.allocator.buffer(capacity: 128)
            reply.encode(into: &buffer)
            context.write(self.wrapOutboundOut(buffer), promise: nil)
        case .decide(let question): self.decide(question, context)
        case .store(var chunk):
            if self.kept.readableBytes < Self.keptOctets { self.kept.writeBuffer(&chunk) }
            self.session.stored()
        case .commit(let envelope):
            self.ledger.arrived(
                self.kept, for: envelope.recipients.map(\.forwardPath.mailboxText),
                isReport: envelope.reversePath == .null)
            self.kept.clear()
            self.session.committed(
                .all(Reply(250, EnhancedStatusCode(2, 0, 0), "Ok: queued as \(self.manners.nextID())")))
        case .discard: self.kept.clear()
        case .close: context.close(promise: nil)
        }
    }

    private func decide(_ question: ServerSession.Question, _ context: ChannelHandlerContext) {
        switch question {
        case .greeting, .hello, .content, .startTLS, .etrn, .xclient, .xforward: self.session.decided(.accept)
        case .mail:
            self.readsSlowly = false
            self.session.decided(.accept)
        case .recipient(let path, _):
            let answer = self.manners.answer(path)
            if answer.readsSlowly { self.readsSlowly = true }
            guard answer.delay > .zero else { return self.session.decided(answer.verdict) }
            context.eventLoop.assumeIsolated().scheduleTask(in: answer.delay) {
                self.session.decided(answer.verdict)
                self.drain(context)
            }
        }
    }
}
