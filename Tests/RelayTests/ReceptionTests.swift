import Foundation
import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SMTP
import Sockets
import Spool
import Testing

@testable import Relay

/// A log that can be looked at.
private struct SaidLines: LogHandler {
    let said: NIOLockedValueBox<[String]>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }
    func log(event: LogEvent) {
        self.said.withLockedValue { $0.append("\(event.message) \(event.metadata ?? [:])") }
    }
}

@Suite("reception over loopback", .timeLimit(.minutes(5)))
struct ReceptionTests {
    static let silence = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    private let spool = StubSpool()
    private let accepted = NIOLockedValueBox<[SpooledMessage]>([])
    /// What the log has.
    private let said = NIOLockedValueBox<[String]>([])

    private func configuration() throws -> RelayConfiguration {
        RelayConfiguration(
            hostname: "mx.example.net", listen: [], domains: [try #require(DomainPattern("example.net"))],
            spoolDirectory: "")
    }

    private func reception(_ configuration: RelayConfiguration) async throws -> Reception {
        let group = MultiThreadedEventLoopGroup.singleton
        let signal = ChangeSignal(loop: group.next())
        let accepted = self.accepted
        let watch = SpoolWatch(
            self.spool, floor: configuration.freeSpace, threads: .singleton, loop: group.next(), log: Self.silence,
            signal: signal)
        await watch.start()
        watch.stop()
        return Reception(
            Admission(configuration: configuration, keyring: try Keyring(configuration)), spool: self.spool,
            spoolWatch: watch, registry: SessionRegistry(node: "mx", signal: signal), clock: .system,
            log: Logger(label: "test") { [said] _ in SaidLines(said: said) }, threads: .singleton,
            requested: { _ in group.next().makeSucceededFuture(0) },
            accepted: { message in accepted.withLockedValue { $0.append(message) } })
    }

    /// Starts a server, sends `text` in one burst, and gives back all replies up to the end of the session.
    ///
    /// - Parameters:
    ///   - endsSide: the client closes its side behind `text`.
    ///   - others: so many other sessions seem to carry content at the same time.
    private func converse(
        _ text: String, _ configuration: RelayConfiguration, on listener: Listener? = nil, endsSide: Bool = false,
        besides others: Int = 0
    ) async throws -> (replies: String, registry: SessionRegistry) {
        let reception = try await self.reception(configuration)
        let shares = (0..<others).map { _ in reception.memory.share() }
        let replies = try await self.converse(with: reception, on: listener, endsSide: endsSide) { inbound, outbound in
            // On a busy machine the server has hung up by then at times; what it said tells that.
            if !text.isEmpty { try? await outbound.write(ByteBuffer(string: text)) }
            if endsSide { outbound.finish() }
            var replies = ""
            for try await buffer in inbound { replies += String(buffer: buffer) }
            return replies
        }
        withExtendedLifetime(shares) {}
        return (replies, reception.registry)
    }

    /// Has `client` talk to a server of this reception.
    private func converse<Result: Sendable>(
        with reception: Reception, on listener: Listener? = nil, endsSide: Bool = false,
        _ client: (
            NIOAsyncChannelInboundStream<ByteBuffer>, NIOAsyncChannelOutboundWriter<ByteBuffer>
        ) async throws -> Result
    ) async throws -> Result {
        let group = MultiThreadedEventLoopGroup.singleton
        let open = try await reception.listen(
            on: listener ?? Listener(SocketEndpoint(host: "127.0.0.1", port: 0)), group: group)
        let server = try #require(open.first)
        let channel = try await ClientBootstrap(group: group)
            .channelOption(.allowRemoteHalfClosure, value: endsSide)
            .connect(to: try #require(server.channel.localAddress)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: endsSide))
                }
            }
        let result = try await channel.executeThenClose(client)
        await server.close()
        await reception.drain(within: .seconds(5))
        return result
    }

    private func codes(_ replies: String) -> [String] {
        replies.split(separator: "\r\n").filter { $0.dropFirst(3).first != "-" }.map { String($0.prefix(3)) }
    }

    private func message(_ content: String, to recipients: String...) -> String {
        "EHLO client.example\r\nMAIL FROM:<ann@example.org>\r\n"
            + recipients.map { "RCPT TO:\($0)\r\n" }.joined() + "DATA\r\n\(content)\r\n.\r\nQUIT\r\n"
    }

    @Test("a message gets its trace field, its place in the spool, and its transcript from the greeting")
    func message() async throws {
        let (replies, registry) = try await self.converse(
            self.message("Subject: hi\r\n\r\nhello", to: "<bob@example.com>"), self.configuration())
        #expect(self.codes(replies) == ["220", "250", "250", "250", "354", "250", "221"])
        let new = try #require(self.spool.state.withLockedValue { $0.messages.first })
        #expect(replies.contains("queued as \(new.message.id)"))
        #expect(self.accepted.withLockedValue { $0 } == [new.message])
        guard case .buffer(let buffer) = new.content else {
            Issue.record("small content belongs in the transaction")
            return
        }
        let content = String(buffer: buffer)
        #expect(
            content.hasPrefix("Received: from client.example ([127.0.0.1])\r\n\tby mx.example.net (Hoptop) with ESMTP"))
        #expect(content.hasSuffix("Subject: hi\r\n\r\nhello\r\n"))
        #expect(new.message.contentOctets == buffer.readableBytes)

        let record = try #require(registry.records(includingEnded: true).first)
        let page = record.page(from: 0, count: 100)
        #expect(page.lines.first?.text.hasPrefix("220 mx.example.net") == true)
        #expect(page.lines.map(\.number) == Array(0..<page.end))
        #expect(page.session.messages == 1)
        #expect(page.session.ended != nil)
        #expect(!record.failed)
        #expect(registry.liveCounts == (0, 0))
    }

    /// Too much for the transaction.
    private let largeContent = Array(repeating: String(repeating: "x", count: 70), count: 6000)
        .joined(separator: "\r\n")

    @Test("large content goes to a file, whole, however many others share the memory", arguments: [0, 100, 5000])
    func large(besides others: Int) async throws {
        let content = self.largeContent
        let (replies, _) = try await self.converse(
            self.message(content, to: "<bob@example.com>"), self.configuration(), besides: others)
        #expect(self.codes(replies).suffix(2) == ["250", "221"])
        let new = try #require(self.spool.state.withLockedValue { $0.messages.first })
        guard case .file(let file) = new.content, let file = file as? StubSpool.File else {
            Issue.record("large content belongs in a file")
            return
        }
        let stored = file.octets.withLockedValue { String(buffer: $0) }
        #expect(stored.hasSuffix("\r\n" + content + "\r\n"))
        #expect(new.message.contentOctets == stored.utf8.count)
        #expect(self.spool.state.withLockedValue { $0.discarded } == 0)
    }

    private func stored() throws -> ByteBuffer {
        switch try #require(self.spool.state.withLockedValue { $0.messages.first }).content {
        case .buffer(let buffer): return buffer
        case .file(let file): return try #require(file as? StubSpool.File).octets.withLockedValue { $0 }
        }
    }

    @Test(
        "content is no part of our trace field, by DATA and BDAT, small and large, for each kind of listener",
        arguments: [
            (" white space first\r\nSubject: x\r\n", "\r\n white space first\r\nSubject: x\r\n", nil),
            ("Plain words, no field.\r\n", "\r\nPlain words, no field.\r\n", nil),
            ("Subject: x\r\n", "Subject: x\r\n", "x"), ("\r\n", "\r\n", nil),
            ("From ann Mon\r\nSubject: x\r\n", "X-Mailbox-Line: From ann Mon\r\nSubject: x\r\n", "x"),
        ])
    func traceBoundary(_ content: String, _ separated: String, _ subject: String?) async throws {
        let small = content + "\r\nbody\r\n"
        let large = content + "\r\n\(self.largeContent)\r\n"
        let (first, rest) = (Substring(small.utf8.prefix(1)), Substring(small.utf8.dropFirst()))
        let chunks = "BDAT 1\r\n\(first)BDAT \(rest.utf8.count) LAST\r\n\(rest)"
        for (role, whole, data) in [
            (ServerSession.Role.relay, small, "DATA\r\n\(small).\r\n"), (.relay, large, "DATA\r\n\(large).\r\n"),
            (.lmtp, small, "DATA\r\n\(small).\r\n"), (.relay, small, chunks), (.lmtp, small, chunks),
        ] {
            self.spool.state.withLockedValue { $0.messages = [] }
            let hello = role == .lmtp ? "LHLO" : "EHLO"
            let (replies, _) = try await self.converse(
                "\(hello) c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@y>\r\n\(data)QUIT\r\n",
                self.configuration(), on: self.listener(role))
            #expect(self.codes(replies).suffix(2) == ["250", "221"])
            let stored = try self.stored()
            let expected = Array(" +0000\r\n\(separated)".utf8) + whole.utf8.dropFirst(content.utf8.count)
            #expect(Array(stored.readableBytesView.suffix(expected.count)) == expected)
            let header = MessageHeader(stored)
            #expect(header.fields.first?.name == "Received")
            #expect(TraceHop.hops(in: header).map(\.with) == [role == .lmtp ? "LMTP" : "ESMTP"])
            #expect(header.subject == subject)
            let message = try #require(self.spool.state.withLockedValue { $0.messages.first?.message })
            #expect(message.contentOctets == stored.readableBytes)
        }
    }

    @Test("no content at all is no line either")
    func noContent() async throws {
        _ = try await self.converse(
            "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@y>\r\nDATA\r\n.\r\nQUIT\r\n", self.configuration())
        let stored = String(buffer: try self.stored())
        #expect(stored.hasPrefix("Received: ") && stored.hasSuffix(" +0000\r\n"))
        #expect(stored.split(separator: "\r\n").count == 4)
    }

    @Test("who is named twice gets one copy, on the terms given first; each RCPT has its reply")
    func duplicates() async throws {
        var configuration = try self.configuration()
        let paths = [
            "<bob@example.org> NOTIFY=SUCCESS", "<bob@example.org> NOTIFY=NEVER", "<bob@EXAMPLE.ORG>",
            "<Bob@example.org>", "<@a.example:bob@example.org>", "<Postmaster>", "<postmaster>",
            "<postmaster@mx.example.net>", "<bob@example.net>",
        ]
        let transaction =
            "MAIL FROM:<a@b>\r\n" + paths.map { "RCPT TO:\($0)\r\n" }.joined() + "DATA\r\nhi\r\n.\r\nQUIT\r\n"
        for role in [ServerSession.Role.relay, .lmtp] {
            for (mode, others) in [
                (RelayConfiguration.SourceRoutes.strip, []), (.honor, ["<@a.example:bob@example.org>"]),
            ] {
                configuration.sourceRoutes = mode
                self.accepted.withLockedValue { $0 = [] }
                let hello = role == .lmtp ? "LHLO c\r\n" : "EHLO c\r\n"
                let (replies, _) = try await self.converse(
                    hello + transaction, configuration, on: self.listener(role))
                let finals = role == .lmtp ? paths.count : 1
                #expect(
                    self.codes(replies)
                        == ["220", "250", "250"] + paths.map { _ in "250" } + ["354"]
                        + Array(repeating: "250", count: finals) + ["221"])
                let recipients = try #require(self.accepted.withLockedValue { $0.first?.recipients })
                #expect(
                    recipients.map(\.forwardPath.description) == ["<bob@example.org>", "<Bob@example.org>"] + others
                        + ["<postmaster@mx.example.net>", "<bob@example.net>"])
                #expect(recipients.map(\.index) == Array(recipients.indices))
                #expect(recipients.first?.parameters == [Parameter("NOTIFY", "SUCCESS")])
            }
        }
    }

    @Test("both spellings of a domain beyond ASCII name one mailbox (RFC 5890 §2.3.2.1)")
    func internationalDuplicates() async throws {
        let paths = ["<bob@B\u{FC}cher.example>", "<bob@xn--bcher-kva.example>", "<b\u{F6}b@b\u{FC}cher.example>"]
        _ = try await self.converse(
            "EHLO c\r\nMAIL FROM:<a@b> SMTPUTF8\r\n" + paths.map { "RCPT TO:\($0)\r\n" }.joined()
                + "DATA\r\nhi\r\n.\r\nQUIT\r\n", self.configuration())
        let recipients = try #require(self.accepted.withLockedValue { $0.first?.recipients })
        #expect(recipients.map(\.forwardPath.description) == [paths[0], paths[2]])
    }

    @Test("a row shows content from its first octets, long before there is enough to store")
    func slowUpload() async throws {
        let reception = try await self.reception(self.configuration())
        let shown = try await self.converse(with: reception) { inbound, outbound in
            try await outbound.write(
                ByteBuffer(string: "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@y>\r\nDATA\r\n"))
            var replies = ""
            for try await buffer in inbound {
                replies += String(buffer: buffer)
                if replies.contains("354 ") { break }
            }
            var shown: [Int] = []
            for count in 1...3 {
                try await outbound.write(ByteBuffer(string: "ab\r\n"))
                let end = ContinuousClock.now + .seconds(10)
                while reception.registry.records(includingEnded: false).first?.row.contentOctetsDone != 4 * count,
                    ContinuousClock.now < end
                {
                    try await Task.sleep(for: .milliseconds(5))
                }
                shown += reception.registry.records(includingEnded: false).map(\.row.contentOctetsDone)
            }
            return shown
        }
        #expect(shown == [4, 8, 12])
    }

    @Test("a full spool is a 452, and nothing of the message remains")
    func full() async throws {
        self.spool.state.withLockedValue { $0.isFull = true }
        for content in ["hi", self.largeContent] {
            let (replies, _) = try await self.converse(
                self.message(content, to: "<bob@example.com>"), self.configuration())
            #expect(self.codes(replies) == ["220", "250", "250", "250", "354", "452", "221"])
        }
        #expect(self.accepted.withLockedValue { $0.isEmpty })
        #expect(self.spool.state.withLockedValue { $0.discarded } == 1)
    }

    @Test("with little room MAIL is refused, and with SIZE what would not fit above the floor (RFC 1870 §6.1)")
    func littleRoom() async throws {
        var configuration = try self.configuration()
        configuration.freeSpace = 1000
        let text = "EHLO c\r\nMAIL FROM:<a@b>\r\nRSET\r\nMAIL FROM:<a@b> SIZE=501\r\nQUIT\r\n"
        for (free, answers) in [
            (1501, ["250", "250", "250"]), (1500, ["250", "250", "452"]), (999, ["452", "250", "452"]),
        ] {
            self.spool.state.withLockedValue { $0.free = free }
            let (replies, _) = try await self.converse(text, configuration)
            #expect(self.codes(replies) == ["220", "250"] + answers + ["221"], "\(free)")
        }
        configuration.freeSpace = 0
        let (replies, _) = try await self.converse(text, configuration)
        #expect(self.codes(replies) == ["220", "250", "250", "250", "250", "221"])
    }

    @Test("no open relay: a client outside the networks reaches our domains and our postmaster only")
    func relayDenied() async throws {
        var configuration = try self.configuration()
        configuration.networks = []
        let (replies, _) = try await self.converse(
            self.message(
                "hi", to: "<bob@example.com>", "<bob@example.net>", "<Postmaster>", "<postmaster@mx.example.net>",
                "<@example.net:bob@example.com>"),
            configuration)
        #expect(self.codes(replies) == ["220", "250", "250", "554", "250", "250", "250", "554", "354", "250", "221"])
    }

    @Test(
        "source routes: the table of RFC 821 §3.6, and RFC 5321 appendix C",
        arguments: [
            (RelayConfiguration.SourceRoutes.honor, "<@mx.example.net,@D,@P:u@Z>", "<@D,@P:u@Z>", true),
            (.honor, "<@D,@P:u@Z>", "<@D,@P:u@Z>", true), (.honor, "<@mx.example.net:u@Z>", "<u@Z>", true),
            (.honor, "<u@Z>", "<u@Z>", false), (.strip, "<@mx.example.net,@D,@P:u@Z>", "<u@Z>", false),
        ])
    func sourceRoutes(
        _ mode: RelayConfiguration.SourceRoutes, _ given: String, _ queued: String, _ moved: Bool
    ) async throws {
        var configuration = try self.configuration()
        configuration.sourceRoutes = mode
        _ = try await self.converse(self.message("hi", to: given), configuration)
        let recipient = try #require(self.accepted.withLockedValue { $0.first?.recipients.first })
        #expect(recipient.forwardPath.description == queued)
        #expect(recipient.moved == moved)
    }

    @Test("source routes can be refused")
    func sourceRoutesRefused() async throws {
        var configuration = try self.configuration()
        configuration.sourceRoutes = .reject
        let (replies, _) = try await self.converse(self.message("hi", to: "<@D:u@Z>", "<u@Z>"), configuration)
        #expect(self.codes(replies) == ["220", "250", "250", "550", "250", "354", "250", "221"])
    }

    @Test("the limits on sessions answer 421")
    func limit() async throws {
        var configuration = try self.configuration()
        configuration.networks = []
        configuration.limits.connectionsPerClient = 0
        let (replies, registry) = try await self.converse("", configuration)
        #expect(self.codes(replies) == ["421"])
        #expect(registry.records(includingEnded: true).first?.failed == true)

        configuration.limits.connections = 1
        guard
            case .disconnect(let reply) = Admission(configuration: configuration, keyring: try Keyring(configuration))
                .greeting(Peer(), sessions: 2, fromClient: 0)
        else { return #expect(Bool(false), "a second session is let in") }
        #expect(reply.code == 421)
    }

    @Test("a silent client is timed out with a 421")
    func timeout() async throws {
        var configuration = try self.configuration()
        configuration.timeouts.command = 100
        // It says nothing at all: on a busy machine its first command could come too late to be answered.
        let (replies, _) = try await self.converse("", configuration)
        #expect(self.codes(replies) == ["220", "421"])
    }

    /// A client's connection, which reads nothing by itself.
    ///
    /// - Parameter window: what its kernel keeps for it.
    private func connect(to server: OpenListener, window: Int = 4096) async throws -> any Channel {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            // Others that ask and ask keep the loops from new connections, for seconds on a slow machine.
            .connectTimeout(.minutes(1))
            .channelOption(.autoRead, value: false)
            .channelOption(.socketOption(.so_rcvbuf), value: window)
            .connect(to: try #require(server.channel.localAddress)).get()
    }

    @Test("who asks and asks and reads no reply is not heard any further, and is timed out", arguments: [1, 32 << 10])
    func unreadReplies(_ commandsAtOnce: Int) async throws {
        var configuration = try self.configuration()
        configuration.timeouts.command = 1000
        let reception = try await self.reception(configuration)
        let open = try await reception.listen(
            on: self.listener(), group: MultiThreadedEventLoopGroup.singleton)
        let server = try #require(open.first)
        let client = try await self.connect(to: server)
        let commands = ByteBuffer(string: String(repeating: "EHLO c\r\n", count: commandsAtOnce))
        @Sendable func ask() { client.writeAndFlush(commands).whenSuccess { client.eventLoop.execute { ask() } } }
        ask()
        #expect(try await eventually { reception.registry.records(includingEnded: true).first?.row.ended != nil })
        let session = try #require(reception.registry.records(includingEnded: true).first)
        #expect(session.row.remark?.hasPrefix("421 4.4.2") == true)
        // Its replies in our kernel, and the little that waits for that.
        #expect(session.row.octetsOut < 16 << 20)
        await server.close()
        try? await client.close()
        await reception.drain(within: .seconds(5))
    }

    /// Counts what it is sent, and keeps the last of it.
    private final class Counter: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let heard = NIOLockedValueBox((octets: 0, last: ByteBuffer()))

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = self.unwrapInboundIn(data)
            self.heard.withLockedValue { $0 = ($0.octets + buffer.readableBytes, buffer) }
        }
    }

    @Test("who reads replies late gets them all", arguments: [false, true])
    func lateReader(endsSide: Bool) async throws {
        let reception = try await self.reception(self.configuration())
        let open = try await reception.listen(
            on: self.listener(), group: MultiThreadedEventLoopGroup.singleton)
        let server = try #require(open.first)
        let counter = Counter()
        let client = try await self.connect(to: server, window: 64 << 10)
        try await client.setOption(.allowRemoteHalfClosure, value: true).get()
        try await client.pipeline.addHandler(counter).get()
        let commands = String(repeating: "EHLO c\r\n", count: 20_000) + (endsSide ? "" : "QUIT\r\n")
        let asked: EventLoopFuture<Void> = client.writeAndFlush(ByteBuffer(string: commands))
        if endsSide { asked.whenSuccess { client.close(mode: .output, promise: nil) } }
        #expect(try await eventually { reception.registry.records(includingEnded: true).first?.row.octetsOut ?? 0 > 0 })
        try await client.setOption(.autoRead, value: true).get()
        #expect(try await eventually { reception.registry.records(includingEnded: true).first?.row.ended != nil })
        let row = try #require(reception.registry.records(includingEnded: true).first?.row)
        #expect(row.octetsIn == commands.utf8.count)
        #expect(row.octetsOut > 20_000 * 100)
        #expect(try await eventually { counter.heard.withLockedValue { $0.octets } == row.octetsOut })
        let last = counter.heard.withLockedValue { String(buffer: $0.last) }
        #expect(last.split(separator: "\r\n").last?.hasPrefix(endsSide ? "250 " : "221 ") == true)
        try? await client.close()
        await server.close()
        await reception.drain(within: .seconds(5))
    }

    // MARK: roles of listeners, and who the client really is

    private func listener(_ role: ServerSession.Role = .relay, proxies: [Network] = []) -> Listener {
        Listener(SocketEndpoint(host: "127.0.0.1", port: 0), role: role, proxies: proxies)
    }

    @Test("an LMTP listener answers for each recipient (RFC 2033 §4.2)")
    func lmtp() async throws {
        let text =
            "LHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@y>\r\nRCPT TO:<z@y>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n"
        let (replies, _) = try await self.converse(text, self.configuration(), on: self.listener(.lmtp))
        #expect(self.codes(replies) == ["220", "250", "250", "250", "250", "354", "250", "250", "221"])
        #expect(self.accepted.withLockedValue { $0.first?.arrival.with } == "LMTP")
    }

    @Test("a submission listener takes nothing from who did not log in (RFC 6409 §4.3)")
    func submission() async throws {
        let text = "EHLO c\r\nMAIL FROM:<a@b>\r\nQUIT\r\n"
        let (replies, _) = try await self.converse(text, self.configuration(), on: self.listener(.submission))
        #expect(self.codes(replies) == ["220", "250", "530", "221"])
    }

    @Test("behind a balancer policy and log go by the client that the PROXY header tells")
    func proxy() async throws {
        let text = "PROXY TCP4 192.0.2.9 127.0.0.1 5555 25\r\nEHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@y>\r\nQUIT\r\n"
        let (replies, registry) = try await self.converse(
            text, self.configuration(), on: self.listener(proxies: Network.loopback))
        #expect(self.codes(replies) == ["220", "250", "250", "554", "221"])
        #expect(registry.records(includingEnded: true).first?.row.peer == "192.0.2.9:5555")

        // Whoever sends none there is no balancer, and is not answered.
        let (silence, _) = try await self.converse(
            "EHLO c\r\n", self.configuration(), on: self.listener(proxies: Network.loopback))
        #expect(silence.isEmpty)
        let said = self.said.withLockedValue { $0 }.filter { $0.hasPrefix("no PROXY header ") }
        #expect(said.count == 1 && said[0].contains("127.0.0.1:"), "\(said)")
    }

    @Test("XCLIENT makes another client of a trusted one; XFORWARD is for the log alone")
    func otherClients() async throws {
        var configuration = try self.configuration()
        configuration.xclient = Network.loopback
        configuration.xforward = Network.loopback
        let xclient =
            "EHLO c\r\nXCLIENT ADDR=192.0.2.9 PORT=99\r\nEHLO d\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@y>\r\nQUIT\r\n"
        let (replies, registry) = try await self.converse(xclient, configuration)
        #expect(self.codes(replies) == ["220", "250", "220", "250", "250", "554", "221"])
        #expect(registry.records(includingEnded: true).first?.row.peer == "192.0.2.9:99")

        let xforward =
            "EHLO c\r\nXFORWARD ADDR=192.0.2.9\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@y>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n"
        let (answers, _) = try await self.converse(xforward, configuration)
        #expect(self.codes(answers) == ["220", "250", "250", "250", "250", "354", "250", "221"])
        #expect(self.accepted.withLockedValue { $0.first?.arrival.peer } == "192.0.2.9")
    }

    @Test("behind XCLIENT our Received field names that client, and its failed logins are its own")
    func xclientIsTheClient() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-test-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let users = folder.appendingPathComponent("users").path
        try Data().write(to: URL(fileURLWithPath: users))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: users)
        var configuration = try self.configuration()
        configuration.xclient = Network.loopback
        configuration.users = users
        configuration.plaintextAuthentication = true
        let reception = try await self.reception(configuration)
        // PLAIN with the user and the password "a".
        let text =
            "EHLO c\r\nXCLIENT ADDR=192.0.2.9\r\nEHLO d\r\nAUTH PLAIN AGEAYQ==\r\n"
            + "MAIL FROM:<a@b>\r\nRCPT TO:<x@example.net>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n"
        let replies = try await self.converse(with: reception) { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            var replies = ""
            for try await buffer in inbound { replies += String(buffer: buffer) }
            return replies
        }
        #expect(self.codes(replies) == ["220", "250", "220", "250", "535", "250", "250", "354", "250", "221"])
        #expect(String(buffer: try self.stored()).hasPrefix("Received: from d ([192.0.2.9])"))
        let now = Timestamp(milliseconds: Clock.system.steady())
        #expect(reception.loginFailures.failures(of: ClientKey([192, 0, 2, 9]), at: now) == 1)
        let proxy = ClientKey([127, 0, 0, 1])
        #expect(reception.loginFailures.failures(of: proxy, at: now) == 0)
        // The session is taken off the count that it was put on.
        #expect(reception.registry.counts(proxy) == (0, 0))
    }

    // MARK: limits before TLS

    @Test("where TLS comes first the limits bind before it, and who does not greet is closed")
    func limitBeforeTLS() async throws {
        let certificate = try Certificate()
        var configuration = try self.configuration()
        configuration.tls = certificate.files
        configuration.networks = []
        configuration.limits.connectionsPerClient = 2
        let reception = try await self.reception(configuration)
        let open = try await reception.listen(
            on: Listener(SocketEndpoint(host: "127.0.0.1", port: 0), tls: .implicit),
            group: MultiThreadedEventLoopGroup.singleton)
        let server = try #require(open.first)
        var clients: [any Channel] = []
        for _ in 0..<2 {
            clients.append(try await self.connect(to: server))
            #expect(try await eventually { reception.registry.liveCounts.inbound == clients.count })
        }
        clients.append(try await self.connect(to: server))
        #expect(try await eventually { reception.registry.records(includingEnded: true).count == 3 })
        #expect(try await eventually { reception.registry.liveCounts.inbound == 2 })
        let refused = try #require(reception.registry.records(includingEnded: true).first { $0.row.ended != nil })
        #expect(refused.failed)
        #expect(refused.row.remark?.contains("Too many connections from your address") == true)
        for client in clients { try? await client.close() }
        await server.close()
        await reception.drain(within: .seconds(5))
    }

    @Test("and the handshake has to come in its time")
    func silenceBeforeTLS() async throws {
        let certificate = try Certificate()
        var configuration = try self.configuration()
        configuration.tls = certificate.files
        configuration.timeouts.handshake = 200
        let reception = try await self.reception(configuration)
        let open = try await reception.listen(
            on: Listener(SocketEndpoint(host: "127.0.0.1", port: 0), tls: .implicit),
            group: MultiThreadedEventLoopGroup.singleton)
        let server = try #require(open.first)
        let client = try await self.connect(to: server)
        #expect(try await eventually { reception.registry.records(includingEnded: true).first?.row.ended != nil })
        let session = try #require(reception.registry.records(includingEnded: true).first)
        #expect(session.row.remark == "timed out in the TLS handshake")
        try? await client.close()
        await server.close()
        await reception.drain(within: .seconds(5))
    }

    @Test("addresses of one IPv6 network share a client's limit of sessions")
    func networkLimit() async throws {
        var configuration = try self.configuration()
        configuration.networks = []
        configuration.limits.connectionsPerClient = 1
        let reception = try await self.reception(configuration)
        let address = "2001:db8:1:2::7"
        let first = reception.registry.open(
            .inbound, peer: address, address: address, countedAs: Network.octets(address).flatMap(ClientKey.init),
            at: .now, hangUp: nil)
        for (address, code) in [("2001:db8:1:2:3::9", "421"), ("2001:db8:1:3::9", "220")] {
            let replies = try await self.converse(
                with: reception, on: self.listener(proxies: Network.loopback)
            ) { inbound, outbound in
                try? await outbound.write(
                    ByteBuffer(string: "PROXY TCP6 \(address) ::1 5555 25\r\nQUIT\r\n"))
                var replies = ""
                for try await buffer in inbound { replies += String(buffer: buffer) }
                return replies
            }
            #expect(self.codes(replies).first == code)
        }
        reception.registry.close(first, at: .now, failed: false)
    }

    @Test("ETRN is for clients that may relay, and says what it did (RFC 1985 §5.3)")
    func etrn() async throws {
        var configuration = try self.configuration()
        let text = "EHLO c\r\nETRN example.org\r\nQUIT\r\n"
        let (replies, _) = try await self.converse(text, configuration)
        #expect(self.codes(replies) == ["220", "250", "251", "221"])
        configuration.networks = []
        let (refusals, _) = try await self.converse(text, configuration)
        #expect(self.codes(refusals) == ["220", "250", "502", "221"])
    }

    @Test("mail that its sender wants held back waits, without growing older (RFC 4865)")
    func heldBack() async throws {
        var configuration = try self.configuration()
        configuration.limits.hold = 3_600_000
        let text = "EHLO c\r\nMAIL FROM:<a@b> HOLDFOR=60\r\nRCPT TO:<x@y>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n"
        _ = try await self.converse(text, configuration)
        let message = try #require(self.accepted.withLockedValue { $0.first })
        #expect(message.recipients[0].state == .deferred)
        #expect(message.recipients[0].due.since(message.arrived) == 60_000)
        #expect(message.recipients[0].heldSince == message.arrived)
    }

    @Test("a client that ends its side behind QUIT still gets its replies")
    func halfClosed() async throws {
        let (replies, _) = try await self.converse(
            self.message("Subject: hi\r\n\r\nhello", to: "<bob@example.com>"), self.configuration(),
            on: self.listener(), endsSide: true)
        #expect(self.codes(replies) == ["220", "250", "250", "250", "354", "250", "221"])
    }
}
