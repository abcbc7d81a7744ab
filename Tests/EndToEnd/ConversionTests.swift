import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Relay
import SMTP
import Testing

@testable import hoptop

/// A next hop of the old days: no extension but PIPELINING. Keeps what it hears and takes.
final class OldServer: Sendable {
    let contents = NIOLockedValueBox<[String]>([])
    let commands = NIOLockedValueBox<[String]>([])
    private let channel: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>
    private let running: Task<Void, any Error>

    init() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        self.channel = channel
        let (contents, commands) = (self.contents, self.commands)
        self.running = Task {
            try await channel.executeThenClose { sessions in
                for try await session in sessions { try? await Self.serve(session, contents, commands) }
            }
        }
    }

    var endpoint: SocketEndpoint {
        get throws { SocketEndpoint(host: "127.0.0.1", port: try #require(self.channel.channel.localAddress?.port)) }
    }
    func stop() { self.running.cancel() }

    private static func serve(
        _ channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>, _ contents: NIOLockedValueBox<[String]>,
        _ commands: NIOLockedValueBox<[String]>
    ) async throws {
        var configuration = ServerSession.Configuration(hostname: "old.example")
        configuration.extensions = [.pipelining]
        var session = ServerSession(configuration)
        try await channel.executeThenClose { inbound, outbound in
            var input = inbound.makeAsyncIterator()
            var content = ""
            while true {
                while let action = session.next() {
                    switch action {
                    case .send(let reply):
                        var buffer = ByteBuffer()
                        reply.encode(into: &buffer)
                        try await outbound.write(buffer)
                    case .decide: session.decided(.accept)
                    case .store(let chunk):
                        content += String(buffer: chunk)
                        session.stored()
                    case .commit:
                        contents.withLockedValue { $0.append(content) }
                        content = ""
                        session.committed(.all(Reply(250, nil, "Ok")))
                    case .close: return
                    case .heard(let line): commands.withLockedValue { $0.append(line) }
                    case .note, .discard, .startTLS, .authenticate: break
                    }
                }
                guard let octets = try await input.next() else { return }
                session.receive(octets)
            }
        }
    }
}

extension EndToEnd {
    @Suite("8-bit content and a hop that takes seven bits (RFC 6152 §3)", .timeLimit(.minutes(1)))
    struct ConversionTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        /// What the hop got, or the reply that the sender was told.
        private func relay(
            _ content: String, parameters: String, to paths: [String] = ["<u@z.example>"]
        ) async throws -> (got: String?, told: String?) {
            let hop = try await OldServer()
            var configuration = RelayConfiguration(
                hostname: "a.example", listen: [Listener(SocketEndpoint(host: "127.0.0.1", port: 0))],
                spoolDirectory: "\(self.folder.path)/spool")
            configuration.routes = [Route(pattern: try #require(DomainPattern("*")), via: [try hop.endpoint])]
            let engine = try await Engine.start(configuration, log: silence)
            try await engine.relay.send(from: "<s@c> \(parameters)", to: paths, content)
            let feed = engine.relay.feed(user: "test")
            var facts: [FactRow] = []
            _ = try await eventually {
                facts = try await feed.facts(after: "", count: 100).rows.filter { fact in
                    (fact.kind == .relayed || fact.kind == .bounced) && paths.contains { $0 == fact.to }
                }
                return facts.count == paths.count
            }
            let told = facts.first { $0.kind == .bounced }?.text
            let got = hop.contents.withLockedValue { $0.first { !$0.contains("From: Mail Delivery System") } }
            await engine.stop()
            hop.stop()
            return (got, told)
        }

        @Test("is converted leaf by leaf")
        func converted() async throws {
            let message =
                "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                + "Content-Transfer-Encoding: 8bit\r\nMessage-ID: <1@c>\r\n\r\nGrüße\r\n"
            let (got, told) = try await self.relay(message, parameters: "BODY=8BITMIME")
            let content = try #require(got, "\(told ?? "nothing came")")
            #expect(content.utf8.allSatisfy { $0 < 0x80 })
            #expect(content.contains("Content-Transfer-Encoding: quoted-printable\r\n"))
            #expect(content.hasSuffix("\r\n\r\nGr=C3=BC=C3=9Fe\r\n"))
        }

        @Test("under a signature it is never changed: the sender is told (5.6.3)")
        func signed() async throws {
            let message =
                "MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nGrüße\r\n--b--\r\n"
            let (got, told) = try await self.relay(message, parameters: "BODY=8BITMIME")
            #expect(got == nil)
            #expect(told?.hasPrefix("554 5.6.3 ") == true, "\(told ?? "")")
        }

        @Test("a header field that is 8-bit goes as it came, as it does in mail that declares nothing")
        func header() async throws {
            let message =
                "Message-ID: <1@c>\r\nSubject: Grüße\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                + "Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n"
            let (got, told) = try await self.relay(message, parameters: "BODY=8BITMIME")
            let content = try #require(got, "\(told ?? "nothing came")")
            #expect(content.contains("\r\nSubject: Grüße\r\n"))
            #expect(content.hasSuffix("\r\n\r\nGr=C3=BC=C3=9Fe\r\n"))
        }

        @Test("SMTPUTF8 that nothing needs keeps no mail back; a recipient that needs it bounces alone (RFC 6531 §3.5)")
        func unneeded() async throws {
            let paths = ["<a@z.example>", "<é@z.example>", "<b@z.example>"]
            let (got, told) = try await self.relay(
                "Message-ID: <1@c>\r\nSubject: hi\r\n\r\nx\r\n", parameters: "SMTPUTF8", to: paths)
            #expect(got?.hasSuffix("Subject: hi\r\n\r\nx\r\n") == true)
            #expect(told?.hasPrefix("553 5.6.7 ") == true, "\(told ?? "")")
        }

        @Test(
            "a header that needs SMTPUTF8 bounces, and so does one of a part (RFC 6532)",
            arguments: ["Subject: é\r\n\r\nx", "Content-Type: message/rfc822\r\n\r\nSubject: é\r\n\r\nx"])
        func needed(_ message: String) async throws {
            let (got, told) = try await self.relay("Message-ID: <1@c>\r\n\(message)\r\n", parameters: "SMTPUTF8")
            #expect(got == nil)
            #expect(told?.hasPrefix("554 5.6.9 ") == true, "\(told ?? "")")
        }
    }
}
