import Logging
import Mail
import Monitor
import NIOCore
import NIOSSL
import NIOTLS
import SMTP
import Sockets
import Spool
import Synchronization

/// Carries octets between a channel and its `ServerSession`. It decides nothing about mail.
final class ServerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let reception: Reception
    let admission: Admission
    let listener: Listener
    /// The machine, made when the connection is there.
    var session: ServerSession
    private static let unbegun = ServerSession(ServerSession.Configuration(hostname: ""))
    var record: SessionRecord?
    /// The client; a proxy that knows better than the socket sets it before the session begins.
    var peer = Peer()
    /// What the session is counted under, whatever a client that is trusted says of itself later.
    private(set) var countedAs: ClientKey?
    var writer: ContentWriter?
    /// `TLSv1.3`, once it is there.
    private(set) var tls: String?
    private var authentication: Authentication?
    /// Those that its mail passes; `nil`: none.
    var filters: SessionFilters?
    /// Implicit TLS is awaited.
    private var isBegun = false
    /// Its message is counted among those under way.
    private var isMailUnderWay = false
    private var output = ByteBuffer()
    private var replies: GatheredReplies?
    /// It is among them.
    private var isGathered = false
    private var isDraining = false
    /// The session has more to do, but the client does not read what was said before.
    private var isHeldBack = false
    /// Octets of the turn under way.
    private var octets = (in: 0, out: 0)
    /// When the turn under way began: all that is done in it happens at one time.
    private var turn: Timestamp?
    private var isClosing = false
    /// The connection is being closed: the client's good-bye is awaited, or that it reads its last replies.
    private var isEnding = false
    /// The client will say nothing more.
    private var isInputClosed = false
    private var remark: String?
    /// The last that was heard, and the sender of the transaction: what a refusal is about.
    private(set) var command: String?
    var sender: ReversePath?
    private var lastInput = NIODeadline.now()
    private var timer: NIOScheduledCallback?

    init(_ reception: Reception, _ listener: Listener) {
        self.reception = reception
        self.listener = listener
        self.admission = reception.admission
        self.session = Self.unbegun
    }

    var tlsMode: Listener.TLS { self.admission.tls(on: self.listener) }

    // MARK: the channel's events

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        self.peer.address = self.peer.address ?? context.remoteAddress
        self.countedAs = self.peer.key
        self.session = ServerSession(
            self.admission.session(on: self.listener, from: self.peer, at: self.now))
        self.record = self.reception.registry.open(
            .inbound, peer: self.peer.text, address: self.peer.client, countedAs: self.countedAs, at: self.now,
            hangUp: { channel.hangUpUnderTLS() })
        self.filters = self.makeFilters(context)
        if let user = self.peer.user { self.record?.update(at: self.now) { $0.user = user.name } }
        self.replies = .of(context.eventLoop)
        self.reception.opened(channel)
        self.logBegin()
        self.isBegun = self.tlsMode != .implicit
        self.armTimer(context)
        if self.isBegun {
            self.drain(context)
        } else if case .disconnect(let reply) = self.greeting {
            // Who may not be served costs no handshake, and a reply before that would mean nothing to it.
            self.leave("not served before TLS: \(reply)", context)
            self.logRefusal(reply)
        } else {
            // The machine's greeting waits for TLS, so that it knows what it greets.
            context.read()
        }
        context.fireChannelActive()
    }

    /// Hangs up on a client to which nothing can be said.
    private func leave(_ why: String, _ context: ChannelHandlerContext) {
        self.remark = why
        self.record?.said(.relay, why, at: self.now)
        context.hangUpUnderTLS()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        self.lastInput = .now()
        self.turn = self.reception.clock.now()
        self.octets.in += buffer.readableBytes
        self.session.receive(buffer)
        self.drain(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.timer?.cancel()
        if !self.isClosing { self.remark = self.remark ?? "client hung up in \(self.session.phase.rawValue)" }
        self.session.disconnected()
        self.countMail(isUnderWay: false)
        self.output.clear()  // Replies that still waited for the end of the turn.
        self.forgetContent()
        self.closeFilters()
        self.reception.closed(context.channel)
        if let record = self.record {
            self.logEnd(record, self.remark)
            self.reception.registry.close(
                record, countedAs: self.countedAs, at: self.now, failed: self.remark != nil, remark: self.remark)
        }
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            self.lastInput = .now()  // It reads, which is as good as a word.
            if self.isBegun { self.drain(context) }
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as ShutDownEvent:
            switch event {
            case .atGoodMoment: self.session.shutDown()
            case .now: self.session.cutShort()
            }
            if self.isBegun { self.drain(context) } else { context.close(promise: nil) }
        case TLSUserEvent.handshakeCompleted: self.secured(context)
        case ChannelEvent.inputClosed:
            self.isInputClosed = true
            if self.isBegun { self.drain(context) } else { context.close(promise: nil) }
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Many peers end TLS by closing the connection, which is told next (RFC 8446 §6.1 would have them say so).
        if let error = error as? NIOSSLError, case .uncleanShutdown = error { return }
        // Behind the last reply a reset is one more way to hang up.
        if !self.isClosing { self.remark = self.remark ?? "\(error)" }
        context.hangUpUnderTLS()
    }

    // MARK: the session's actions

    func drain(_ context: ChannelHandlerContext) {
        guard !self.isDraining else { return }  // `run` answered at once, and the loop below goes on by itself.
        self.isDraining = true
        self.turn = self.turn ?? self.reception.clock.now()
        self.isHeldBack = false
        let channel = context.channel
        while self.hasRoom(channel, context), let action = self.session.next() { self.run(action, context) }
        self.isDraining = false
        let look = self.session.look()
        self.countMail(isUnderWay: look.recipients > 0 && look.phase != .finalReply)
        self.record?.progressed(
            to: self.isClosing ? nil : look.phase, recipientsDone: look.recipients > 0 ? look.recipients : nil,
            contentOctetsDone: look.contentOctets, octetsIn: self.octets.in, octetsOut: self.octets.out, at: self.now)
        self.octets = (0, 0)
        self.turn = nil
        if self.isClosing || self.isInputClosed && look.awaitsClient && !self.isHeldBack {
            self.write(context)
            self.end(context)
        } else {
            if self.output.readableBytes > 0, !self.isGathered {
                self.isGathered = true
                self.replies?.add(self, context)
            }
            if self.wantsInput(look), channel.isWritable { context.read() }
        }
    }

    /// Whether more may be said: a client that reads no replies is not served any further. The last words need no room.
    private func hasRoom(_ channel: any Channel, _ context: ChannelHandlerContext) -> Bool {
        if self.output.readableBytes >= Self.mostOutput { self.write(context) }
        self.isHeldBack = !channel.isWritable && self.session.look().phase != .closed
        return !self.isHeldBack
    }
    /// Replies that wait for the end of a turn.
    private static let mostOutput = 64 << 10

    private func end(_ context: ChannelHandlerContext) {
        let isUnderTLS = self.tls != nil
        if !self.isEnding {
            // Replies that the kernel has not taken are the client's, if it reads them in time.
            let waiting = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
            guard isUnderTLS || waiting > 0 else { return context.close(promise: nil) }
            self.isEnding = true
            self.lastInput = .now()
            self.timer?.cancel()
            self.armTimer(context)
            if isUnderTLS {
                context.sayGoodbye()
            } else {
                context.writeAndFlush(self.wrapOutboundOut(ByteBuffer())).assumeIsolated()
                    .whenComplete { _ in context.close(promise: nil) }
            }
        }
        if isUnderTLS, !self.isInputClosed { context.read() }
    }

    func countMail(isUnderWay: Bool) {
        guard isUnderWay != self.isMailUnderWay else { return }
        self.isMailUnderWay = isUnderWay
        self.reception.memory.mailsUnderWay.add(isUnderWay ? 1 : -1, ordering: .relaxed)
    }

    /// While the disk takes a piece of content, the next one waits in memory only if there is enough of that.
    private func wantsInput(_ look: ServerSession.Look) -> Bool {
        look.wantsInput && (look.awaitsClient || self.writer?.share.isScarce != true)
    }

    func write(_ context: ChannelHandlerContext) {
        self.isGathered = false
        guard self.output.readableBytes > 0 else { return }
        var output = ByteBuffer()
        swap(&output, &self.output)
        context.writeAndFlush(self.wrapOutboundOut(output), promise: nil)
        self.replies?.reuse(output)
    }

    private func run(_ action: ServerSession.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .heard(let line):
            self.command = line
            self.record?.said(.client, line, at: self.now)
        case .note(let remark): self.record?.said(.relay, remark, at: self.now)
        case .send(let reply): self.send(reply)
        case .decide(let question): self.decide(question, context)
        case .startTLS: self.startTLS(context)
        case .authenticate(let step): self.authenticate(step, context)
        case .store(let chunk): self.store(chunk, context)
        case .commit(let envelope): self.commit(envelope, context)
        case .discard: self.forgetContent()
        case .close: self.isClosing = true
        }
    }

    private func send(_ reply: Reply) {
        if self.output.capacity == 0, let replies = self.replies { self.output = replies.buffer() }
        let before = self.output.readableBytes
        reply.encode(into: &self.output)
        self.octets.out += self.output.readableBytes - before
        // What a SASL mechanism asks is no secret alone, but with the answer it can be guessed at.
        let shown = reply.code == 334 ? Reply(334, nil, "[redacted \(reply.lines[0].utf8.count) octets]") : reply
        self.record?.said(.server, shown, at: self.now)
        if reply.code == 421 { self.remark = reply.description }
        self.reception.measures.replied(reply)
        if !reply.code.isPositive { self.logRefusal(reply) }
    }

    // MARK: TLS and AUTH

    private func startTLS(_ context: ChannelHandlerContext) {
        guard let tls = self.admission.keyring.server else { preconditionFailure("STARTTLS is offered without a key") }
        self.write(context)  // The 220 is the last in plaintext.
        do {
            try context.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls), position: .before(self))
        } catch { self.errorCaught(context: context, error: error) }
    }

    private func secured(_ context: ChannelHandlerContext) {
        let version = try? context.pipeline.syncOperations.nioSSL_tlsVersion()
        self.tls = version.map(\.words)
        let tls = self.tls
        self.reception.measures.secured(.inbound, tls)
        self.record?.update(at: self.now) { $0.tls = tls }
        self.record?.said(.relay, tls ?? "TLS", at: self.now)
        if self.isBegun { self.session.tlsEstablished() }
        self.isBegun = true
        self.drain(context)
    }

    /// Wrong credentials are told late, and the later the oftener they came from there.
    private func authenticate(_ step: SASLStep, _ context: ChannelHandlerContext) {
        guard let users = self.admission.keyring.users else { preconditionFailure("AUTH is offered without users") }
        if self.reception.loginFailures.areTooMany(of: self.peer.key, at: self.steady) {
            return self.answer(.failed(Self.tooManyLogins), context)  // Without the cost of looking.
        }
        if case .begin(let mechanism, _) = step {
            self.filters?.mechanism = mechanism
            let endPoint = self.tls == nil ? nil : self.admission.keyring.serverEndPoint
            self.authentication = Authentication(users: users, endPoint: endPoint)
        }
        guard var authentication = self.authentication else { preconditionFailure("a SASL response before its start") }
        let verdict = authentication.received(step, threads: self.reception.threads, on: context.eventLoop)
        self.authentication = authentication
        verdict.assumeIsolated().whenComplete { result in
            switch result {
            case .success(.failed(let reply)): self.loginFailed(reply, context)
            case .success(let verdict): self.answer(verdict, context)
            case .failure:
                self.answer(
                    .failed(Reply(454, EnhancedStatusCode(4, 7, 0), "Temporary authentication failure")), context)
            }
        }
    }

    private func loginFailed(_ reply: Reply, _ context: ChannelHandlerContext) {
        let failures = self.reception.loginFailures.failed(self.peer.key, at: self.steady)
        self.reception.measures.loginFailed()
        self.reception.log.warning(
            "login failed", metadata: ["client": "\(self.peer.text)", "failures": "\(failures)"])
        let told = LoginFailures.areTooMany(failures) ? Self.tooManyLogins : reply
        let delay = TimeAmount.milliseconds(LoginFailures.delay(afterFailures: failures))
        context.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.answer(.failed(told), context) }
    }

    private static let tooManyLogins = Reply(
        421, EnhancedStatusCode(4, 7, 0), "Too many failed logins from your address")

    private func answer(_ verdict: SASLVerdict, _ context: ChannelHandlerContext) {
        if case .succeeded(let user, _) = verdict { self.record?.update(at: self.now) { $0.user = user } }
        self.session.answered(verdict)
        self.drain(context)
    }

    // MARK: time

    /// One timer for the session's life: it looks when something was last heard and goes to sleep again.
    private func armTimer(_ context: ChannelHandlerContext) {
        let wait = self.lastInput + self.patience - .now()
        let alarm = Alarm(session: NIOLoopBound((self, context), eventLoop: context.eventLoop))
        // It fails only where the loop ends, and with it the channel.
        self.timer = try? context.eventLoop.scheduleCallback(in: max(wait, .milliseconds(100)), handler: alarm)
    }

    private struct Alarm: NIOScheduledCallbackHandler, Sendable {
        let session: NIOLoopBound<(ServerHandler, ChannelHandlerContext)>
        func handleScheduledCallback(eventLoop: some EventLoop) {
            let (handler, context) = self.session.value
            handler.lookAtTheClock(context)
        }
    }

    private func lookAtTheClock(_ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        if self.isEnding {
            // A good-bye has its time, whatever else is said in it; who reads replies may have more.
            guard self.tls == nil, self.lastInput + self.patience > .now() else { return context.hangUpUnderTLS() }
            return self.armTimer(context)
        }
        let look = self.session.look()
        let isOurTurn =
            !self.wantsInput(look) && !self.isHeldBack || look.phase == .finalReply || self.filters?.isAsked == true
        if isOurTurn { self.lastInput = .now() }
        if self.lastInput + self.patience <= .now() {
            guard self.isBegun else { return self.leave("timed out in the TLS handshake", context) }
            self.session.timedOut()
            self.drain(context)
        }
        if context.channel.isActive { self.armTimer(context) }
    }

    private var patience: TimeAmount {
        let timeouts = self.admission.configuration.timeouts
        if self.isEnding { return .milliseconds(timeouts.farewell) }
        if !self.isBegun { return .milliseconds(timeouts.handshake) }
        return .milliseconds(self.session.look().phase == .content ? timeouts.data : timeouts.command)
    }

    var now: Timestamp { self.turn ?? self.reception.clock.now() }
    /// A time of no day, which never jumps.
    private var steady: Timestamp { Timestamp(milliseconds: self.reception.clock.steady()) }
}
