import DKIM
import Foundation
import Mail
import Monitor
import NIOConcurrencyHelpers
import Relay
import SMTP
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("mail on its way out is signed (RFC 6376)", .timeLimit(.minutes(1)))
    struct SigningTests {
        private let folder: TemporaryFolder
        private let rsa: SigningKey
        private let ed25519: SigningKey

        init() throws {
            self.folder = try TemporaryFolder()
            self.rsa = try SigningKey(generating: .rsa)
            self.ed25519 = try SigningKey(generating: .ed25519)
            try self.write(self.rsa.pem, "rsa.pem")
            try self.write(self.ed25519.pem, "ed25519.pem")
        }

        private func write(_ text: String, _ name: String, mode: Int = 0o600) throws {
            try text.write(toFile: "\(self.folder.path)/\(name)", atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes(
                [.posixPermissions: mode], ofItemAtPath: "\(self.folder.path)/\(name)")
        }

        private func rule(_ domain: String, _ key: String, from: [DomainPattern] = []) -> SigningRule {
            SigningRule(domain: domain, selector: key, key: "\(self.folder.path)/\(key).pem", from: from)
        }

        /// What a hop of the old days gets.
        private func relay(
            _ content: String, parameters: String = "", rules: [SigningRule], networks: [Network] = Network.loopback
        ) async throws -> String {
            let hop = try await OldServer()
            var configuration = RelayConfiguration(
                hostname: "a.example", listen: [Listener(SocketEndpoint(host: "127.0.0.1", port: 0))],
                networks: networks, domains: [try #require(DomainPattern("z.example"))],
                spoolDirectory: "\(self.folder.path)/spool")
            configuration.routes = [Route(pattern: try #require(DomainPattern("*")), via: [try hop.endpoint])]
            configuration.signing = rules
            let engine = try await Engine.start(configuration, log: silence)
            try await engine.relay.send(from: "<s@c> \(parameters)", to: ["<u@z.example>"], content)
            #expect(try await eventually { hop.contents.withLockedValue { !$0.isEmpty } })
            await engine.stop()
            hop.stop()
            return hop.contents.withLockedValue { $0.first ?? "" }
        }

        private static let message =
            "From: Ann <ann@example.org>\r\nTo: u@z.example\r\nSubject: hi\r\nMessage-ID: <1@c>\r\n\r\nHello \r\n"

        @Test("by every key of the domain that it is from; what is changed behind us is found out")
        func twoKeys() async throws {
            let got = try await self.relay(
                Self.message, rules: [self.rule("example.org", "rsa"), self.rule("example.org", "ed25519")])
            #expect(got.hasPrefix("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n\td=example.org; s=rsa; "))
            let checks = try SignatureCheck.all(in: got)
            #expect(checks.map { $0.tags["s"] } == ["rsa", "ed25519"])
            #expect(try checks[0].holds(with: self.rsa.record))
            #expect(try checks[1].holds(with: self.ed25519.record))
            for (old, new) in [
                ("Hello", "Hallo"), ("Subject: hi", "Subject: ho"), ("To: u@", "To: v@"),
                ("Subject: hi", "Subject: ho\r\nSubject: hi"), ("Ann <", "Cc: x@y\r\nFrom: Ann <"),
            ] {
                let changed = try SignatureCheck.all(in: got.replacingOccurrences(of: old, with: new))
                #expect(try changed[0].holds(with: self.rsa.record) == false, "\(new)")
                #expect(try changed[1].holds(with: self.ed25519.record) == false, "\(new)")
            }
        }

        @Test("as it leaves: converted to seven bits, of any length")
        func converted() async throws {
            let header =
                "From: ann@example.org\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                + "Content-Transfer-Encoding: 8bit\r\nMessage-ID: <1@c>\r\n\r\n"
            let text = (0..<20_000).map { "Grüße, und noch eine Zeile: \($0) \r\n" }.joined() + "\r\n\r\n"
            let got = try await self.relay(
                header + text, parameters: "BODY=8BITMIME", rules: [self.rule("example.org", "rsa")])
            #expect(got.contains("Content-Transfer-Encoding: quoted-printable\r\n"))
            #expect(got.contains("und noch eine Zeile: 19999=20\r\n"))
            let checks = try SignatureCheck.all(in: got)
            #expect(checks.count == 1)
            #expect(try checks.first?.holds(with: self.rsa.record) == true)
        }

        @Test("for domains that the key is told to answer for, and for our own reports")
        func domains() async throws {
            let below = try #require(DomainPattern("*.example.org"))
            let rules = [self.rule("example.org", "rsa", from: [below]), self.rule("a.example", "ed25519")]
            let message = Self.message.replacingOccurrences(of: "ann@example.org", with: "ann@Sub.Example.ORG")
            #expect(
                try SignatureCheck.all(in: try await self.relay(message, rules: rules)).map { $0.tags["d"] } == [
                    "example.org"
                ])
            #expect(try SignatureCheck.all(in: try await self.relay(Self.message, rules: rules)).isEmpty)
            // It cannot be converted, and so comes back.
            let sealed =
                "From: ann@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n"
                + "--b\r\n\r\nGrüße\r\n--b--\r\n"
            let report = try await self.relay(sealed, parameters: "BODY=8BITMIME", rules: rules)
            #expect(report.contains("From: Mail Delivery System <MAILER-DAEMON@a.example>\r\n"))
            #expect(try SignatureCheck.all(in: report).first?.holds(with: self.ed25519.record) == true)
        }

        @Test("but not what strangers send to our domains, whoever they say it is from")
        func strangers() async throws {
            let got = try await self.relay(Self.message, rules: [self.rule("example.org", "rsa")], networks: [])
            #expect(got.hasPrefix("Received: from "))
        }

        @Test("keygen makes a key for its owner alone, never over another, and prints its record as record does")
        func commands() throws {
            let file = "\(self.folder.path)/made.pem"
            for algorithm in ["rsa", "ed25519"] {
                let arguments = [
                    "--domain", "Example.org", "--selector", "mail", "--algorithm", algorithm, "--out", file,
                ]
                let made = try Program.run(["dkim", "keygen"] + arguments)
                #expect(made.status == 0, "\(made.errors)")
                #expect(made.output.hasPrefix("mail._domainkey.example.org. IN TXT "))
                let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
                #expect(mode == 0o600)
                let before = try String(contentsOfFile: file, encoding: .utf8)
                let again = try Program.run(["dkim", "keygen"] + arguments)
                #expect(again.status == 1)
                #expect(again.errors.contains("is never overwritten"))
                #expect(try String(contentsOfFile: file, encoding: .utf8) == before)
                try self.write(
                    "[[dkim]]\ndomain = \"example.org\"\nselector = \"mail\"\nkey = \"\(file)\"\n", "hoptop.toml")
                let shown = try Program.run(["dkim", "record", "--config", "\(self.folder.path)/hoptop.toml"])
                #expect(shown.output == made.output)
                try FileManager.default.removeItem(atPath: file)
            }
        }

        @Test("a key that is missing, open to everybody or none is named before anything is used")
        func badKeys() throws {
            try self.write(self.rsa.pem, "open.pem", mode: 0o644)
            try self.write("hello\n", "none.pem")
            for (key, says) in [
                ("missing.pem", "missing.pem: No such file or directory"),
                ("open.pem", "is open to everybody on this machine"),
                ("none.pem", "holds no private key in PEM"),
            ] {
                try self.write(
                    "[[dkim]]\ndomain = \"example.org\"\nselector = \"mail\"\nkey = \"\(self.folder.path)/\(key)\"\n",
                    "hoptop.toml")
                let check = try Program.run(["config", "check", "--config", "\(self.folder.path)/hoptop.toml"])
                #expect(check.status == 1)
                #expect(check.errors.contains(says), "\(check.errors)")
            }
        }
    }
}
