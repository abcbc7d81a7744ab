import Glibc
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SMTP

/// The way to one next hop, from looking for a host that answers to the last transaction of the session.
///
/// `@unchecked Sendable`: all that changes is touched on `loop` alone; the other methods only send it there.
final class OutboundConnection: @unchecked Sendable {
    let loop: any EventLoop
    let nextHop: NextHop
    private let delivery: Delivery
    private let settings: Delivery.Settings
    private let report: @Sendable (OutboundEvent) -> Void

    /// The session as watchers see it; from any thread.
    private let record = NIOLockedValueBox<SessionRecord?>(nil)
    var current: SessionRecord? { self.record.withLockedValue { $0 } }

    /// Those that are still to be tried.
    private var hosts: ArraySlice<MailHost> = []
    /// TLS failed there, and the route allows to go without.
    private var plaintextHost: MailHost?
    private var job: Job?
    private var begun = NIODeadline.now()
    private var handler: ClientHandler?
    private var lastFailure: String?
    /// The last host that takes no mail at all and said so.
    private var refusal: (reply: Reply, host: SocketEndpoint, session: SessionRef)?
    /// Some host gave no session for a reason that may pass.
    private var mayAnswerLater = false
    private var isEnded = false
    /// Asked to end before a host answered.
    private var isUnwanted = false

    init(
        _ delivery: Delivery, nextHop: NextHop, settings: Delivery.Settings, loop: any EventLoop,
        report: @escaping @Sendable (OutboundEvent) -> Void
    ) {
        self.delivery = delivery
        self.nextHop = nextHop
        self.settings = settings
        self.loop = loop
        self.report = report
    }

    // MARK: from any thread

    /// Gives an idle session its next transaction.
    func start(_ job: Job) { self.loop.execute { self.begin(job) } }

    /// Ends the session with QUIT when it is idle, else after its transaction.
    func quit() {
        self.loop.execute {
            self.isUnwanted = true
            self.handler?.quit()
        }
    }

    /// Ends the session at once.
    func abort() {
        self.loop.execute {
            self.isUnwanted = true
            self.handler?.hangUp("closed by the operator")
        }
    }

    // MARK: on the loop

    func open(_ job: Job) {
        self.job = job
        self.begun = .now()
        self.delivery.resolver.resolve(self.nextHop.place, on: self.loop).assumeIsolated().whenSuccess { resolution in
            switch resolution {
            case .hosts(let hosts, _):
                self.hosts = hosts[...]
                self.tryNextHost()
            case .refused(let reply):
                self.bounce(with: reply, host: nil, session: nil)
                self.end()
            case .unavailable(let reason):
                self.finished(.unreachable(reason), host: nil, session: nil)
                self.end()
            }
        }
    }

    private func bounce(with reply: Reply, host: SocketEndpoint?, session: SessionRef?) {
        let count = self.job?.transaction.recipients.count ?? 0
        self.finished(.outcomes(Array(repeating: .bounced(reply), count: count)), host: host, session: session)
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
        let record = self.delivery.registry.open(
            .outbound, peer: host.endpoint.description, name: self.nextHop.description, at: self.delivery.clock.now(),
            hangUp: { [weak self] in self?.abort() })
        self.record.withLockedValue { $0 = record }
        if let job = self.job { record.update(at: self.delivery.clock.now()) { $0.message = job.message.description } }
        let handler = ClientHandler(
            self, delivery: self.delivery, settings: self.settings, host: host, security: self.nextHop.security,
            withoutTLS: self.plaintextHost == host, record: record)
        ClientBootstrap(group: self.loop)
            .channelOption(.autoRead, value: false)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.writeBufferWaterMark, value: .init(low: 32 << 10, high: 64 << 10))
            .connectTimeout(.milliseconds(self.settings.timeouts.connect))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls = try handler.implicitTLS() { try channel.pipeline.syncOperations.addHandler(tls) }
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .connect(host: host.endpoint.host, port: host.endpoint.port)
            .assumeIsolated()
            .whenFailure { error in
                let failure = "connect to \(host.endpoint): \(Self.words(for: error))"
                let now = self.delivery.clock.now()
                record.said(.relay, failure, at: now)
                self.delivery.registry.close(record, at: now, failed: true, remark: failure)
                self.lastFailure = failure
                self.mayAnswerLater = true
                self.tryNextHost()
            }
    }

    /// Where each host refused for good the mail bounces at once (RFC 7504 §4); one that may answer later is worth waiting
    /// for.
    private func finishWithoutHost() {
        if let refusal = self.refusal, !self.mayAnswerLater, self.hosts.isEmpty {
            self.bounce(with: refusal.reply, host: refusal.host, session: refusal.session)
        } else {
            self.finished(.unreachable(self.lastFailure ?? "no host of the route answers"), host: nil, session: nil)
        }
        self.end()
    }

    /// The host gave a session: what waits can begin.
    func ready(_ handler: ClientHandler) {
        self.handler = handler
        self.hosts = []
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
        _ cause: ClientSession.DeferralCause, permanent: Reply?, host: MailHost, session: SessionRef
    ) {
        self.lastFailure = "\(host.endpoint): \(cause)"
        if case .tlsFailed(_, plaintextAllowed: true) = cause {
            self.plaintextHost = host
            self.hosts = [host] + self.hosts
        } else if let permanent {
            self.refusal = (permanent, host.endpoint, session)
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
                    milliseconds: time)))
    }

    /// The channel is gone.
    func closed(_ handler: ClientHandler) {
        if self.handler === handler {
            self.handler = nil
            self.finished(.untried, host: nil, session: nil)
            self.end()
        } else {
            self.tryNextHost()  // It never got ready.
        }
    }

    private func end() {
        guard !self.isEnded else { return }
        self.isEnded = true
        self.report(.ended)
    }

    /// What a failed connect says, short enough for a row.
    private static func words(for error: any Error) -> String {
        switch error {
        case ChannelError.connectTimeout: return "timed out"
        case let error as NIOConnectionError:
            if error.connectionErrors.isEmpty { return "the name does not resolve" }
            return error.connectionErrors.map { self.words(for: $0.error) }.joined(separator: "; ")
        case let error as IOError: return error.errnoCode == ECONNREFUSED ? "connection refused" : error.localized
        default: return "\(error)"
        }
    }
}

extension IOError {
    fileprivate var localized: String { String(cString: strerror(self.errnoCode)).lowercased() }
}
