import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL
import SMTP
import Sockets
import Spool
import Synchronization

/// What all inbound sessions share. Everything in it may be used from any event loop.
final class Reception: Sendable {
    let spool: any Spool
    let registry: SessionRegistry
    let clock: Clock
    let log: Logger
    let threads: NIOThreadPool
    let spoolWatch: SpoolWatch
    let rules: StandingRules
    let measures: EngineMeasures
    let loginFailures = LoginFailures()
    let memory = ContentMemory()
    /// Mail that a client asks for (RFC 1985): how many recipients were made due.
    let requested: @Sendable (QueueRequest) -> EventLoopFuture<Int>
    /// A message is safe: the queue takes it from here.
    let accepted: @Sendable (SpooledMessage) -> Void
    /// A standing rule refused mail.
    let refused: @Sendable (RefusedCommand) -> Void
    private let current: NIOLockedValueBox<Admission>
    private let channels = NIOLockedValueBox<[ObjectIdentifier: any Channel]>([:])

    init(
        _ admission: Admission, spool: any Spool, spoolWatch: SpoolWatch, rules: StandingRules = StandingRules(),
        registry: SessionRegistry, measures: EngineMeasures = .none, clock: Clock, log: Logger, threads: NIOThreadPool,
        requested: @escaping @Sendable (QueueRequest) -> EventLoopFuture<Int>,
        accepted: @escaping @Sendable (SpooledMessage) -> Void,
        refused: @escaping @Sendable (RefusedCommand) -> Void = { _ in }
    ) {
        self.current = NIOLockedValueBox(admission)
        self.spool = spool
        self.spoolWatch = spoolWatch
        self.rules = rules
        self.measures = measures
        self.registry = registry
        self.clock = clock
        self.log = log
        self.threads = threads
        self.requested = requested
        self.accepted = accepted
        self.refused = refused
    }

    /// The policy that a session takes at its start, so a reload changes no session under way.
    var admission: Admission { self.current.withLockedValue { $0 } }
    func reload(_ admission: Admission) { self.current.withLockedValue { $0 = admission } }

    /// - Parameter bound: sockets for it that are there already.
    func listen(
        on listener: Listener, at bound: [BoundSocket] = [], group: any EventLoopGroup
    ) async throws -> [OpenListener] {
        var open: [OpenListener] = []
        for socket in bound {
            let serving = ServedListener(listener, path: socket.path)
            let channel = try await self.bootstrap(for: serving, group).withBoundSocket(socket.descriptor).get()
            open.append(OpenListener(serving: serving, channel: channel))
        }
        guard bound.isEmpty else { return open }
        switch listener.address {
        case .endpoint(let endpoint):
            let serving = ServedListener(listener)
            let channel = try await self.bootstrap(for: serving, group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: endpoint.host, port: endpoint.port).get()
            return [OpenListener(serving: serving, channel: channel)]
        case .socket(let path):
            let serving = ServedListener(listener, path: path)
            // Everybody on the machine may connect; who shall not is kept out by the mode of the folder.
            let (channel, socket) = try await LocalSocket.bind(
                path, mode: 0o666, with: self.bootstrap(for: serving, group))
            return [OpenListener(serving: serving, channel: channel, socket: socket)]
        case .passed(let name): throw NoPassedSocket(name: name)
        }
    }

    private func bootstrap(for serving: ServedListener, _ group: any EventLoopGroup) -> ServerBootstrap {
        ServerBootstrap(group: group).serverChannelOption(.backlog, value: 1024).childChannelInitializer { channel in
            guard serving.path != nil else {
                return channel.eventLoop.makeCompletedFuture { try self.prepare(channel, of: serving.listener) }
            }
            return LocalSocket.user(of: channel, threads: self.threads).flatMapThrowing { user in
                try self.prepare(channel, of: serving.listener, for: user)
            }
        }
    }

    private func prepare(_ channel: any Channel, of listener: Listener, for user: LocalUser? = nil) throws {
        // Set here and not by the bootstrap, which makes futures for each.
        let options = channel.syncOptions
        try options?.setOption(.autoRead, value: false)
        try options?.setOption(.maxMessagesPerRead, value: 1)
        if user == nil { try options?.setOption(.tcpOption(.tcp_nodelay), value: 1) }
        // Some clients end their side behind QUIT, and still want to know what became of the mail before it.
        try options?.setOption(.allowRemoteHalfClosure, value: true)
        let session = ServerHandler(self, listener)
        session.peer.user = user
        try options?.setOption(
            .recvAllocator, value: ReadAllocator(self.memory, for: session, on: channel.eventLoop))
        let pipeline = channel.pipeline.syncOperations
        if let address = channel.remoteAddress, listener.proxies.contains(where: { $0.contains(address) }) {
            try pipeline.addHandler(ProxyHandler(session))
        }
        if session.tlsMode == .implicit, let context = session.admission.keyring.server {
            try pipeline.addHandler(NIOSSLServerHandler(context: context))
        }
        try pipeline.addHandler(session)
    }

    /// - Parameter heldBy: who wanted those of its recipients on hold that come in so.
    func store(
        _ message: SpooledMessage, _ content: StoredContent, heldBy: String?, on loop: any EventLoop
    ) -> EventLoopFuture<Void> {
        let others = self.memory.mailsUnderWay.load(ordering: .relaxed)
        let new = NewMessage(message, content: content, heldBy: heldBy)
        return self.spool.accept(new, expectingMore: others > 0, on: loop)
    }

    /// Forgets content that no message will name.
    func discard(_ content: StoredContent) {
        if case .file(let file) = content { self.threads.submit { _ in file.discard() } }
    }

    func opened(_ channel: any Channel) { self.channels.withLockedValue { $0[ObjectIdentifier(channel)] = channel } }
    func closed(_ channel: any Channel) { self.channels.withLockedValue { $0[ObjectIdentifier(channel)] = nil } }

    /// Asks each session to end at its next good moment, and waits that long. Then it breaks off those that are left, with a
    /// 421, and hangs up on those that cannot even take that.
    func drain(within time: TimeAmount) async {
        await self.end(.atGoodMoment, within: time)
        await self.end(.now, within: .seconds(2))
        for channel in self.channels.withLockedValue({ Array($0.values) }) { channel.hangUpUnderTLS() }
    }

    private func end(_ event: ShutDownEvent, within time: TimeAmount) async {
        let deadline = NIODeadline.now() + time
        for channel in self.channels.withLockedValue({ Array($0.values) }) {
            channel.pipeline.fireUserInboundEventTriggered(event)
        }
        while self.channels.withLockedValue({ !$0.isEmpty }), NIODeadline.now() < deadline {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}

/// The configuration names a socket that the service manager did not pass on.
struct NoPassedSocket: Error {
    let name: String
}

/// Tells a session to end.
enum ShutDownEvent: Sendable {
    /// Behind the message whose content flows.
    case atGoodMoment
    /// Whatever it does.
    case now
}

/// The time of day, as an argument so that tests can fix it.
struct Clock: Sendable {
    var now: @Sendable () -> Timestamp
    /// Milliseconds of a clock that never jumps, and goes on while the machine sleeps.
    var steady: @Sendable () -> Int64
    /// The two are compared so often while nothing happens. Timers stand still while a machine sleeps: what is due then is
    /// late by no more than this when it wakes.
    var pause = TimeAmount.seconds(10)
    static let system = Clock(now: { .now }, steady: { Timestamp.sinceBoot.milliseconds })
}
