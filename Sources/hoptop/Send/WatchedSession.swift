import Monitor
import NIOCore
import NIOSSL
import NIOTLS
import Relay
import SASL
import SMTP

/// Carries octets between a channel and a client session, and tells each line as it is said.
final class WatchedSession: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var session: ClientSession
    private var series: TransactionSeries
    private let input: ComposedMessage
    private let security: SendSecurity
    private let done: EventLoopPromise<[ClientSession.Outcome]>
    private let tell: @Sendable (TranscriptLine.Speaker, String) -> Void
    private var context: ChannelHandlerContext?
    private var sasl: (any SASLClient)?
    private var offset = 0
    private var isSecuring = false

    /// - Parameters:
    ///   - done: gets what became of each recipient when the connection is closed.
    ///   - tell: is given every line without its end, credentials masked.
    init(
        _ session: ClientSession.Configuration, _ input: ComposedMessage, _ security: SendSecurity,
        done: EventLoopPromise<[ClientSession.Outcome]>,
        tell: @escaping @Sendable (TranscriptLine.Speaker, String) -> Void
    ) {
        self.session = ClientSession(session)
        self.series = TransactionSeries(input.transaction)
        self.input = input
        self.security = security
        self.done = done
        self.tell = tell
    }

    // MARK: the channel's events

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.session.receive(self.unwrapInboundIn(data))
        self.drain()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) { self.drain() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted: self.secured(context)
        case is IdleStateHandler.IdleStateEvent:
            self.session.timedOut()
            self.drain()
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Many peers end TLS by closing the connection, which is told next.
        if let error = error as? NIOSSLError, case .uncleanShutdown = error { return }
        let words = ConnectionWords.words(for: error)
        self.tell(.relay, words)
        if self.isSecuring {
            self.isSecuring = false
            self.session.tlsFailed(words)
            self.drain()
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let phase = self.session.phase
        self.session.disconnected()
        self.drain()
        self.context = nil
        self.done.succeed(self.series.outcomes(lostIn: phase))
    }

    // MARK: the session's actions

    private func drain() {
        while self.context?.channel.isWritable != false, let action = self.session.next() { self.run(action) }
        self.context?.flush()
    }

    private func run(_ action: ClientSession.Action) {
        switch action {
        case .send(let line): self.say(line, shown: line)
        case .sendSecret(let line, let shown): self.say(line, shown: shown)
        case .heard(let reply): self.heard(reply)
        case .startTLS: self.startTLS()
        case .authenticate(let mechanisms): self.authenticate(mechanisms)
        case .answer(let challenge): self.answer(challenge)
        case .ready:
            self.offset = 0
            if let next = self.series.next() { self.session.begin(next) } else { self.session.quit() }
        case .spent: break
        case .readContent: self.readContent()
        case .sendContent(let octets): self.write(octets)
        case .endContent:
            self.write(ByteBuffer(string: ".\r\n"))
            self.tell(.client, "[content: \(self.offset) octets] .")
        case .finished(let outcomes): self.series.finished(outcomes)
        case .unusable(let cause, let permanent): self.series.unusable(cause, permanent: permanent)
        case .close:
            self.context?.flush()
            self.context?.close(promise: nil)
        }
    }

    private func heard(_ reply: Reply) {
        var lines = ByteBuffer()
        reply.encode(into: &lines)
        for line in String(buffer: lines).split(separator: "\r\n") { self.tell(.server, String(line)) }
    }
    private func say(_ line: String, shown: String) {
        self.write(ByteBuffer(string: line + "\r\n"))
        self.tell(.client, shown)
    }
    private func write(_ octets: ByteBuffer) { self.context?.write(self.wrapOutboundOut(octets), promise: nil) }

    private func readContent() {
        do throws(SendmailFailure) {
            let chunk = try self.input.content(from: self.offset)
            self.offset += chunk.readableBytes
            if chunk.readableBytes > 0 { self.session.content(chunk) } else { self.session.contentEnded() }
        } catch {
            self.tell(.relay, error.reason)
            self.session.contentFailed()
        }
    }

    // MARK: TLS and AUTH

    private func startTLS() {
        guard let context = self.context else { return }
        context.flush()
        self.isSecuring = true
        do {
            try context.pipeline.syncOperations.addHandler(self.security.handler(), position: .before(self))
        } catch { self.errorCaught(context: context, error: error) }
    }

    private func secured(_ context: ChannelHandlerContext) {
        let version = try? context.pipeline.syncOperations.nioSSL_tlsVersion()
        let words = version.map { "\($0)" } ?? "TLS"
        self.tell(.relay, self.security.isVerified ? "\(words), certificate verified" : words)
        guard self.isSecuring else { return }
        self.isSecuring = false
        self.session.tlsEstablished(verified: self.security.isVerified)
        self.drain()
    }

    private func authenticate(_ mechanisms: [String]) {
        let endPoint = try? self.context?.pipeline.syncOperations.nioSSL_peerCertificate()
            .flatMap { EndPointHash.of(certificate: try $0.toDERBytes()) }
        guard let login = self.security.login,
            let mechanism = RouteSecurity.Login.choice(among: mechanisms, hasEndPoint: endPoint != nil)
        else { return self.session.giveUpAuthentication("\(mechanisms.joined(separator: ", ")) cannot be used here") }
        do {
            let client = try login.client(mechanism, endPoint: endPoint)
            self.sasl = client
            self.session.authenticate(with: client)
        } catch { self.session.giveUpAuthentication("\(error)") }
    }

    private func answer(_ challenge: [UInt8]) {
        guard var client = self.sasl else { return self.session.giveUpAuthentication("there is no exchange") }
        do {
            let answer = try client.answer(to: challenge)
            self.sasl = client
            self.session.answer(answer, believesSuccess: client.believesSuccess)
        } catch { self.session.giveUpAuthentication("\(error)") }
    }
}
