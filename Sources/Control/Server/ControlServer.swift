import Glibc
public import Logging
import Mail
public import Monitor
import NIOConcurrencyHelpers
public import NIOCore
import NIOHTTP1
public import NIOPosix
public import NIOSSL
import SMTP
import Sockets

/// Serves a feed over HTTP/1.1: on a Unix socket, and with TLS on the network. How the node is doing is also served where
/// nobody shows a token.
public final class ControlServer: Sendable {
    public typealias TLS = NIOSSLContext
    /// Where somebody comes in.
    enum Entrance: Sendable, Hashable {
        case socket(LocalUser)
        /// From that address.
        case network(String)
        /// Where there are only pages that say how the node is doing, and no TLS.
        case pages

        /// Each kind has its own limit.
        enum Kind: Sendable, Hashable { case socket, network, pages }
        var kind: Kind {
            switch self {
            case .socket: .socket
            case .network: .network
            case .pages: .pages
            }
        }
    }

    let node: String
    /// The feed of whoever has that name.
    let feed: @Sendable (String) -> any MonitorFeed
    let beat = Beat()
    private let shared: SharedAnswers
    private let known = KnownErrands()
    /// `nil`: it says nothing of how it is doing.
    private let vitals: (any NodeVitals)?
    let document = ByteBuffer(bytes: ControlAPI.documentText)
    private let group: any EventLoopGroup
    private let threads: NIOThreadPool
    private let log: Logger
    private let loginFailures = LoginFailures()
    private let state: NIOLockedValueBox<State>

    private struct State {
        var access: ControlAccess
        var tls: TLS?
        var listeners: [any Channel] = []
        var socket: LocalSocket?
        var visitors: [ObjectIdentifier: (channel: any Channel, kind: Entrance.Kind)] = [:]
    }

    /// - Parameters:
    ///   - node: what paths and queries name is of this node.
    ///   - threads: for looks into the user database.
    ///   - vitals: says how the node is doing.
    ///   - feed: makes the feed of whoever has that name. All tell the same changes.
    public init(
        node: String, access: ControlAccess = ControlAccess(), group: any EventLoopGroup, threads: NIOThreadPool,
        log: Logger, vitals: (any NodeVitals)? = nil,
        feed: @escaping @Sendable (String) -> any MonitorFeed
    ) {
        self.vitals = vitals
        self.node = node
        self.feed = feed
        self.shared = SharedAnswers(self.beat)
        self.group = group
        self.threads = threads
        self.log = log
        self.state = NIOLockedValueBox(State(access: access))
    }

    /// Opens a Unix socket.
    ///
    /// - Parameter group: whose members may connect too; `nil`: nobody else but root.
    /// - Throws: why it is not there, in words.
    public func listen(at path: String, group: gid_t?) async throws {
        let bootstrap = ServerBootstrap(group: self.group).serverChannelOption(.backlog, value: 128)
            .childChannelInitializer { channel in
                LocalSocket.user(of: channel, threads: self.threads)
                    .flatMapThrowing { try self.admit(channel, .socket($0), tls: nil) }
            }
        let (channel, socket) = try await LocalSocket.bind(
            path, mode: group == nil ? 0o600 : 0o660, group: group, with: bootstrap)
        self.state.withLockedValue {
            $0.listeners.append(channel)
            $0.socket = socket
        }
    }

    /// Listens on the network, where everything is TLS and everybody shows a token.
    ///
    /// - Returns: the address, with the port that the system chose.
    public func listen(host: String, port: Int, tls: TLS) async throws -> SocketAddress? {
        self.state.withLockedValue { $0.tls = tls }
        let channel = try await ServerBootstrap(group: self.group).serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
                    let address = channel.remoteAddress?.ipAddress ?? "?"
                    try self.admit(channel, .network(address), tls: self.state.withLockedValue { $0.tls })
                }
            }
            .bind(host: host, port: port).get()
        self.state.withLockedValue { $0.listeners.append(channel) }
        return channel.localAddress
    }

    /// Listens for those who want to know how the node is doing: without TLS, and whoever they are.
    ///
    /// - Returns: the address, with the port that the system chose.
    public func listenForPages(host: String, port: Int) async throws -> SocketAddress? {
        let channel = try await ServerBootstrap(group: self.group).serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.admit(channel, .pages, tls: nil) }
            }
            .bind(host: host, port: port).get()
        self.state.withLockedValue { $0.listeners.append(channel) }
        return channel.localAddress
    }

    /// Who may do what from now on; new connections on the network get this certificate.
    public func reload(_ access: ControlAccess, tls: TLS?) {
        let orphans = self.state.withLockedValue { state in
            defer { (state.access, state.tls) = (access, tls) }
            // Whose token is no longer good shall see no more of a stream; everybody else comes back.
            guard state.access.tokens != access.tokens else { return [any Channel]() }
            return state.visitors.values.filter { $0.kind == .network }.map(\.channel)
        }
        for channel in orphans { channel.close(promise: nil) }
    }

    /// Opens no more; ends what is there, answers under way a moment later.
    public func stop() async {
        let (listeners, socket) = self.state.withLockedValue { state in
            defer { (state.listeners, state.socket) = ([], nil) }
            return (state.listeners, state.socket)
        }
        socket?.remove()
        for listener in listeners { try? await listener.close() }
        for channel in self.channels { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        let end = NIODeadline.now() + .seconds(1)
        while !self.channels.isEmpty, NIODeadline.now() < end { try? await Task.sleep(for: .milliseconds(10)) }
        for channel in self.channels { try? await channel.close() }
    }

    private var channels: [any Channel] { self.state.withLockedValue { $0.visitors.values.map(\.channel) } }

    // MARK: whoever comes in

    private func admit(_ channel: any Channel, _ entrance: Entrance, tls: TLS?) throws {
        let key = ObjectIdentifier(channel)
        let isAdmitted = self.state.withLockedValue { state in
            let others = state.visitors.values.count { $0.kind == entrance.kind }
            guard others < ControlLimits.connections else { return false }
            state.visitors[key] = (channel, entrance.kind)
            return true
        }
        guard isAdmitted else {
            self.log.warning("too many connections to the API", metadata: ["limit": "\(ControlLimits.connections)"])
            return try channel.pipeline.syncOperations.addHandler(FullHouse(saysSo: tls == nil))
        }
        channel.closeFuture.whenComplete { _ in self.state.withLockedValue { $0.visitors[key] = nil } }
        let pipeline = channel.pipeline.syncOperations
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = ControlLimits.headerOctets
        limits.maxHeaderListSize = ControlLimits.headerOctets
        limits.maxHeaderFieldCount = ControlLimits.headerFields
        try pipeline.configureHTTPServerPipeline(
            withErrorHandling: false, withEncoderConfiguration: .init(), withDecoderLimitConfiguration: limits)
        try pipeline.addHandler(ControlHandler(self, entrance, on: channel.eventLoop))
    }

    /// An answer for which nobody has to be asked.
    func given(_ request: ControlRequest, _ type: any ControlCall.Type) -> ControlResponse? {
        SharedAnswers.Question(request, type).flatMap { self.shared.given($0) }
    }

    func answer(_ request: ControlRequest, _ type: any ControlCall.Type) async -> ControlResponse {
        let (feed, node) = (self.feed(request.visitor.name), self.node)
        guard type.route.method == .get else {
            // Before it is answered: whoever acted reads what it made of things.
            defer { self.shared.forget() }
            return await ControlResponse(to: request, type, from: feed, node: node)
        }
        guard let question = SharedAnswers.Question(request, type) else {
            return await ControlResponse(to: request, type, from: feed, node: node)
        }
        return await self.shared.answer(question) { await ControlResponse(to: request, type, from: feed, node: node) }
    }

    func answer(_ page: VitalPage) async -> ControlResponse {
        guard let vitals = self.vitals else {
            return ControlResponse(ControlError(FeedError(.unsupported, "this node says nothing of how it is doing")))
        }
        return await ControlResponse(page, of: vitals)
    }

    /// What somebody asks for, and may.
    func request(_ head: HTTPRequestHead, at entrance: Entrance) throws(ControlError) -> ControlRequest {
        try head.check(isNetwork: entrance.kind != .socket)
        return try ControlRequest(
            head, from: try self.visitor(head, at: entrance), onlyPages: entrance.kind == .pages, known: self.known)
    }

    private func visitor(_ head: HTTPRequestHead, at entrance: Entrance) throws(ControlError) -> ControlVisitor {
        let access = self.state.withLockedValue { $0.access }
        switch entrance {
        case .pages: return ControlVisitor(name: "scraper", role: .observer)
        case .socket(let user):
            if let visitor = access.visitor(user) { return visitor }
            throw ControlError(.forbidden, .denied, "\(user) has no business here: [control] group says who has")
        case .network(let address):
            let now = Timestamp.sinceBoot
            let client = Network.octets(address).flatMap(ClientKey.init)
            guard !self.loginFailures.areTooMany(of: client, at: now) else {
                throw ControlError(
                    .tooManyRequests, .denied, "too many wrong tokens came from your address: wait ten minutes",
                    headers: ["Retry-After": "600"])
            }
            guard let token = head.bearer else {
                throw ControlError(
                    .unauthorized, .denied, "a token is missing: send it with Authorization: Bearer TOKEN",
                    headers: ["WWW-Authenticate": "Bearer"])
            }
            if let visitor = access.tokens.visitor(token) { return visitor }
            let failures = self.loginFailures.failed(client, at: now)
            self.log.warning("wrong token", metadata: ["client": "\(address)", "failures": "\(failures)"])
            var refusal = ControlError(
                .unauthorized, .denied, "this token is not known here",
                headers: ["WWW-Authenticate": "Bearer error=\"invalid_token\""])
            refusal.delay = LoginFailures.delay(afterFailures: failures)
            throw refusal
        }
    }
}

/// Tells a client that there is no room, and hangs up.
private final class FullHouse: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private static let words = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    private let saysSo: Bool

    /// - Parameter saysSo: false where it would take a handshake.
    init(saysSo: Bool) { self.saysSo = saysSo }

    func channelActive(context: ChannelHandlerContext) {
        guard self.saysSo else { return context.close(promise: nil) }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: Self.words)), promise: promise)
    }
}
