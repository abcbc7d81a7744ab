import Foundation
import Glibc
import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import SMTP
import Testing

@testable import Relay

/// A connection with TLS goes when its peer goes, whatever manners that has. Where the wait for a good-bye goes on instead,
/// it goes on for an hour here.
@Suite("the end of connections with TLS (RFC 8446 §6.1)", .timeLimit(.minutes(5)))
struct FarewellTests {
    private enum Manners: CaseIterable {
        /// Says good-bye, and waits for ours.
        case polite
        /// Says good-bye and hangs up.
        case hasty
        /// Hangs up behind the last reply.
        case abrupt
        /// Resets the connection behind the last reply, as those do who close it with something unread.
        case resetting
        /// Hangs up in the midst of the session.
        case vanishing

        func end(_ context: ChannelHandlerContext) {
            if self == .polite { return context.close(promise: nil) }
            if self == .hasty { context.close(mode: .output, promise: nil) }
            if self == .resetting {
                _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
            }
            context.hangUpUnderTLS()
        }
    }

    private static let silence = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    private let group = MultiThreadedEventLoopGroup.singleton

    private func configuration(_ certificate: Certificate) -> RelayConfiguration {
        var configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "")
        configuration.tls = certificate.files
        configuration.timeouts.farewell = 3_600_000
        return configuration
    }

    // MARK: in

    private final class Client: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let manners: Manners
        private var heard = ""
        init(_ manners: Manners) { self.manners = manners }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let isGreeted = !self.heard.isEmpty
            self.heard += String(buffer: self.unwrapInboundIn(data))
            if self.manners == .vanishing { return self.manners.end(context) }
            if !isGreeted { context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: "QUIT\r\n")), promise: nil) }
            if self.manners == .hasty || self.heard.contains("221 ") { self.manners.end(context) }
        }
    }

    private func reception(_ configuration: RelayConfiguration) throws -> Reception {
        let spool = StubSpool()
        let loop = self.group.next()
        let signal = ChangeSignal(loop: loop)
        let watch = SpoolWatch(
            spool, floor: 0, threads: .singleton, loop: loop, log: Self.silence, signal: signal)
        return Reception(
            Admission(configuration: configuration, keyring: try Keyring(configuration)), spool: spool,
            spoolWatch: watch, registry: SessionRegistry(node: "mx", signal: signal), clock: .system,
            log: Self.silence, threads: .singleton, requested: { _ in loop.makeSucceededFuture(0) }, accepted: { _ in })
    }

    @Test("nothing is kept of a session that is over", arguments: Manners.allCases)
    private func inbound(_ manners: Manners) async throws {
        let certificate = try Certificate()
        let configuration = self.configuration(certificate)
        let reception = try self.reception(configuration)
        let open = try await reception.listen(
            on: Listener(SocketEndpoint(host: "127.0.0.1", port: 0), tls: .implicit), group: self.group)
        let server = try #require(open.first)
        var client = TLSConfiguration.makeClientConfiguration()
        client.certificateVerification = .none
        let context = try NIOSSLContext(configuration: client)
        for _ in 0..<5 {
            let channel = try await ClientBootstrap(group: self.group)
                .connect(to: try #require(server.channel.localAddress)) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let operations = channel.pipeline.syncOperations
                        try operations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
                        try operations.addHandler(Client(manners))
                        return channel
                    }
                }
            try? await channel.closeFuture.get()
        }
        // Each session holds the policy that it began with, and nobody else does now.
        weak let before = reception.admission
        #expect(before != nil)
        reception.reload(Admission(configuration: configuration, keyring: try Keyring(configuration)))
        #expect(try await eventually { before == nil }, "\(reception.registry.liveCounts)")
        #expect(reception.registry.liveCounts == (0, 0))
        let records = reception.registry.records(includingEnded: true)
        #expect(records.map(\.failed) == Array(repeating: manners == .vanishing, count: 5))
        await server.close()
        await reception.drain(within: .seconds(1))
    }

    @Test("an operator who closes a session waits for no good-bye, nor does a stop", arguments: [true, false])
    func closed(byOperator isOperator: Bool) async throws {
        let certificate = try Certificate()
        let reception = try self.reception(self.configuration(certificate))
        let open = try await reception.listen(
            on: Listener(SocketEndpoint(host: "127.0.0.1", port: 0), tls: .implicit), group: self.group)
        let server = try #require(open.first)
        var client = TLSConfiguration.makeClientConfiguration()
        client.certificateVerification = .none
        let context = try NIOSSLContext(configuration: client)
        let channel = try await ClientBootstrap(group: self.group)
            .connect(to: try #require(server.channel.localAddress)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: nil))
                    return channel
                }
            }
        #expect(try await eventually { reception.registry.records(includingEnded: false).first?.row.phase == .hello })
        // It reads no good-bye, and so answers none.
        try await channel.setOption(.autoRead, value: false).get()
        if isOperator {
            #expect(reception.registry.records(includingEnded: false).first?.hangUp() == true)
        } else {
            await reception.drain(within: .zero)
        }
        #expect(try await eventually { reception.registry.liveCounts == (0, 0) })
        try? await channel.close()
        await server.close()
        await reception.drain(within: .seconds(1))
    }

    // MARK: out

    /// Answers each line with the next of `replies`, and goes behind the last.
    private final class Server: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let manners: Manners
        private var replies = ["220 here", "250 here", "250 Ok", "550 no", "250 Ok", "221 Bye"][...]
        init(_ manners: Manners) { self.manners = manners }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case TLSUserEvent.handshakeCompleted = event { self.answer(context) }
            context.fireUserInboundEventTriggered(event)
        }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { self.answer(context) }

        private func answer(_ context: ChannelHandlerContext) {
            guard let reply = self.replies.popFirst() else { return }
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: "\(reply)\r\n")), promise: nil)
            if self.replies.isEmpty { self.manners.end(context) }
        }
    }

    @Test("nothing is kept of a session out that is over", arguments: [Manners.polite, .hasty, .abrupt, .resetting])
    private func outbound(_ manners: Manners) async throws {
        let certificate = try Certificate()
        var configuration = self.configuration(certificate)
        let tls = try #require(try Keyring(configuration).server)
        let server = try await ServerBootstrap(group: self.group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    try channel.pipeline.syncOperations.addHandler(Server(manners))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        var security = RouteSecurity()
        security.isImplicit = true
        configuration.routes = [
            Route(
                pattern: try #require(DomainPattern("*")),
                via: [SocketEndpoint(host: "127.0.0.1", port: try #require(server.localAddress?.port))],
                security: security)
        ]
        let registry = SessionRegistry(node: "mx", signal: ChangeSignal(loop: self.group.next()))
        weak let context = try await self.deliver(configuration, registry)
        #expect(try await eventually { context == nil })
        #expect(registry.records(includingEnded: true).map(\.failed) == [false])
        try await server.close()
    }

    /// - Returns: what only sessions hold when it is over.
    private func deliver(_ configuration: RelayConfiguration, _ registry: SessionRegistry) async throws -> NIOSSLContext
    {
        let delivery = Delivery(
            group: self.group, spool: StubSpool(), registry: registry, clock: .system, log: Self.silence,
            threads: .singleton)
        let route = try #require(configuration.routes.first)
        let path = ForwardPath.path(Path(mailbox: Mailbox(localPart: "u", domain: Domain("example.org"))))
        let settings = Delivery.Settings(
            hostname: "mx.example.net", timeouts: configuration.timeouts, keyring: try Keyring(configuration))
        let (results, continuation) = AsyncStream.makeStream(of: JobResult.self)
        let connection = NIOLockedValueBox<OutboundConnection?>(nil)
        let job = Job(
            number: 1, message: QueueID(rawValue: 1),
            transaction: ClientSession.Transaction(reversePath: .null, recipients: [path], contentOctets: 1))
        connection.withLockedValue { opened in
            opened = delivery.open(
                to: route.nextHop(for: "z.example"), job: job, settings: settings
            ) { event in
                switch event {
                case .finished(let result): continuation.yield(result)
                case .idle: connection.withLockedValue { $0 }?.quit()
                case .ended: continuation.finish()
                }
            }
        }
        var verdicts: [String] = []
        for await result in results { verdicts.append("\(result.verdict)") }
        #expect(verdicts.count == 1 && verdicts.allSatisfy { $0.contains("bounced") }, "\(verdicts)")
        connection.withLockedValue { $0 = nil }
        return settings.keyring.client(for: route.security.demand(of: SocketEndpoint(host: "z.example", port: 25)))
    }
}
