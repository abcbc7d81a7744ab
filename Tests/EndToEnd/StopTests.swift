import Foundation
import Glibc
import Relay
import Testing

@testable import hoptop

extension EndToEnd {
    /// What becomes of mail that is on its way when the relay has to stop.
    @Suite("stopping", .timeLimit(.minutes(3)))
    struct StopTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }
        private var spool: String { "\(self.folder.path)/spool" }

        private func server(_ configuration: String, _ arguments: String...) throws -> Server {
            let file = "\(self.folder.path)/\(UUID()).toml"
            try configuration.write(toFile: file, atomically: true, encoding: .utf8)
            return try Server(spool: self.spool, configuration: file, environment: [:], until: .ready, arguments)
        }

        private func clientInContent(_ server: Server) throws -> Loopback {
            let client = try Loopback(server.address.port)
            for line in ["EHLO c.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"] {
                client.write("\(line)\r\n")
            }
            client.read(until: "354 ")
            client.write("Subject: slow\r\n")
            return client
        }

        @Test("a message that is finished in time is taken, and then the session hears 421")
        func inTime() throws {
            let server = try self.server("stop-timeout = \"5m\"")
            let client = try self.clientInContent(server)
            server.signal(SIGTERM)
            try server.waitFor("stopping")
            client.write("\r\nlate, but whole\r\n.\r\n")
            let said = client.readAll()
            #expect(said.contains("250 2.0.0 Ok: queued as "))
            #expect(said.contains("421 4.3.2 "))
            #expect(server.end(with: 0) == 0)
            #expect(server.log.contains(" accepted "))
        }

        @Test("one that is not is broken off with 421, and nothing of it remains")
        func late() throws {
            let server = try self.server("stop-timeout = \"1s\"")
            let idle = try Loopback(server.address.port)
            idle.read(until: "220 ")
            let client = try self.clientInContent(server)
            server.signal(SIGTERM)
            #expect(idle.readAll().contains("421 4.3.2 "))
            #expect(client.readAll() == "421 4.3.2 mx.example.net Service shutting down, closing the connection\r\n")
            #expect(server.end(with: 0) == 0)
            #expect(!server.log.contains(" accepted "))
        }

        @Test("a next hop that is slow with its last reply is left, and the message is there after the start")
        func slowNextHop() async throws {
            let hop = try SilentHop()
            let server = try self.server("stop-timeout = \"1s\"", "--route", "*=127.0.0.1:\(hop.port)")
            try await server.send("<1@test>", to: "bob@there.example")
            hop.serveUntilDot()
            #expect(server.end(with: SIGTERM) == 0)
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            ledger.sent([Ledger.Entry("<1@test>", "bob@there.example")])
            let again = try self.server("", "--route", "*=\(farEnd.endpoint)")
            // What became of it is not known, so it waits for its next attempt.
            again.signal(SIGUSR1)
            #expect(try await eventually { ledger.missing.isEmpty })
            #expect(again.end(with: SIGTERM) == 0)
            await farEnd.stop()
        }

        @Test("who asks twice does not wait")
        func twice() throws {
            let server = try self.server("stop-timeout = \"1h\"")
            let client = try self.clientInContent(server)
            server.signal(SIGTERM)
            try server.waitFor("stopping")
            #expect(server.end(with: SIGINT) == 0)
            #expect(server.log.contains("ended at once"))
            #expect(client.readAll() == "")
        }
    }
}

/// A next hop that takes a whole message and does not say what became of it, unless it is told to.
final class SilentHop {
    let port: Int
    private let listener: Int32
    private var session: Int32 = -1

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        guard isBound, listen(listener, 8) == 0 else { throw Failure("no next hop") }
        self.port = Int(in_port_t(bigEndian: address.sin_port))
    }
    deinit {
        close(self.session)
        close(self.listener)
    }

    /// Returns when the dot is there. It offers nothing, so that each command waits for the reply to the one before.
    func serveUntilDot(recipients: Int = 1) {
        self.session = accept(self.listener, nil, nil)
        var heard = ""
        let recipients = Array(repeating: "250 recipient", count: recipients)
        for reply in ["220 slow.example", "250 slow.example", "250 sender"] + recipients + ["354 go on"] {
            self.say(reply)
            heard = self.hear()
        }
        while !heard.hasSuffix("\r\n.\r\n") { heard += self.hear() }
    }

    /// Returns when DATA is there, which has no reply yet.
    ///
    /// - Returns: replies to it, whoever comes next, and gives all that comes then, to the session's end.
    func serveUntilData() -> @Sendable (_ reply: String) -> String {
        let session = accept(self.listener, nil, nil)
        self.session = session
        for reply in ["220 slow.example", "250 slow.example", "250 sender", "250 recipient"] {
            self.say(reply)
            _ = self.hear()
        }
        return { reply in
            let octets = Array("\(reply)\r\n".utf8)
            _ = send(session, octets, octets.count, Int32(MSG_NOSIGNAL))
            var heard: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while case let count = recv(session, &buffer, buffer.count, 0), count > 0 { heard += buffer[..<count] }
            close(session)
            return String(decoding: heard, as: UTF8.self)
        }
    }

    /// Says what became of it after all.
    func answer(_ reply: String) { self.say(reply) }

    private func hear() -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(self.session, &buffer, buffer.count, 0)
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : "\r\n.\r\n"
    }

    private func say(_ line: String) {
        let octets = Array("\(line)\r\n".utf8)
        _ = send(self.session, octets, octets.count, Int32(MSG_NOSIGNAL))
    }
}
