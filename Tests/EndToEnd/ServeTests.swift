import Foundation
import Glibc
import Relay
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("hoptop serve", .timeLimit(.minutes(5)))
    struct ServeTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }
        private var spool: String { "\(self.folder.path)/spool" }

        @Test("mail is relayed, a 550 comes back as a report, and SIGTERM ends with 0")
        func relays() async throws {
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            let server = try Server(spool: self.spool, "--route", "*=\(farEnd.endpoint)")
            for number in 0..<20 {
                let mailbox = number % 5 == 0 ? "nobody@there.example" : "bob@there.example"
                try await server.send("<\(number)@test>", to: mailbox)
                ledger.sent([Ledger.Entry("<\(number)@test>", mailbox)])
            }
            try await server.send("<large@test>", to: "bob@there.example", octets: 2 << 20)
            ledger.sent([Ledger.Entry("<large@test>", "bob@there.example")])
            #expect(try await eventually { ledger.missing.isEmpty })
            let summary = ledger.summary(queued: [])
            #expect(summary.relayed == 17)
            #expect(summary.bounced == 4)
            #expect(summary.reports == 4)
            #expect(server.end(with: SIGTERM) == 0)
            // The log ends with the last thing that happened, each once.
            for (kind, count) in [("accepted", 25), ("relayed", 21), ("bounced", 4), ("reported", 4)] {
                #expect(server.log.matches(of: try Regex(" info \(kind) [0-9A-Z]+ ")).count == count, "\(kind)")
            }
            await farEnd.stop()
        }

        @Test("without a route mail waits; SIGHUP brings the route, SIGUSR1 makes what is deferred due")
        func signals() async throws {
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            let file = "\(self.folder.path)/hoptop.toml"
            try "".write(toFile: file, atomically: true, encoding: .utf8)
            let server = try Server(spool: self.spool, configuration: file)
            try await server.send("<1@test>", to: "bob@there.example")
            try await server.send("<2@test>", to: "bob@grey.example")
            ledger.sent([Ledger.Entry("<1@test>", "bob@there.example"), Ledger.Entry("<2@test>", "bob@grey.example")])
            try "[[route]]\ndomain = \"*\"\nvia = [\"nowhere\n".write(toFile: file, atomically: true, encoding: .utf8)
            server.signal(SIGHUP)
            try server.waitFor("the configuration was not taken")
            #expect(ledger.missing.count == 2)
            try "[[route]]\ndomain = \"*\"\nvia = [\"\(farEnd.endpoint)\"]\n"
                .write(toFile: file, atomically: true, encoding: .utf8)
            server.signal(SIGHUP)
            #expect(try await eventually { ledger.missing.count == 1 })
            // Greylisting takes it two seconds after it refused; the retry schedule alone would take minutes.
            try server.waitFor(" deferred ")
            try await Task.sleep(for: .milliseconds(2200))
            server.signal(SIGUSR1)
            #expect(try await eventually { ledger.missing.isEmpty })
            #expect(server.end(with: SIGTERM) == 0)
            await farEnd.stop()
        }

        @Test("500 clients at once, and ones that vanish in every state, hinder nobody")
        func hostile() async throws {
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            let server = try Server(spool: self.spool, "--route", "*=\(farEnd.endpoint)")
            let steps = [
                "EHLO x\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n", "DATA\r\n", "half a\r\nmessage", "\r\n.\r\n",
                "QUIT\r\n",
            ]
            for count in 0...steps.count {
                let socket = try Loopback(server.address.port)
                for step in steps.prefix(count) { socket.write(step) }
            }
            let line = try Loopback(server.address.port)
            line.write(String(repeating: "A", count: 10_000_000) + "MAIL FROM:<tail@x>\r\nNOOP\r\nQUIT\r\n")
            #expect(line.readAll().split(separator: "\r\n").map { $0.prefix(3) } == ["220", "500", "250", "221"])
            let crowd = try (0..<500).map { _ in try Loopback(server.address.port) }
            try await server.send("<1@test>", to: "bob@there.example")
            ledger.sent([Ledger.Entry("<1@test>", "bob@there.example")])
            #expect(try await eventually { ledger.missing.isEmpty })
            for socket in crowd {
                socket.write("QUIT\r\n")
                #expect(socket.readAll().hasPrefix("220 "))
            }
            #expect(server.end(with: SIGTERM) == 0)
            await farEnd.stop()
        }
    }

}

/// A bare TCP connection to a port of loopback.
final class Loopback {
    private let file: Int32

    init(_ port: Int) throws {
        self.file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.file, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure("connect: \(String(cString: strerror(errno)))") }
    }
    deinit { close(self.file) }

    func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(self.file, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    func readAll() -> String { self.read { _ in false } }

    /// Until the server has said that, or hangs up.
    @discardableResult
    func read(until text: String) -> String { self.read { $0.contains(text) } }

    private func read(until isEnough: (String) -> Bool) -> String {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(self.file, &buffer, buffer.count, 0)
            guard count > 0 else { return String(decoding: all, as: UTF8.self) }
            all += buffer[..<count]
            let text = String(decoding: all, as: UTF8.self)
            if isEnough(text) { return text }
        }
    }

    /// From now on its end is a reset.
    func resetAtEnd() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(self.file, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    }
}
