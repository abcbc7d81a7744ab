import Mail
import Monitor
import NIOCore
import NIOPosix
import Relay
import SMTP
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("mail that has left the spool", .timeLimit(.minutes(1)))
    struct SettledMailTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        @Test("still shows who handed it over and its Subject, small or large", arguments: [0, 300_000])
        func shown(_ octets: Int) async throws {
            let farEnd = try await FarEnd.start(ledger: Ledger())
            var configuration = RelayConfiguration(
                hostname: "mx.example.net", listen: [Listener(SocketEndpoint(host: "127.0.0.1", port: 0))],
                spoolDirectory: "\(self.folder.path)/spool")
            configuration.routes = [Route(pattern: try #require(DomainPattern("*")), via: [farEnd.endpoint])]
            let engine = try await Engine.start(configuration, log: silence)
            let lines = String(repeating: "and so on, line after line, to its end\r\n", count: octets / 40)
            try await engine.relay.send(
                to: ["<u@z.example>"],
                "Message-ID: <1@c>\r\nSubject: =?utf-8?q?gr=C3=BCn?=\r\n and folded\r\n\r\n\(lines)")
            let feed = engine.relay.feed(user: "test")
            var rows: [FactRow] = []
            _ = try await eventually {
                rows = try await feed.facts(after: nil, count: 10).rows
                return rows.last?.kind == .relayed
            }
            let id = try #require(rows.first?.message)
            let detail = try #require(try await feed.message(id))
            #expect(detail.isSettled)
            #expect(detail.subject == "grün and folded")
            #expect((detail.hello, detail.with) == ("c", "ESMTP"))
            #expect(detail.peer?.hasPrefix("127.0.0.1:") == true)
            #expect(detail.session == rows.first?.session)
            #expect(rows.first?.text == detail.peer)
            #expect(rows.last?.recipient == 0 && rows.last?.session?.id.hasPrefix("out#") == true)
            await engine.stop()
            await farEnd.stop()
        }
    }
}
