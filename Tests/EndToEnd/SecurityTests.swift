import Crypto
import Foundation
import Logging
import Mail
import Monitor
import NIOCore
import Relay
import SASL
import SMTP
import Testing

@testable import hoptop

extension EndToEnd {
    /// One relay hands mail to another that wants TLS and a login.
    @Suite("TLS and AUTH between two relays", .timeLimit(.minutes(2)))
    struct SecurityTests {
        private let folder: TemporaryFolder
        private var certificate: String { "\(self.folder.path)/cert.pem" }

        init() throws {
            self.folder = try TemporaryFolder()
            let openssl = Process()
            openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            openssl.arguments =
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
                .split(separator: " ").map(String.init)
                + ["-addext", "subjectAltName=DNS:localhost", "-out", "cert.pem", "-keyout", "key.pem"]
            openssl.currentDirectoryURL = URL(fileURLWithPath: self.folder.path)
            openssl.standardError = FileHandle.nullDevice
            try openssl.run()
            openssl.waitUntilExit()
            let password = StoredPassword(
                try #require(PreparedString("secret")), salt: Array(0..<16), iterations: 4096)
            try "ann:\(password.text)\n".write(
                toFile: "\(self.folder.path)/users", atomically: true, encoding: .utf8)
            try "secret\n".write(toFile: "\(self.folder.path)/password", atomically: true, encoding: .utf8)
            try "secreT\n".write(toFile: "\(self.folder.path)/wrong", atomically: true, encoding: .utf8)
            for name in ["users", "password", "wrong"] {
                try FileManager.default.setAttributes(
                    [.posixPermissions: 0o600], ofItemAtPath: "\(self.folder.path)/\(name)")
            }
        }

        private func start(_ configuration: RelayConfiguration) async throws -> Engine {
            try await Engine.start(configuration, log: silence)
        }

        private func receiver(_ tls: Listener.TLS) async throws -> Engine {
            var configuration = RelayConfiguration(
                hostname: "localhost",
                listen: [Listener(SocketEndpoint(host: "127.0.0.1", port: 0), role: .submission, tls: tls)],
                spoolDirectory: "\(self.folder.path)/receiver")
            configuration.tls = TLSFiles(certificate: self.certificate, key: "\(self.folder.path)/key.pem")
            configuration.users = "\(self.folder.path)/users"
            return try await self.start(configuration)
        }

        private func login(_ file: String = "password") -> RouteSecurity.Login {
            .init(user: "ann", secret: .file("\(self.folder.path)/\(file)"), kind: .password)
        }

        /// Sends one message over the route, and tells how its recipient stands then, and the mechanism of the login.
        private func relay(
            over security: RouteSecurity, to receiver: Engine, host: String
        ) async throws -> (state: RecipientState?, reply: String, mechanism: Substring?, security: SessionSecurity?) {
            let port = try #require(SocketEndpoint(receiver.relay.listening[0])?.port)
            var configuration = RelayConfiguration(
                hostname: "a.example", listen: [Listener(SocketEndpoint(host: "127.0.0.1", port: 0))],
                spoolDirectory: "\(self.folder.path)/sender-\(UUID())")
            configuration.routes = [
                Route(
                    pattern: try #require(DomainPattern("*")), via: [SocketEndpoint(host: host, port: port)],
                    security: security)
            ]
            let sender = try await self.start(configuration)
            try await sender.relay.send(to: ["<u@z.example>"])
            let feed = sender.relay.feed(user: "test")
            var fact: FactRow?
            _ = try await eventually {
                fact = try await feed.facts(after: "", count: 10).rows.last { $0.kind != .accepted }
                return fact != nil
            }
            let sessions = try await feed.connections(
                ConnectionQuery(includesEnded: true), window: WindowRequest(.row(number: 0), count: 100))
            var mechanism: Substring?
            for session in sessions.rows {
                let lines = try await feed.transcript(session.ref, from: 0, count: 1000)?.lines ?? []
                mechanism =
                    lines.lazy.map(\.text).first { $0.hasPrefix("AUTH ") }?.split(separator: " ").dropFirst().first
                // Not even in the clear parts of a transcript.
                #expect(!lines.contains { $0.text.contains("secret") || $0.text.contains("AGFubgBzZWNyZXQ=") })
            }
            let attempt = try await feed.message(fact?.message ?? "")?.attempts.last
            await sender.stop()
            let state: RecipientState? =
                switch fact?.kind {
                case .relayed: .relayed
                case .deferred: .deferred
                case .bounced: .bounced
                default: nil
                }
            return (state, fact?.text ?? "", mechanism, attempt?.security)
        }

        @Test("SCRAM over STARTTLS with a certificate that is verified, of any, or pinned; and over implicit TLS")
        func goodWays() async throws {
            let octets = try String(contentsOfFile: self.certificate, encoding: .utf8)
                .split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
            let der = try #require(Data(base64Encoded: octets))
            for way in ["verified", "any", "pinned", "implicit"] {
                let receiver = try await self.receiver(way == "implicit" ? .implicit : .starttls)
                var security = RouteSecurity()
                security.login = self.login()
                switch way {
                case "verified":
                    security.tls = .verified
                    security.authorities = self.certificate
                case "pinned": security.fingerprint = Array(SHA256.hash(data: der))
                case "implicit": security.isImplicit = true
                default: break
                }
                let end = try await self.relay(over: security, to: receiver, host: "localhost")
                #expect(end.state == .relayed, "\(way): \(end.reply)")
                #expect(end.mechanism == "SCRAM-SHA-256-PLUS", "\(way)")
                let isVerified = way == "verified" || way == "pinned"
                #expect(end.security == SessionSecurity(tls: "TLSv1.3", isVerified: isVerified), "\(way)")
                let rows = try await receiver.relay.feed(user: "test").connections(
                    ConnectionQuery(includesEnded: true), window: WindowRequest(.row(number: 0), count: 10)
                ).rows
                #expect(rows.last?.tls == "TLSv1.3", "\(way)")
                #expect(rows.last?.user == "ann", "\(way)")
                await receiver.stop()
            }
        }

        @Test("a certificate that nobody stands for, of another name, or not the pinned one: nothing is sent")
        func badCertificates() async throws {
            let receiver = try await self.receiver(.starttls)
            var unknown = RouteSecurity()
            unknown.tls = .verified
            var otherName = unknown
            otherName.authorities = self.certificate
            var otherPin = RouteSecurity()
            otherPin.fingerprint = Array(0..<32)
            for (security, host, why) in [
                (unknown, "localhost", "no authority stands for the certificate"),
                (otherName, "127.0.0.1", "the certificate is not for 127.0.0.1"),
                (otherPin, "localhost", "the certificate is not the one that the route names"),
            ] {
                var security = security
                security.login = self.login()
                let end = try await self.relay(over: security, to: receiver, host: host)
                #expect(end.state == .deferred)
                #expect(end.reply.contains(why), "\(end.reply)")
            }
            await receiver.stop()
        }

        @Test("a wrong password keeps the mail here, and says what to set right")
        func wrongPassword() async throws {
            let receiver = try await self.receiver(.starttls)
            var security = RouteSecurity()
            security.login = self.login("wrong")
            let end = try await self.relay(over: security, to: receiver, host: "localhost")
            #expect(end.state == .deferred)
            #expect(end.reply.contains("authentication failed: 535 5.7.8"), "\(end.reply)")
            await receiver.stop()
        }
    }
}
