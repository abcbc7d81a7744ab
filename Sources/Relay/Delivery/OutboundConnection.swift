import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import SMTP
import TLSPolicy

/// The way to one next hop, from looking for a host that answers to the last transaction of the session.
///
/// `@unchecked Sendable`: all that changes is touched on `loop` alone; the other methods only send it there.
final class OutboundConnection: @unchecked Sendable {
    let loop: any EventLoop
    let nextHop: NextHop
    private let leftOut: HostsLeftOut
    private let delivery: Delivery
    private let settings: Delivery.Settings
    private let report: @Sendable (OutboundEvent) -> Void

    /// The session as watchers see it; from any thread.
    private let record = NIOLockedValueBox<SessionRecord?>(nil)
    var current: SessionRecord? { self.record.withLockedValue { $0 } }

    /// Those that are still to be tried; behind the one that gave the session, they are for mail that it puts off.
    private var hosts: ArraySlice<MailHost> = []
    private var tried: [SocketEndpoint] = []
    /// TLS failed there, and the route allows to go without.
    private var plaintextHost: MailHost?
    private var job: Job?
    private var begun = NIODeadline.now()
    /// The session with the host that is being tried, or that gave one.
    private var handler: ClientHandler?
    /// It gave one.
    private var isReady = false
    /// The host that is being connected to.
    private var connecting: (host: MailHost, record: SessionRecord)?
    private var lastFailure: String?
    /// The host that it is about, and its session; `nil`: it was not tried.
    private var lastTried: (host: SocketEndpoint, session: SessionRef)?
    /// The last host that takes no mail at all and said so.
    private var refusal: (reply: Reply, by: ReplyAuthor, host: SocketEndpoint, session: SessionRef)?
    /// Some host gave no session for a reason that may pass.
    private var mayAnswerLater = false
    private var isEnded = false
    /// The operator ended the session with the host that is being tried, before it gave one.
    private var isPassedOver = false
    /// Asked to end before a host answered.
    private var isUnwanted = false
    /// Ended at once, whatever the hosts would have said.
    private var verdictOnWaiting: JobResult.Verdict?
    /// What the hosts are, or what is demanded of one, is being found out.
    private var isResolving = false

    init(
        _ delivery: Delivery, nextHop: NextHop, without leftOut: HostsLeftOut, settings: Delivery.Settings,
        loop: any EventLoop, report: @escaping @Sendable (OutboundEvent) -> Void
    ) {
        self.delivery = delivery
        self.nextHop = nextHop
        self.leftOut = leftOut
        self.settings = settings
        self.loop = loop
        self.report = report
    }

    // MARK: from any thread

    /// Gives an idle session its next transaction.
    func start(_ job: Job) { self.loop.execute { self.begin(job) } }

    /// Ends the session with QUIT when it is idle, else after its transaction. A host that has not answered yet did nothing
    /// wrong by that.
    func quit() {
        self.loop.execute {
            self.verdictOnWaiting = self.verdictOnWaiting ?? .untried
            self.becomeUnwanted()
            if self.isReady { self.handler?.quit() }
            self.connectNoMore()
        }
    }

    /// Ends the session when it is idle, as ``quit()`` does, and waits for nothing.
    func leave() {
        self.loop.execute {
            self.becomeUnwanted()
            if self.isReady { self.handler?.leave() }
        }
    }

    /// Ends the session at once, however far it is.
    func abort() {
        self.loop.execute {
            self.becomeUnwanted()
            self.verdictOnWaiting = .untried
            self.hangUp()
        }
    }

    /// Ends it for an operator, who wants no other one with the host at once: what waits for it goes to the next host.
    func close() {
        self.loop.execute {
            if self.isReady { self.becomeUnwanted() } else { self.isPassedOver = true }
            self.hangUp()
        }
    }

    private static let closed = "closed by the operator"

    /// This node's lease is over: nothing that another node may do by now is said any more.
    func leaseEnded() {
        self.loop.execute {
            if self.isReady { return self.handler?.leaseEnded() ?? () }
            self.verdictOnWaiting = .untried
            self.becomeUnwanted()
            self.connectNoMore()
            self.handler?.hangUp("the node's lease was over")
        }
    }

    // MARK: on the loop

    func open(_ job: Job) {
        self.job = job
        self.begun = .now()
        self.isResolving = true
        self.delivery.resolver.resolve(self.nextHop.place, on: self.loop).assumeIsolated().whenSuccess { resolution in
            guard self.isResolving else { return }
            self.isResolving = false
            switch resolution {
            case .hosts(let hosts, _):
                self.hosts = hosts.filter { !self.leftOut.contains($0.endpoint) }[...]
                if self.hosts.isEmpty, self.leftOut.hasSuspended(among: hosts) {
                    self.finished(.suspended, host: nil, session: nil)
                    return self.end()
                }
                if self.hosts.count < hosts.count {
                    self.mayAnswerLater = true
                    self.lastFailure = "no other host of the next hop may be tried now"
                }
                self.tryNextHost()
            case .refused(let reply):
                self.bounce(with: reply, by: .relay, host: nil, session: nil)
                self.end()
            case .unavailable(let reason):
                self.finished(.unresolved(reason), host: nil, session: nil)
                self.end()
            }
        }
    }

    /// Asks for no session any more; name servers that are slow are not waited for.
    private func becomeUnwanted() {
        self.isUnwanted = true
        guard self.isResolving else { return }
        self.isResolving = false
        self.finished(.untried, host: nil, session: nil)
        self.end()
    }

    /// Waits no longer for a host to be connected to, which did nothing wrong.
    private func connectNoMore() {
        guard let (_, record) = self.connecting.take() else { return }
        self.delivery.registry.close(record, at: self.delivery.clock.now(), failed: false, remark: nil)
        self.finishWithoutHost()
    }

    private func hangUp() {
        if let (host, record) = self.connecting.take() {
            self.connectFailed(HostConnector.Failure(words: Self.closed), host, record)
        } else {
            self.handler?.hangUp(Self.closed)
        }
    }

    private func bounce(with reply: Reply, by author: ReplyAuthor, host: SocketEndpoint?, session: SessionRef?) {
        let count = self.job?.transaction.recipients.count ?? 0
        self.finished(
            .outcomes(Array(repeating: .bounced(reply, by: author), count: count)), host: host, session: session)
    }

    private func begin(_ job: Job) {
        self.job = job
        self.begun = .now()
        if let handler = self.handler, handler.isIdle {
            handler.begin(job)
        } else {
            self.finished(.untried, host: nil, session: nil)  // It ended while the job was on its way.
        }
    }

    private func tryNextHost() {
        guard !self.isUnwanted, let host = self.hosts.popFirst() else { return self.finishWithoutHost() }
        self.lastTried = nil
        self.isPassedOver = false
        self.tried.append(host.endpoint)
        let security = self.nextHop.security
        guard let policies = self.delivery.policies, self.job?.isTLSReport != true,
            let findings = policies.findings(on: host, of: self.nextHop.place, security, on: self.loop)
        else { return self.connect(to: host, security.demand(of: host.endpoint), nil) }
        self.isResolving = true
        findings.assumeIsolated().whenSuccess { findings in
            guard self.isResolving else { return }
            self.isResolving = false
            switch findings.verdict {
            case .demand(let demand): self.connect(to: host, demand, findings)
            case .passOver(let policy, let why):
                self.passedOver(host, findings)
                self.lastFailure = policy == .none ? why : "\(host.endpoint): \(policy.words): \(why)"
                self.mayAnswerLater = true
                self.tryNextHost()
            }
        }
    }

    /// A policy lets no mail go there, and whose it is wants to know.
    private func passedOver(_ host: MailHost, _ findings: HostFindings) {
        guard let domain = self.nextHop.place.domain, let policy = findings.policy, let failure = findings.failure
        else { return }
        self.delivery.tlsSessions?.ended(
            TLSSessionResult(domain: domain, policy: policy, failure: failure, host: host.endpoint.host))
    }

    private func connect(to host: MailHost, _ demand: TLSDemand, _ findings: HostFindings?) {
        let record = self.delivery.registry.open(
            .outbound, peer: host.endpoint.description, name: self.nextHop.description, at: self.delivery.clock.now(),
            hangUp: { [weak self] in self?.close() })
        self.record.withLockedValue { $0 = record }
        if let job = self.job { record.update(at: self.delivery.clock.now()) { $0.message = job.message.description } }
        let handler = ClientHandler(
            self, delivery: self.delivery, settings: self.settings, host: host, security: self.nextHop.security,
            demand: demand, findings: findings, withoutTLS: self.plaintextHost == host, record: record)
        if self.job?.isTLSReport == true { handler.takesNoMore() }
        self.connecting = (host, record)
        HostConnector(self.delivery.dns, timeout: self.settings.timeouts.connect, on: self.loop)
            .connect(to: host.endpoint)
            .assumeIsolated()
            .whenComplete { result in
                guard self.connecting?.record === record else {
                    return (try? result.get())?.close(promise: nil) ?? ()  // Nobody waits for it any more.
                }
                self.connecting = nil
                do {
                    try self.attach(handler, to: try result.get())
                } catch { self.connectFailed(HostConnector.Failure(error, to: host.endpoint), host, record) }
            }
    }

    /// The host answers. This runs in the turn of the loop in which it did: nothing was read yet, and nothing is lost.
    private func attach(_ handler: ClientHandler, to channel: any Channel) throws {
        do {
            guard channel.isActive else { throw ChannelError.eof }
            if let tls = try handler.implicitTLS() { try channel.pipeline.syncOperations.addHandler(tls) }
            self.handler = handler
            try channel.pipeline.syncOperations.addHandler(handler)
        } catch {
            self.handler = nil
            channel.close(promise: nil)
            throw error
        }
    }

    private func connectFailed(_ failure: HostConnector.Failure, _ host: MailHost, _ record: SessionRecord) {
        let now = self.delivery.clock.now()
        record.said(.relay, failure.words, at: now)
        self.delivery.registry.close(record, at: now, failed: true, remark: failure.words)
        self.lastFailure = failure.words
        self.lastTried = (host.endpoint, record.ref)
        if failure.hasNoAddress, case .exchangers = self.nextHop.place {
            let reply = Reply(550, "5.4.4", "\(host.endpoint.host) has no address")
            self.refusal = (reply, .relay, host.endpoint, record.ref)
        } else {
            // A name that a route gives may be a mistake, and is no reason to return all mail.
            self.mayAnswerLater = true
        }
        self.tryNextHost()
    }

    /// Where each host refused for good the mail bounces at once (RFC 7504 §4); one that may answer later is worth waiting
    /// for.
    private func finishWithoutHost() {
        if let verdict = self.verdictOnWaiting {
            self.finished(verdict, host: self.lastTried?.host, session: self.lastTried?.session)
        } else if let refusal = self.refusal, !self.mayAnswerLater, self.hosts.isEmpty {
            self.bounce(with: refusal.reply, by: refusal.by, host: refusal.host, session: refusal.session)
        } else {
            self.finished(
                .unreachable(self.lastFailure ?? "no host of the route answers"), host: self.lastTried?.host,
                session: self.lastTried?.session)
        }
        self.end()
    }

    /// The host gave a session: what waits can begin.
    func ready(_ handler: ClientHandler) {
        self.isReady = true
        if let job = self.job {
            handler.begin(job)
        } else if self.isUnwanted {
            handler.quit()
        } else {
            self.report(.idle)
        }
    }

    /// The host answered, but gave no session.
    ///
    /// - Parameter permanent: its reply, when it never will.
    func unusable(
        _ cause: ClientSession.DeferralCause, permanent: Reply?, host: MailHost, demand: TLSDemand,
        session: SessionRef
    ) {
        self.lastFailure = "\(host.endpoint): \(cause.isOfTLS ? demand.prefix : "")\(cause)"
        self.lastTried = (host.endpoint, session)
        if case .tlsFailed(_, plaintextAllowed: true) = cause {
            self.plaintextHost = host
            self.hosts = [host] + self.hosts
        } else if let permanent {
            self.refusal = (permanent, .nextHop, host.endpoint, session)
        } else {
            self.mayAnswerLater = true
        }
    }

    func finished(
        _ verdict: JobResult.Verdict, host: SocketEndpoint?, session: SessionRef?, security: SessionSecurity? = nil
    ) {
        guard let job = self.job else { return }
        self.job = nil
        let time = (.now() - self.begun).nanoseconds / 1_000_000
        self.report(
            .finished(
                JobResult(
                    job: job.number, verdict: verdict, host: host, session: session, security: security,
                    milliseconds: time, tried: self.tried, untried: self.hosts.map(\.endpoint))))
    }

    /// The channel is gone.
    func closed(_ handler: ClientHandler) {
        self.handler = nil
        if self.isReady {
            self.isReady = false
            self.finished(.untried, host: nil, session: nil)
            self.end()
        } else {
            // It never got ready.
            if self.isPassedOver {
                self.lastFailure = Self.closed
                self.mayAnswerLater = true
                if let host = self.plaintextHost.take(), self.hosts.first == host { self.hosts.removeFirst() }
            }
            self.tryNextHost()
        }
    }

    private func end() {
        guard !self.isEnded else { return }
        self.isEnded = true
        self.report(.ended)
    }
}
