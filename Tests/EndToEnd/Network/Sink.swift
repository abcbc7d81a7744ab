import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Relay
import SMTP

@testable import hoptop

/// A mail exchanger of the tests, whose manners are scripted.
final class Sink: Sendable {
    struct Manners: Sendable {
        /// Instead of 220, and then it hangs up.
        var greeting: Reply?
        /// Never says anything.
        var isSilent = false
        /// Before each reply to RCPT.
        var delay = TimeAmount.zero
        /// The first attempt for each recipient gets a 451.
        var greylists = false
        /// Transactions of a session; then 421.
        var transactions: Int?
        /// Messages in each second; for more there is a 450.
        var messagesPerSecond: Int?
        /// The connection breaks in the midst of the content.
        var resetsInData = false
        /// The connection breaks at the first RCPT.
        var resetsAtRecipient = false
        /// What each recipient gets.
        var refusal: Reply?
        /// Offered when it is there.
        var tls: TLSFiles?
        init() {}
    }

    /// A message that was taken.
    struct Message: Sendable, Hashable {
        var from: String
        var to: [String]
        var content: String
        var overTLS: Bool
    }

    fileprivate struct State {
        var messages: [Message] = []
        var sessions = 0
        /// Of them those that have not ended, and the most of these that there were at a time.
        var open = 0
        var mostOpen = 0
        var tried: Set<String> = []
        var second = (begun: NIODeadline.now(), messages: 0)
    }
    fileprivate let state = NIOLockedValueBox(State())
    private let channel: any Channel

    var messages: [Message] { self.state.withLockedValue { $0.messages } }
    var sessions: Int { self.state.withLockedValue { $0.sessions } }
    /// The most that there were at a time.
    var mostSessionsAtOnce: Int { self.state.withLockedValue { $0.mostOpen } }

    /// - Parameter port: 0 has the system choose.
    init(_ manners: Manners = Manners(), at address: String, port: Int) async throws {
        let tls = try manners.tls.map { files in
            try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: try NIOSSLCertificate.fromPEMFile(files.certificate).map { .certificate($0) },
                    privateKey: .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem))))
        }
        let state = self.state
        self.channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(SinkHandler(manners, state, tls))
                }
            }
            .bind(host: address, port: port).get()
    }

    var port: Int { self.channel.localAddress?.port ?? 0 }

    func stop() async { try? await self.channel.close() }
}

private final class SinkHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let manners: Sink.Manners
    private let state: NIOLockedValueBox<Sink.State>
    private let tls: NIOSSLContext?
    private var session: ServerSession
    private var content = ByteBuffer()
    private var transactions = 0
    private var isSecured = false
    private var isDraining = false

    init(_ manners: Sink.Manners, _ state: NIOLockedValueBox<Sink.State>, _ tls: NIOSSLContext?) {
        self.manners = manners
        self.state = state
        self.tls = tls
        var configuration = ServerSession.Configuration(hostname: "sink.example")
        if tls != nil { configuration.extensions.formUnion([.startTLS, .requireTLS]) }
        self.session = ServerSession(configuration)
    }

    func channelActive(context: ChannelHandlerContext) {
        self.state.withLockedValue { state in
            state.sessions += 1
            state.open += 1
            state.mostOpen = max(state.mostOpen, state.open)
        }
        if !self.manners.isSilent { self.drain(context) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.session.receive(self.unwrapInboundIn(data))
        if !self.manners.isSilent { self.drain(context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.state.withLockedValue { $0.open -= 1 }
        self.session.disconnected()
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case TLSUserEvent.handshakeCompleted = event else { return }
        self.isSecured = true
        self.session.tlsEstablished()
        self.drain(context)
    }

    private func drain(_ context: ChannelHandlerContext) {
        guard !self.isDraining else { return }
        self.isDraining = true
        while let action = self.session.next() { self.run(action, context) }
        self.isDraining = false
        context.flush()
    }

    private func run(_ action: ServerSession.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .heard, .note, .authenticate: break
        case .startTLS:
            context.flush()
            guard let tls = self.tls else { return }
            try? context.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls), position: .before(self))
        case .send(let reply):
            var buffer = ByteBuffer()
            reply.encode(into: &buffer)
            context.write(self.wrapOutboundOut(buffer), promise: nil)
        case .decide(let question): self.decide(question, context)
        case .store(var chunk):
            if self.manners.resetsInData { self.reset(context) }
            self.content.writeBuffer(&chunk)
            self.session.stored()
        case .commit(let envelope): self.take(envelope)
        case .discard: self.content.clear()
        case .close:
            context.flush()
            context.close(promise: nil)
        }
    }

    private func reset(_ context: ChannelHandlerContext) {
        // Without what waits in the socket, and with a reset.
        _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        context.close(promise: nil)
    }

    private func take(_ envelope: Envelope) {
        let message = Sink.Message(
            from: "\(envelope.reversePath)", to: envelope.recipients.map(\.forwardPath.mailboxText),
            content: String(buffer: self.content), overTLS: self.isSecured)
        self.content.clear()
        self.state.withLockedValue { $0.messages.append(message) }
        self.session.committed(.all(Reply(250, "2.0.0", "Ok")))
    }

    private func decide(_ question: ServerSession.Question, _ context: ChannelHandlerContext) {
        switch question {
        case .greeting: self.session.decided(self.manners.greeting.map { .disconnect($0) } ?? .accept)
        case .mail: self.session.decided(self.mailVerdict)
        case .recipient where self.manners.resetsAtRecipient: self.reset(context)
        case .recipient(let path, _):
            let verdict = self.recipientVerdict(path.mailboxText)
            guard self.manners.delay > .zero else { return self.session.decided(verdict) }
            context.eventLoop.assumeIsolated().scheduleTask(in: self.manners.delay) {
                self.session.decided(verdict)
                self.drain(context)
            }
        case .hello, .content, .startTLS, .etrn, .xclient, .xforward: self.session.decided(.accept)
        }
    }

    private var mailVerdict: ServerSession.Verdict {
        self.transactions += 1
        if let most = self.manners.transactions, self.transactions > most {
            return .disconnect(Reply(421, "4.7.0", "Enough for one session"))
        }
        guard let most = self.manners.messagesPerSecond else { return .accept }
        return self.state.withLockedValue { state in
            if NIODeadline.now() - state.second.begun > .seconds(1) { state.second = (.now(), 0) }
            state.second.messages += 1
            return state.second.messages > most ? .refuse(Reply(450, "4.7.1", "Too fast")) : .accept
        }
    }

    private func recipientVerdict(_ mailbox: String) -> ServerSession.Verdict {
        if let refusal = self.manners.refusal { return .refuse(refusal) }
        guard self.manners.greylists else { return .accept }
        let isNew = self.state.withLockedValue { $0.tried.insert(mailbox).inserted }
        return isNew ? .refuse(Reply(451, "4.7.1", "Greylisted")) : .accept
    }
}
