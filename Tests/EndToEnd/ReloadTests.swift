import Foundation
import Glibc
import NIOCore
import Relay
import SMTP
import Testing

@testable import hoptop

extension EndToEnd {
    /// What a reload takes, and what it does not, while sessions go on.
    @Suite("reloading", .timeLimit(.minutes(3)))
    struct ReloadTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        private static func port(_ place: String) throws -> Int { try #require(SocketEndpoint(place)).port }

        @Test("listeners come, change and go; a session that is there goes on")
        func listeners() async throws {
            let relay = try await Relay.startedWithoutRoutes(in: self.folder)
            let first = Listener(SocketEndpoint(host: "127.0.0.1", port: 0))
            let local = Listener(.socket("\(self.folder.path)/submit"), role: .submission)
            let place = try #require(relay.listening.first)
            let session = try Loopback(try Self.port(place))
            session.read(until: "220 ")

            try await relay.relisten([first, local])
            #expect(relay.listening == [place, "unix:\(self.folder.path)/submit"])
            #expect(FileManager.default.fileExists(atPath: "\(self.folder.path)/submit"))

            var lmtp = first
            lmtp.role = .lmtp
            try await relay.relisten([lmtp])
            #expect(relay.listening == [place])
            #expect(!FileManager.default.fileExists(atPath: "\(self.folder.path)/submit"))
            let another = try Loopback(try Self.port(place))
            another.write("LHLO c.example\r\nQUIT\r\n")
            #expect(another.readAll().contains("\r\n250 "))

            try await relay.relisten([local])
            #expect(throws: (any Error).self) { try Loopback(try Self.port(place)) }
            session.write("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nQUIT\r\n")
            let said = session.readAll()
            #expect(said.contains("250 2.1.0 ") && said.contains("250 2.1.5 ") && said.contains("221 "))
            await relay.stop(within: 0)
        }

        @Test("one that cannot be opened leaves all of them as they were")
        func failure() async throws {
            let relay = try await Relay.startedWithoutRoutes(in: self.folder)
            let before = relay.listening
            // An address that no machine has (RFC 5737), and a port that somebody else has.
            let nowhere = Listener(SocketEndpoint(host: "192.0.2.1", port: 2525))
            await #expect(throws: ListenError.self) { try await relay.relisten([nowhere]) }
            #expect(relay.listening == before)
            let taken = Listener(SocketEndpoint(host: "127.0.0.1", port: try Self.port(before[0])))
            let file = Listener(.socket("\(self.folder.path)/submit"))
            let otherFolder = try TemporaryFolder()
            let other = try await Relay.startedWithoutRoutes(in: otherFolder)
            await #expect(throws: ListenError.self) { try await other.relisten([file, taken]) }
            #expect(other.listening.count == 1)
            #expect(!FileManager.default.fileExists(atPath: "\(self.folder.path)/submit"))
            let session = try Loopback(try Self.port(other.listening[0]))
            session.write("QUIT\r\n")
            #expect(session.readAll().hasPrefix("220 "))
            await relay.stop(within: 0)
            await other.stop(within: 0)
            withExtendedLifetime(otherFolder) {}
        }

        @Test("what listens everywhere gives way to what listens somewhere")
        func narrower() async throws {
            let relay = try await Relay.startedWithoutRoutes(in: self.folder)
            let port = try Self.port(relay.listening[0])
            // Whoever took that port meanwhile would be on loopback.
            let everywhere = Listener(SocketEndpoint(host: "0.0.0.0", port: port))
            try await relay.relisten([everywhere])
            #expect(relay.listening == ["0.0.0.0:\(port)"])
            try await relay.relisten([Listener(SocketEndpoint(host: "127.0.0.1", port: port))])
            #expect(relay.listening == ["127.0.0.1:\(port)"])
            await relay.stop(within: 0)
        }

        @Test("what only a start takes is named, again with each reload, and the rest is taken")
        func named() throws {
            let file = "\(self.folder.path)/hoptop.toml"
            func configure(_ text: String) throws { try text.write(toFile: file, atomically: true, encoding: .utf8) }
            try configure("stop-timeout = \"1h\"\n[control]\nsocket = \"none\"\n")
            let server = try Server(spool: "\(self.folder.path)/spool", configuration: file)
            try configure("stop-timeout = \"1s\"\n[control]\nsocket = \"\(self.folder.path)/c.sock\"\n")
            for _ in 1...2 { server.signal(SIGHUP) }
            try server.waitFor("what has changed here is taken at the next start keys=control.socket")
            let client = try Loopback(server.address.port)
            client.write("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
            client.read(until: "354 ")
            server.signal(SIGTERM)
            #expect(client.readAll().contains("421 4.3.2 "))
            #expect(server.end(with: 0) == 0)
            #expect(server.log.contains("messages under way may finish seconds=1"))
        }
    }
}
