import Crypto
import Foundation
import Mail
import Monitor
import NIOCore
import NIOHTTP1
import NIOPosix
import Relay
import SMTP
import Spool
import Testing

@testable import hoptop

extension EndToEnd {
    /// One relay that finds in DNS, and at web servers, what domains demand of the TLS to their hosts.
    @Suite("DANE (RFC 7672) and MTA-STS (RFC 8461)", .timeLimit(.minutes(2)))
    final class DomainPolicyTests {
        private let folder: TemporaryFolder
        private let network: TestNetwork
        private let web: PolicyServer
        private let good: TLSFiles

        /// `127.0.0.2` has the good certificate, `.3` another one, `.4` none.
        init() async throws {
            let folder = try TemporaryFolder()
            self.folder = folder
            self.good = try Self.certificate(
                "good",
                "DNS:mx.sts.example,DNS:mx.dane.example,DNS:mta-sts.sts.example,DNS:mta-sts.narrow.example"
                    + ",DNS:mta-sts.moved.example,DNS:mta-sts.odd.example,DNS:mta-sts.wronghost.example", folder)
            let other = try Self.certificate("other", "DNS:other.example", folder)
            self.web = try await PolicyServer(
                [
                    "mta-sts.sts.example": .init(text: Self.policy("mx.sts.example")),
                    "mta-sts.narrow.example": .init(text: Self.policy("mail.narrow.example")),
                    "mta-sts.wronghost.example": .init(text: Self.policy("mx.wronghost.example")),
                    "mta-sts.moved.example": .init(status: .found, text: Self.policy("mx.sts.example")),
                    "mta-sts.odd.example": .init(text: "mode: enforce\n"),
                ], tls: self.good)
            var hosts: [String: Sink.Manners] = ["127.0.0.2": .init(), "127.0.0.3": .init(), "127.0.0.4": .init()]
            hosts["127.0.0.2"]?.tls = self.good
            hosts["127.0.0.3"]?.tls = other
            let digest = try Self.digest(self.good)
            self.network = try await TestNetwork(hosts: hosts) { port in
                [
                    Zone(name: "dane.example", records: Self.signed(port, digest), signing: .signed),
                    Zone(name: "hidden.example", records: "mx A 127.0.0.2", signing: .bogus),
                    Zone(
                        name: "plain.example",
                        records: "@ MX 10 mx\nmx A 127.0.0.3\n_\(port)._tcp.mx TLSA 3 0 1 \(digest)"),
                ] + ["sts", "narrow", "moved", "odd", "wrongname", "wronghost"].map { Zone(sts: $0) }
            }
        }

        private static func signed(_ port: Int, _ digest: String) -> String {
            """
            mx A 127.0.0.2
            three A 127.0.0.3
            four A 127.0.0.4
            bare A 127.0.0.4
            old A 127.0.0.3
            _\(port)._tcp.mx TLSA 3 0 1 \(digest)
            _\(port)._tcp.three TLSA 3 0 1 \(digest)
            _\(port)._tcp.four TLSA 3 0 1 \(digest)
            _\(port)._tcp.old TLSA 1 0 1 \(digest)
            good MX 10 mx
            wrong MX 10 three
            next MX 10 three
            next MX 20 mx
            plaintext MX 10 four
            none MX 10 bare
            unusable MX 10 old
            hidden MX 10 mx.hidden.example.
            """
        }

        private static func policy(_ host: String) -> String {
            "version: STSv1\r\nmode: enforce\r\nmx: \(host)\r\nmax_age: 86400\r\n"
        }

        static func certificate(_ name: String, _ names: String, _ folder: TemporaryFolder) throws -> TLSFiles {
            let files = TLSFiles(certificate: "\(folder.path)/\(name).pem", key: "\(folder.path)/\(name).key")
            let openssl = Process()
            openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            openssl.arguments =
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=\(name)"
                .split(separator: " ").map(String.init)
                + ["-addext", "subjectAltName=\(names)", "-out", files.certificate, "-keyout", files.key]
            openssl.standardError = FileHandle.nullDevice
            try openssl.run()
            openssl.waitUntilExit()
            return files
        }

        /// SHA-256 of a certificate, in hexadecimal.
        private static func digest(_ files: TLSFiles) throws -> String {
            let text = try String(contentsOfFile: files.certificate, encoding: .utf8)
            let base64 = text.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
            return SHA256.hash(data: try #require(Data(base64Encoded: base64))).map { String(format: "%02x", $0) }
                .joined()
        }

        private func relay(_ change: (inout RelayConfiguration) throws -> Void = { _ in }) async throws -> Engine {
            var configuration = try self.network.configuration(spool: "\(self.folder.path)/spool")
            configuration.delivery.stsAuthorities = self.good.certificate
            configuration.delivery.stsPort = self.web.port
            try change(&configuration)
            return try await Engine.start(configuration, log: silence)
        }

        /// What the first attempt comes to: how it ends, under which protection, and by which policy.
        private func attempt(_ domain: String, _ relay: Engine) async throws -> String {
            let fact = try await relay.relay.firstAttempt(to: "u@\(domain)")
            let attempt = try await relay.relay.feed(user: "test").message(fact.message ?? "")?.attempts.last
            var words = [fact.kind == .relayed ? "relayed" : "\(fact.kind): \(fact.text ?? "")"]
            if let security = attempt?.security { words.append("\(security)") }
            return words.joined(separator: ", ").replacingOccurrences(of: "\(self.network.port)", with: "PORT")
        }

        private func tlsa(_ host: String) throws -> String {
            "TLSA 3 0 1 \(try Self.digest(self.good).prefix(8))… at _PORT._tcp.\(host)"
        }

        @Test("DANE: mail goes to a host whose certificate matches, and to none that does not match")
        func dane() async throws {
            let relay = try await self.relay()
            let failed = "the TLS handshake failed: the certificate matches no TLSA record"
            for (domain, expected) in [
                ("good.dane.example", "relayed, TLSv1.3 verified; DANE: \(try self.tlsa("mx.dane.example"))"),
                ("next.dane.example", "relayed, TLSv1.3 verified; DANE: \(try self.tlsa("mx.dane.example"))"),
                ("wrong.dane.example", "deferred: three.dane.example:PORT: DANE: \(failed)"),
                (
                    "plaintext.dane.example",
                    "deferred: four.dane.example:PORT: DANE: TLS is required and not offered"
                ),
                (
                    "unusable.dane.example",
                    "relayed, TLSv1.3; DANE: no TLSA record at _PORT._tcp.old.dane.example can be used"
                ),
                (
                    "none.dane.example",
                    "relayed, plaintext; no DANE: no TLSA records at _PORT._tcp.bare.dane.example; "
                        + "no MTA-STS: _mta-sts.none.dane.example has no record"
                ),
                (
                    "plain.example",
                    "relayed, TLSv1.3; no DANE: the MX records are not signed; "
                        + "no MTA-STS: _mta-sts.plain.example has no record"
                ),
            ] { #expect(try await self.attempt(domain, relay) == expected) }
            let hidden = try await self.attempt("hidden.dane.example", relay)
            #expect(hidden.contains("bogus"), "\(hidden)")
            #expect(hidden.hasPrefix("deferred: "), "\(hidden)")
            #expect(try self.network.sink("127.0.0.2").messages.allSatisfy(\.overTLS))
            await relay.stop()
        }

        @Test("DANE and MTA-STS can be switched off, and a route may demand something else")
        func off() async throws {
            let relay = try await self.relay {
                $0.delivery.dane = false
                $0.delivery.mtaSTS = false
            }
            #expect(try await self.attempt("wrong.dane.example", relay) == "relayed, TLSv1.3")
            #expect(try await self.attempt("narrow.example", relay) == "relayed, TLSv1.3")
            await relay.stop()
            let none = try await self.relay {
                $0.routes[0].security.tls = .none
                $0.spoolDirectory += "-none"
            }
            #expect(try await self.attempt("wrong.dane.example", none) == "relayed, plaintext")
            await none.stop()
        }

        @Test("MTA-STS: a host of the policy with a certificate of its name, and no other; also after a restart")
        func sts() async throws {
            let unsigned = "no DANE: the MX records are not signed; no MTA-STS: "
            var relay = try await self.relay()
            for (domain, expected) in [
                ("sts.example", "relayed, TLSv1.3 verified; MTA-STS: the policy of sts.example is enforced"),
                (
                    "narrow.example",
                    "deferred: mx.narrow.example:PORT: MTA-STS: mx.narrow.example is no host of the policy of narrow.example"
                ),
                (
                    "wronghost.example",
                    "deferred: mx.wronghost.example:PORT: MTA-STS: the TLS handshake failed: "
                        + "the certificate is not for mx.wronghost.example"
                ),
                (
                    "moved.example",
                    "relayed, TLSv1.3; \(unsigned)the policy of moved.example cannot be fetched: HTTP 302"
                ),
                (
                    "odd.example",
                    "relayed, TLSv1.3; \(unsigned)the policy of odd.example cannot be fetched: it is not of version STSv1"
                ),
                (
                    "wrongname.example",
                    "relayed, TLSv1.3; \(unsigned)the policy of wrongname.example cannot be fetched: "
                        + "the certificate is not for mta-sts.wrongname.example"
                ),
            ] { #expect(try await self.attempt(domain, relay) == expected) }
            await relay.stop()
            // Nobody hands it out any more, and it still holds.
            await self.web.stop()
            relay = try await self.relay()
            #expect(
                try await self.attempt("sts.example", relay)
                    == "relayed, TLSv1.3 verified; MTA-STS: the policy of sts.example is enforced")
            #expect(self.web.requests.filter { $0 == "mta-sts.sts.example" }.count == 1)
            await relay.stop()
        }

        @Test("MTA-STS: a policy is taken only from a host that an authority stands for")
        func unknownAuthority() async throws {
            let relay = try await self.relay { $0.delivery.stsAuthorities = "\(self.folder.path)/other.pem" }
            let attempt = try await self.attempt("sts.example", relay)
            #expect(attempt.hasSuffix("cannot be fetched: no authority stands for the certificate"), "\(attempt)")
            await relay.stop()
        }

        @Test("REQUIRETLS: mail goes where DANE or MTA-STS stands for the host, and is returned elsewhere, in any case")
        func requireTLS() async throws {
            let threads = NIOThreadPool(numberOfThreads: 1)
            threads.start()
            let spool = try SQLiteSpool(directory: "\(self.folder.path)/spool", threads: threads)
            let domains = ["good.dane.example", "sts.example", "plain.example"]
            let now = Timestamp.now
            let content = ByteBuffer(string: "Subject: for TLS only\r\n\r\nhi\r\n")
            let message = SpooledMessage(
                id: spool.nextID(at: now), arrived: now,
                reversePath: .path(Path(mailbox: Mailbox(localPart: "s", domain: Domain("plain.example")))),
                parameters: [Parameter("REQUIRETLS")], arrival: Arrival(with: "ESMTPS"),
                contentOctets: content.readableBytes,
                recipients: try domains.enumerated().map { index, domain in
                    SpooledRecipient(index: index, forwardPath: try ForwardPath(parsing: "<u@\(domain)>"), due: now)
                })
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            try await spool.accept(NewMessage(message, content: .buffer(content)), on: loop).get()
            await spool.close()
            try await threads.shutdownGracefully()

            let relay = try await self.relay()
            let feed = relay.relay.feed(user: "test")
            var ends: [String: FactRow] = [:]
            var facts: [FactRow] = []
            let isOver = try await eventually {
                facts = try await feed.facts(after: "", count: 1000).rows
                for fact in facts where fact.kind == .relayed || fact.kind == .bounced { ends[fact.to ?? ""] = fact }
                return (domains.map { "<u@\($0)>" } + ["<s@plain.example>"]).allSatisfy { ends[$0] != nil }
            }
            #expect(isOver, "\(facts)")
            #expect(ends["<u@good.dane.example>"]?.kind == .relayed)
            #expect(ends["<u@sts.example>"]?.kind == .relayed)
            #expect(ends["<u@plain.example>"]?.kind == .bounced)
            #expect(
                ends["<u@plain.example>"]?.text
                    == "550 5.7.30 REQUIRETLS: there is no TLS to sink.example with a verified certificate")
            // Nothing stands for the host of the sender either, who is told of it all the same.
            #expect(ends["<s@plain.example>"]?.kind == .relayed)
            await relay.stop()
        }

        @Test("hoptop tls-policy tells what would be demanded and why")
        func command() throws {
            let file = "\(self.folder.path)/hoptop.toml"
            try """
            resolver = "\(self.network.resolver)"
            trust-anchor = "\(self.network.trustAnchor)"
            [delivery]
            mx-port = \(self.network.port)
            mta-sts-port = \(self.web.port)
            mta-sts-authorities = "\(self.good.certificate)"
            [[route]]
            domain = "*"
            via = ["mx"]
            """.write(toFile: file, atomically: true, encoding: .utf8)
            func tell(_ domain: String, _ more: String...) throws -> (status: Int32, output: String) {
                let told = try Program.run(["tls-policy", domain, "--config", file] + more)
                return (told.status, told.output.replacingOccurrences(of: "\(self.network.port)", with: "PORT"))
            }
            let next = try tell("next.dane.example")
            #expect(next.status == 0)
            #expect(
                next.output == """
                    next.dane.example: to its mail exchangers, with tls = "opportunistic"
                    MTA-STS: none, _mta-sts.next.dane.example has no record
                    10 three.dane.example:PORT (signed)
                        TLS, with a certificate that passes the check
                        DANE: \(try self.tlsa("three.dane.example"))
                    20 mx.dane.example:PORT (signed)
                        TLS, with a certificate that passes the check
                        DANE: \(try self.tlsa("mx.dane.example"))

                    """)
            let narrow = try tell("narrow.example")
            #expect(narrow.status == 1)
            #expect(
                narrow.output == """
                    narrow.example: to its mail exchangers, with tls = "opportunistic"
                    MTA-STS: enforce for mail.narrow.example, for 86400 s
                    10 mx.narrow.example:PORT
                        no mail for now
                        MTA-STS: mx.narrow.example is no host of the policy of narrow.example

                    """)
            let json = try tell("sts.example", "--json")
            #expect(json.status == 0)
            #expect(json.output.contains(#""policy" : "mta-sts""#))
            #expect(json.output.contains(#""demand" : "verified""#))
        }
    }
}

extension Zone {
    /// One with an MTA-STS record, whose host has the good certificate.
    fileprivate init(sts name: String) {
        self.init(
            name: "\(name).example",
            records: """
                @ MX 10 mx
                mx A 127.0.0.2
                mta-sts A 127.0.0.1
                _mta-sts TXT "v=STSv1; id=1;"
                """)
    }
}
