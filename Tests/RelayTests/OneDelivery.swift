import Logging
import Mail
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SMTP
import Spool

@testable import Relay

/// A message on its way to one host, with a registry and a spool of its own.
final class OneDelivery: Sendable {
    /// What became of it so far.
    struct State {
        var verdicts: [JobResult.Verdict] = []
        var idles = 0
        var isEnded = false
    }
    let spool = StubSpool()
    let registry = SessionRegistry(
        node: "mx", signal: ChangeSignal(loop: MultiThreadedEventLoopGroup.singleton.next()))
    let connection: OutboundConnection
    private let box = NIOLockedValueBox(State())
    var state: State { self.box.withLockedValue { $0 } }

    /// - Parameters:
    ///   - others: hosts behind it.
    ///   - parameters: of MAIL.
    ///   - content: `nil`: it cannot be read.
    init(
        to host: SocketEndpoint, and others: [SocketEndpoint] = [], without leftOut: HostsLeftOut = HostsLeftOut(),
        parameters: [Parameter] = [], content: (any ContentSource)? = nil,
        _ timeouts: RelayConfiguration.Timeouts = RelayConfiguration.Timeouts()
    ) throws {
        let group = MultiThreadedEventLoopGroup.singleton
        self.spool.state.withLockedValue { $0.content = content }
        let configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "")
        let mailbox = Mailbox(localPart: "u", domain: Domain("example.org"))
        let job = Job(
            number: 1, message: QueueID(rawValue: 1),
            transaction: ClientSession.Transaction(
                reversePath: .null, parameters: parameters, recipients: [.path(Path(mailbox: mailbox))],
                contentOctets: content?.octets ?? 1))
        let delivery = Delivery(
            group: group, spool: self.spool, registry: self.registry, clock: .system,
            log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), threads: .singleton)
        self.connection = delivery.open(
            to: NextHop(.hosts([host] + others)), without: leftOut, job: job,
            settings: Delivery.Settings(
                hostname: "mx.example.net", timeouts: timeouts, keyring: try Keyring(configuration))
        ) { [box] event in
            box.withLockedValue { state in
                switch event {
                case .finished(let result): state.verdicts.append(result.verdict)
                case .idle: state.idles += 1
                case .ended: state.isEnded = true
                }
            }
        }
    }

    /// The only session.
    var session: SessionRecord? { self.registry.records(includingEnded: true).first }
}

/// Answers each line with the next of its replies, and reads no more behind the last.
final class HostOfFewWords: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private var replies: ArraySlice<String>
    private var heard: @Sendable (String) -> Void
    private let last: @Sendable (any Channel) -> Void

    init(
        _ replies: [String], heard: @escaping @Sendable (String) -> Void,
        last: @escaping @Sendable (any Channel) -> Void
    ) {
        self.replies = replies[...]
        self.heard = heard
        self.last = last
    }

    func channelActive(context: ChannelHandlerContext) { self.answer(context) }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.heard(String(buffer: self.unwrapInboundIn(data)))
        self.answer(context)
    }
    private func answer(_ context: ChannelHandlerContext) {
        guard let reply = self.replies.popFirst() else { return }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: reply + "\r\n")), promise: nil)
        if self.replies.isEmpty { self.last(context.channel) } else { context.read() }
    }

    /// - Parameter last: is given the channel when the last reply is out.
    static func listen(
        _ replies: [String], heard: @escaping @Sendable (String) -> Void = { _ in },
        last: @escaping @Sendable (any Channel) -> Void = { _ in }
    ) async throws -> any Channel {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            // The kernel takes little in the host's place.
            .serverChannelOption(.socketOption(.so_rcvbuf), value: 4096)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(HostOfFewWords(replies, heard: heard, last: last))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }
}
