import Foundation
import Relay
import SASL
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("hoptop send hands a message to a server and shows the dialogue", .timeLimit(.minutes(5)))
    struct SendTests {
        private let folder: TemporaryFolder
        private let certificate: Certificate

        init() throws {
            self.folder = try TemporaryFolder()
            self.certificate = try Certificate(for: "localhost", in: self.folder.path)
            let password = StoredPassword(
                try #require(PreparedString("secret")), salt: Array(0..<16), iterations: 4096)
            try self.write("users", "ann:\(password.text)\n")
            try self.write("password", "secret\n")
            try self.write("wrong", "secreT\n")
        }

        private func write(_ name: String, _ text: String) throws {
            let path = "\(self.folder.path)/\(name)"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        }

        private func server(_ configuration: String = "") throws -> Server {
            try self.write("server.toml", configuration)
            return try Server(
                spool: "\(self.folder.path)/spool", configuration: "\(self.folder.path)/server.toml", "--quiet")
        }

        private func send(_ arguments: String...) throws -> (status: Int32, output: String, errors: String) {
            try Program.run(["send", "--config", "/dev/null", "--from", "ann@example.net"] + arguments)
        }

        @Test("a text, with its envelope and source route; the transcript is the dialogue")
        func text() throws {
            let server = try self.server("[relay]\nsource-routes = \"honor\"\n")
            let sent = try self.send(
                "--server", "\(server.address)", "--to", "bob@example.org", "--to", "cat@example.org",
                "--source-route", "a.example", "--source-route", "b.example", "--text", "Grüße\n.\nend")
            #expect(sent.status == 0, "\(sent.errors)")
            let lines = sent.output.split(separator: "\n")
            #expect(lines.first == "*: connected to \(server.address)")
            #expect(lines.contains { $0.hasPrefix("S: 220 mx.example.net ") })
            #expect(lines.contains { $0.hasPrefix("C: MAIL FROM:<ann@example.net> ") && $0.contains("BODY=8BITMIME") })
            #expect(lines.contains("C: RCPT TO:<@a.example,@b.example:bob@example.org>"))
            #expect(lines.contains("C: RCPT TO:<@a.example,@b.example:cat@example.org>"))
            #expect(lines.contains { $0.hasPrefix("S: 250 2.0.0 ") && $0.contains("queued as") })
            #expect(lines.last?.hasPrefix("S: 221 ") == true)
            let quiet = try self.send("--server", "\(server.address)", "--to", "bob@example.org", "--quiet")
            #expect(quiet.status == 0 && quiet.output.isEmpty && quiet.errors.isEmpty, "\(quiet)")
            #expect(server.isRunning)
        }

        @Test("a file, TLS that is checked, and a login; a wrong password, and a name that the certificate has not")
        func security() throws {
            let server = try self.server(
                """
                hostname = "localhost"
                [tls]
                certificate = "\(self.certificate.files.certificate)"
                key = "\(self.certificate.files.key)"
                [auth]
                users = "\(self.folder.path)/users"

                """)
            try self.write("message.eml", "From: ann@example.net\nSubject: a file\n\n.hidden\n")
            func send(_ host: String, _ password: String) throws -> (status: Int32, output: String, errors: String) {
                try self.send(
                    "--server", "\(host):\(server.address.port)", "--to", "bob@example.org", "--tls", "verified",
                    "--ca", self.certificate.files.certificate, "--user", "ann", "--password-file",
                    "\(self.folder.path)/\(password)", "--file", "\(self.folder.path)/message.eml")
            }
            let sent = try send("localhost", "password")
            #expect(sent.status == 0, "\(sent.output)\(sent.errors)")
            #expect(sent.output.contains("certificate verified") && sent.output.contains("S: 235 "))
            #expect(!sent.output.contains("secret"))
            let refused = try send("localhost", "wrong")
            #expect(refused.status == 1 && refused.errors.contains("535"), "\(refused.output)\(refused.errors)")
            let other = try send("127.0.0.1.nip.invalid", "password")
            #expect(other.status == 1 && other.errors.contains("no server answers at"), "\(other.errors)")
            #expect(other.errors.contains("was not found, or DNS does not answer"), "\(other.errors)")
            #expect(server.isRunning)
        }

        @Test("some recipients refused is 3, all of them 1, nobody there 1, a wrong command line 64")
        func statuses() throws {
            let server = try self.server("[relay]\nnetworks = []\ndomains = [\"example.org\"]\n")
            let some = try self.send(
                "--server", "\(server.address)", "--to", "bob@example.org", "--to", "cat@elsewhere.example", "--quiet")
            #expect(some.status == 3, "\(some.errors)")
            #expect(some.errors.hasPrefix("hoptop: <cat@elsewhere.example>: 5"), "\(some.errors)")
            let all = try self.send("--server", "\(server.address)", "--to", "cat@elsewhere.example")
            #expect(all.status == 1)
            let nobody = "\(ClosedPort.endpoint)"
            #expect(try self.send("--server", nobody, "--to", "bob@example.org").status == 1)
            for arguments in [
                ["--to", "nobody at all"], ["--to", "a@b", "--text", "x", "--file", "y"],
                ["--to", "a@b", "--tls", "some"],
                ["--to", "a@b", "--subject", "Grüße"], [],
            ] {
                let wrong = try Program.run(["send", "--config", "/dev/null", "--server", nobody] + arguments)
                #expect(wrong.status == 64, "\(arguments): \(wrong.errors)")
            }
            #expect(server.isRunning)
        }
    }
}
