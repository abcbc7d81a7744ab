import Logging
import Mail
import Monitor
import NIOCore
import NIOSSL
import NIOTLS
import SMTP
import Spool
import TLSPolicy

/// Carries octets between a channel and its `ClientSession`. It decides nothing about mail.
final class ClientHandler: ChannelInboundHandler, @unchecked Sendable {
    // @unchecked: made, used and let go of on the channel's event loop, which is the connection's.
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let connection: OutboundConnection
    let delivery: Delivery
    let settings: Delivery.Settings
    let mailHost: MailHost
    var host: SocketEndpoint { self.mailHost.endpoint }
    let security: RouteSecurity
    var tls: TLSAccount
    let record: SessionRecord
    var session: ClientSession
    private(set) var context: ChannelHandlerContext?
    /// The SASL exchange under way.
    var sasl: (any SASLClient)?

    private var job: Job?
    /// The transaction's content, once it is read.
    var reader: ContentReader?
    private var contentFailure: JobResult.Verdict?
    /// Something was heard in this transaction, or it is the session's first.
    private var isTried = true
    private var transactions = 0
    private var progress: ContentProgress?

    private var output = ByteBuffer()
    private var isDraining = false
    /// What was read last is being looked at, and nothing more is asked for.
    private var isPaused = false
    /// When the turn under way began: all that is said in it is said at one time.
    private var turn: Timestamp?
    /// Octets that were read in it.
    private var octetsIn = 0
    private var isClosing = false
    /// The connection is being closed; under TLS the server's good-bye is awaited.
    private var isEnding = false
    /// The handshake that STARTTLS began is under way.
    var isSecuring = false
    private var isUnwanted = false
    /// The node's lease was over before all of the transaction was said: another node may make it.
    private var isFenced = false
    /// The next hop was given all of the transaction.
    private var isAllGiven = false
    /// Other mail may demand more of the host than was demanded of this session.
    private var isForOne = false
    /// The session is between transactions, with nothing to do.
    private(set) var isIdle = false
    private var failure: String?
    private var lastActivity = NIODeadline.now()
    private var timer: (at: NIODeadline, task: Scheduled<Void>)?

    init(
        _ connection: OutboundConnection, delivery: Delivery, settings: Delivery.Settings, host: MailHost,
        security: RouteSecurity, demand: TLSDemand, findings: HostFindings?, withoutTLS: Bool, record: SessionRecord
    ) {
        self.connection = connection
        self.delivery = delivery
        self.settings = settings
        self.mailHost = host
        self.security = security
        self.tls = TLSAccount(
            demand, findings, host: host.endpoint.host, domain: connection.nextHop.place.domain, withoutTLS: withoutTLS)
        self.record = record
        self.session = ClientSession(
            security.session(hostname: settings.hostname, demand, without: withoutTLS ? .startTLS : nil))
    }

    // MARK: from the connection, on the loop

    func begin(_ job: Job) {
        self.job = job
        if self.isForOne { self.isUnwanted = true }
        self.isIdle = false
        self.isTried = self.transactions == 0
        self.isAllGiven = false
        self.transactions += 1
        self.reader = nil
        self.contentFailure = nil
        self.lastActivity = .now()
        self.record.update(at: self.now) {
            $0.message = job.message.description
            $0.contentOctets = job.transaction.contentOctets
            $0.contentOctetsDone = 0
            $0.recipientsDone = 0
        }
        guard let policy = self.policy(of: job) else { return self.beginTransaction(job) }
        policy.assumeIsolated().whenSuccess { words in
            self.tls.names(policy: words)
            self.beginTransaction(job)
        }
    }

    private func beginTransaction(_ job: Job) {
        let needsConversion = self.session.conversion(neededFor: job.transaction) != nil
        let asksAboutHeader = self.session.asksAboutHeader(of: job.transaction)
        if needsConversion || asksAboutHeader || job.signing != nil {
            self.prepare(job, converting: needsConversion, asksAboutHeader: asksAboutHeader)
        } else {
            self.start(job.transaction)
        }
    }

    /// While its policy was asked for, or its content prepared, the host may have ended the session: the job goes back then
    /// when the channel is gone.
    func start(_ transaction: ClientSession.Transaction) {
        guard self.session.isReady else { return }
        self.session.begin(transaction)
        self.drain()
    }

    func quit() {
        self.isUnwanted = true
        guard self.isIdle else { return }
        self.isIdle = false
        self.session.quit()
        self.drain()
    }

    /// Ends with QUIT when it is idle, and does not wait for what the host says to that.
    func leave() {
        let isIdle = self.isIdle
        self.quit()
        if isIdle { self.context?.hangUpUnderTLS() }
    }

    /// Ends as soon as it can: at once, but for a transaction of which everything was said.
    func leaseEnded() {
        if self.isIdle { return self.quit() }
        self.isUnwanted = true
        self.drain()
    }

    /// Ends behind the transaction that it was opened for.
    func takesNoMore() { self.isForOne = true }

    func hangUp(_ why: String) {
        self.failure = why
        self.tls.hungUp()
        self.context?.hangUpUnderTLS()
    }

    // MARK: the channel's events

    /// The channel is open by now: of several addresses another one may have been the first to answer.
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.lastActivity = .now()
        let local = context.localAddress?.endpointText ?? "?"
        let address = context.remoteAddress?.ipAddress.flatMap { $0 == self.host.host ? nil : " (\($0))" } ?? ""
        self.record.update(at: self.now) {
            $0.phase = .greeting
            $0.address = context.remoteAddress?.ipAddress
        }
        self.record.said(.relay, "connected \(local) -> \(self.host)\(address)", at: self.now)
        self.armTimer()
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case TLSUserEvent.handshakeCompleted = event else {
            return context.fireUserInboundEventTriggered(event)
        }
        self.lastActivity = .now()
        self.secured(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        self.octetsIn += buffer.readableBytes
        self.session.receive(buffer)
        self.isPaused = true
        self.drain()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.lastActivity = .now()
        self.drain()
    }

    private func end() {
        guard let context = self.context else { return }
        guard self.tls.isUnderTLS else { return context.close(promise: nil) }
        // What the server does not read would be in front of our good-bye.
        guard context.channel.isWritable || self.isEnding else { return context.hangUpUnderTLS() }
        if !self.isEnding {
            self.isEnding = true
            self.lastActivity = .now()
            self.armTimer()
            context.sayGoodbye()
        }
        context.read()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Many peers end TLS by closing the connection, which is told next (RFC 8446 §6.1 would have them say so).
        if let error = error as? NIOSSLError, case .uncleanShutdown = error { return }
        let words = self.words(for: error)
        // Behind the reply to QUIT a reset is one more way to hang up.
        if !self.isClosing { self.failure = self.failure ?? words }
        if self.isSecuring {
            self.isSecuring = false
            self.session.tlsFailed(words)
            self.drain()
        }
        context.hangUpUnderTLS()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.timer?.task.cancel()
        self.progress?.stop()
        self.session.disconnected()
        self.drain()
        self.context = nil
        if self.delivery.log.logLevel <= .debug {
            let row = self.record.row
            self.delivery.log.debug(
                "session ended",
                metadata: [
                    "host": "\(self.host)", "session": "\(row.ref.id)", "messages": "\(row.messages)",
                    "tls": "\(row.tls ?? "none")", "why": "\(self.failure ?? "QUIT")",
                ])
        }
        self.delivery.registry.close(
            self.record, at: self.now, failed: self.failure != nil, remark: self.failure)
        self.connection.closed(self)
    }

    // MARK: the session's actions

    func drain() {
        guard !self.isDraining else { return }  // `run` answered at once, and the loop below goes on by itself.
        self.isDraining = true
        self.turn = self.delivery.clock.now()
        self.fence()
        let channel = self.context.map(\.channel)
        while self.hasRoom(channel), let action = self.session.next() {
            // A machine may stand still at any moment.
            if action.isSaid { self.fence() }
            if !self.isFenced || !action.isSaid { self.run(action) }
            if !self.isFenced, self.session.look().phase == .finalReply { self.isAllGiven = true }
        }
        self.isDraining = false
        self.write()
        if self.isClosing { self.end() }
        let look = self.session.look()
        let isAnswering = look.phase == .rcpt || look.phase == .data
        self.record.progressed(
            to: look.phase, recipientsDone: isAnswering ? look.recipientsAnswered : nil,
            octetsIn: self.octetsIn, at: self.now)
        self.octetsIn = 0
        self.turn = nil
        self.readOn(look)
    }

    /// Once a node's lease is over another one may make its attempts. What the next hop was not given in full it forgets with the
    /// connection; where it was given all, its reply is waited for. What was given lies in buffers first, and goes out.
    private func fence() {
        guard !self.isFenced, !self.isAllGiven, let lease = self.job?.lease,
            self.delivery.spool.fleet?.lease != lease
        else { return }
        self.isFenced = true
        self.failure = "the node's lease was over"
        self.output.clear()
        self.session.disconnected()
    }

    /// Whether more may be written. Without a channel nothing can be, and the last words of a session need no room: a server
    /// that reads nothing must not keep it from its end.
    private func hasRoom(_ channel: (any Channel)?) -> Bool {
        guard let channel, channel.isActive else { return true }
        return channel.isWritable && self.output.readableBytes < 256 << 10 || self.session.look().isEnding
    }

    /// Reads what the server says next, once what it said before was looked at.
    private func readOn(_ look: ClientSession.Look) {
        guard self.isPaused, !self.isClosing, look.wantsInput else { return }
        self.isPaused = false
        self.context?.read()
    }

    func write() {
        guard self.output.readableBytes > 0, let context = self.context else { return }
        // The channel may call back in the midst of the write, and find more to do.
        var output = ByteBuffer()
        swap(&output, &self.output)
        self.record.update(at: self.now) { $0.octetsOut += output.readableBytes }
        context.writeAndFlush(self.wrapOutboundOut(output), promise: nil)
        self.output.reuse(&output)
        // Less than what makes the channel unwritable may still be too much for one turn of the session.
        if context.channel.isWritable, !self.isClosing, self.session.look().phase == .content { self.drain() }
    }

    private func run(_ action: ClientSession.Action) {
        switch action {
        case .send(let line): self.say(line, shown: line)
        case .sendSecret(let line, let shown): self.say(line, shown: shown)
        case .heard(let reply):
            self.isTried = true
            // A whole reply: octets that trickle are no progress.
            self.lastActivity = .now()
            self.record.said(.server, reply, at: self.now)
        case .startTLS: self.startTLS()
        case .authenticate(let mechanisms): self.authenticate(mechanisms)
        case .answer(let challenge): self.answer(challenge)
        case .ready: self.ready()
        case .spent: self.isUnwanted = true
        case .readContent: self.readContent()
        case .sendContent(var octets): self.output.writeBuffer(&octets)
        case .endContent:
            self.output.writeStaticString(".\r\n")
            if self.progress == nil {
                let octets = self.reader?.octetsGiven ?? 0
                self.record.update(at: self.now) { $0.contentOctetsDone = octets }
            }
            self.record.said(.client, "[content: \(self.reader?.octetsGiven ?? 0) octets] .", at: self.now)
        case .finished(let outcomes): self.finished(outcomes)
        case .unusable(let cause, let permanent):
            self.count(self.tls.unusable(cause))
            self.failure = self.failure ?? cause.description
            self.connection.unusable(
                cause, permanent: permanent, host: self.mailHost, demand: self.tls.demand, session: self.record.ref)
        case .close: self.isClosing = true
        }
    }

    private func say(_ line: String, shown: String) {
        self.output.writeString(line)
        self.output.writeStaticString("\r\n")
        self.record.said(.client, shown, at: self.now)
    }

    private func ready() {
        if !self.tls.isUnderTLS { self.count(self.tls.isPlaintext()) }
        if self.isUnwanted { return self.session.quit() }
        self.isIdle = true
        self.lastActivity = .now()
        self.connection.ready(self)
        if self.isIdle { self.armTimer() }
    }

    private func finished(_ outcomes: [ClientSession.Outcome]) {
        self.progress?.stop()
        self.progress = nil
        let isRelayed = outcomes.contains(where: \.isRelayed)
        self.record.update(at: self.now) {
            if isRelayed { $0.messages += 1 }
            $0.message = nil
        }
        let isLost = outcomes.allSatisfy(\.isLost)
        if isLost, case .deferred(let cause)? = outcomes.first { self.failure = self.failure ?? cause.description }
        self.job = nil
        let verdict: JobResult.Verdict =
            if let contentFailure = self.contentFailure {
                contentFailure
            } else if self.isFenced && !self.isAllGiven && outcomes.contains(where: \.isLost) || !self.isTried && isLost
                || self.transactions > 1 && outcomes.allSatisfy(\.isEndOfService)
            {
                .untried
            } else {
                .outcomes(outcomes)
            }
        self.connection.finished(
            verdict, host: self.host, session: self.record.ref, security: self.tls.protection)
    }

    // MARK: content

    private func readContent() {
        guard let job = self.job, let context = self.context else { return self.session.contentFailed() }
        if let reader = self.reader {
            self.readChunk(reader, context)
        } else {
            self.delivery.spool.content(of: job.message, on: context.eventLoop).assumeIsolated()
                .whenComplete { result in
                    switch result {
                    case .success(let content):
                        let reader = ContentReader(content, share: self.delivery.memory.share())
                        self.reader = reader
                        self.readChunk(reader, context)
                    case .failure(let error): self.unreadable(error)
                    }
                }
        }
    }

    private func readChunk(_ reader: ContentReader, _ context: ChannelHandlerContext) {
        if reader.octetsRead == 0 { self.armTimer() }  // Mail data has less time than replies.
        if reader.octetsRead == 0, let octets = self.record.row.contentOctets,
            octets > ContentProgress.worthwhileOctets
        {
            self.progress = ContentProgress(
                context.channel, record: self.record, clock: self.delivery.clock, contentOctets: octets,
                octetsBefore: self.record.row.octetsOut
            ) { [weak self] in self?.lastActivity = .now() }
        }
        reader.next(on: context.eventLoop) { result in
            self.lastActivity = .now()
            switch result {
            case .success(let chunk?): self.session.content(chunk)
            case .success(nil): self.session.contentEnded()
            case .failure(let error): return self.unreadable(error)
            }
            self.drain()
        }
    }

    private func unreadable(_ error: any Error) {
        self.contentFailure = JobResult.Verdict(unreadable: error)
        self.session.contentFailed()
        self.drain()
    }

    /// The content cannot be read, and nothing of the transaction was said; the session is as good as before.
    func giveUp(_ error: any Error) {
        self.job = nil
        self.connection.finished(
            JobResult.Verdict(unreadable: error), host: self.host, session: self.record.ref)
        guard self.session.isReady else { return }  // The server ended it meanwhile.
        self.ready()
        self.drain()
    }

    // MARK: time

    /// One timer for the session's life: it looks when something last happened and goes to sleep again. It is set anew where
    /// patience became shorter than it was, as it does once in an idle session.
    private func armTimer() {
        guard let context = self.context else { return }
        let at = max(self.lastActivity + self.patience, .now() + .milliseconds(50))
        if let timer = self.timer {
            guard at < timer.at else { return }
            timer.task.cancel()
        }
        let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: at) {
            self.timer = nil
            guard let context = self.context else { return }
            if self.lastActivity + self.patience <= .now() {
                if self.isEnding {
                    return context.hangUpUnderTLS()
                } else if self.isIdle {
                    self.quit()
                } else {
                    self.failure = self.failure ?? "timed out in \(self.session.phase.rawValue)"
                    self.session.timedOut()
                    self.drain()
                }
            }
            self.armTimer()
        }
        self.timer = (at, task)
    }

    /// RFC 5321 §4.5.3.2. A session with nothing to do is kept a little while for the next message.
    private var patience: TimeAmount {
        let timeouts = self.settings.timeouts
        if self.isEnding { return .milliseconds(timeouts.farewell) }
        if self.isIdle { return .milliseconds(timeouts.idle) }
        return switch self.session.look().phase {
        case .content: .milliseconds(timeouts.data)
        case .finalReply: .milliseconds(timeouts.finalReply)
        case .quit: .seconds(5)  // Nothing hangs on its reply.
        default: .milliseconds(timeouts.reply)
        }
    }

    var now: Timestamp { self.turn ?? self.delivery.clock.now() }
}

extension ClientSession.Outcome {
    /// The session broke, and the server may have said nothing of this recipient.
    fileprivate var isLost: Bool {
        switch self {
        case .deferred(.connectionLost), .deferred(.timedOut), .deferred(.malformedReply): true
        case .deferred, .relayed, .bounced: false
        }
    }

    /// 421: in a session that was used before it says that there were enough transactions, not that this one is
    /// unwelcome (RFC 5321 §3.8).
    fileprivate var isEndOfService: Bool {
        if case .deferred(.reply(let reply)) = self { reply.code == 421 } else { false }
    }
}

extension ClientSession.Action {
    /// The other side would hear of it.
    fileprivate var isSaid: Bool {
        switch self {
        case .send, .sendSecret, .sendContent, .endContent: true
        default: false
        }
    }
}
