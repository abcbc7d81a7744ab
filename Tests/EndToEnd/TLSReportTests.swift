import Crypto
import DKIM
import Foundation
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SMTP
import Spool
import TLSPolicy
import Testing

@testable import Relay
@testable import hoptop

extension EndToEnd {
    /// Domains that want to know how TLS to their hosts goes, and one relay that tells them.
    @Suite("TLS reports (RFC 8460)", .timeLimit(.minutes(5)))
    final class TLSReportTests {
        private let folder: TemporaryFolder
        private let network: TestNetwork
        private let web: PolicyServer
        private let good: TLSFiles
        private let configuration: RelayConfiguration
        /// Milliseconds by which the relay's clock is ahead: it begins at noon.
        private let ahead: NIOLockedValueBox<Int64>
        private let today: Int

        /// `127.0.0.2` has the good certificate, `.3` another one, `.4` none.
        init() async throws {
            let folder = try TemporaryFolder()
            self.folder = folder
            let now = Timestamp.now
            self.today = now.day
            self.ahead = NIOLockedValueBox(Timestamp(startOf: now.day).milliseconds + 43_200_000 - now.milliseconds)
            self.good = try Certificate(
                for: "mx.good.example",
                aliases: ["good", "trial", "web"].map { "mta-sts.\($0).example" } + ["collect.good.example"],
                isAuthority: true, in: folder.path
            ).files
            let other = try Certificate(for: "other.example", in: folder.path).files
            let web = try await PolicyServer(
                [
                    "mta-sts.good.example": .init(text: Self.policy("enforce", "mx.good.example")),
                    "mta-sts.trial.example": .init(text: Self.policy("testing", "mx.trial.example")),
                    "mta-sts.web.example": .init(text: "mode: enforce\n"), "collect.good.example": .init(text: ""),
                ], tls: self.good)
            self.web = web
            var hosts: [String: Sink.Manners] = ["127.0.0.2": .init(), "127.0.0.3": .init(), "127.0.0.4": .init()]
            hosts["127.0.0.2"]?.tls = self.good
            hosts["127.0.0.3"]?.tls = other
            let digest = SHA256.hash(data: Data([0])).map { String(format: "%02x", $0) }.joined()
            self.network = try await TestNetwork(hosts: hosts) { port in
                [
                    Zone("good", at: 2, sts: true, rua: "mailto:tls@box.example"),
                    Zone("trial", at: 3, sts: true, rua: "https://collect.good.example:\(web.port)/v1?a=b"),
                    Zone("web", at: 3, sts: true, rua: "https://collect.web.example:\(web.port)/"),
                    Zone("bare", at: 4, rua: "mailto:tls@box.example,mailto:tls@dane.example"),
                    Zone(
                        "dane", at: 3, rua: "mailto:tls@dane.example", more: "_\(port)._tcp.mx TLSA 3 0 1 \(digest)",
                        signing: .signed),
                    Zone("quiet", at: 4), Zone("box", at: 2),
                    Zone(name: "shared.example", records: "@ MX 10 mx.box.example.\nalso MX 10 mx.box.example."),
                ]
            }
            let key = "\(folder.path)/dkim.pem"
            try SigningKey(generating: .ed25519).pem.write(toFile: key, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
            var configuration = try self.network.configuration(spool: "\(folder.path)/spool")
            configuration.delivery.stsAuthorities = self.good.certificate
            configuration.delivery.stsPort = self.web.port
            configuration.tlsReporting.from = try Mailbox(parsing: "tls@relay.example")
            configuration.tlsReporting.organization = "The Relay"
            configuration.signing = [SigningRule(domain: "relay.example", selector: "s", key: key)]
            self.configuration = configuration
        }

        private static func policy(_ mode: String, _ host: String) -> String {
            "version: STSv1\r\nmode: \(mode)\r\nmx: \(host)\r\nmax_age: 604800\r\n"
        }

        /// Runs a relay whose clock is ours, and stops it.
        private func withRelay(_ body: (Relay) async throws -> Void) async throws {
            let threads = NIOThreadPool(numberOfThreads: 2)
            threads.start()
            let spool = try SQLiteSpool(directory: self.configuration.spoolDirectory, threads: threads)
            let ahead = self.ahead
            let clock = Clock(
                now: { Timestamp.now.adding(milliseconds: ahead.withLockedValue { $0 }) },
                steady: { Timestamp.sinceBoot.milliseconds + ahead.withLockedValue { $0 } })
            let relay = Relay(
                self.configuration, keyring: try Keyring(self.configuration), spool: spool, threads: threads,
                clock: clock, log: silence)
            do {
                try await relay.start()
                try await body(relay)
            } catch {
                await relay.stop()
                throw error
            }
            await relay.stop()
            try await threads.shutdownGracefully()
        }

        private func tallies(of domain: String, on day: Int) throws -> [TLSTally: Int] {
            let tallies = try SpoolListing.tallies(in: self.configuration.spoolDirectory, of: domain, on: day)
            return Dictionary(uniqueKeysWithValues: try tallies.map { (try #require(TLSTally($0.what)), $0.count) })
        }

        private func unpacked(_ octets: [UInt8]) throws -> TLSReport {
            let file = "\(self.folder.path)/\(UUID()).gz"
            try Data(octets).write(to: URL(fileURLWithPath: file))
            let gzip = Process()
            gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            gzip.arguments = ["gzip", "-dc", file]
            let output = Pipe()
            gzip.standardOutput = output
            try gzip.run()
            let json = output.fileHandleForReading.readDataToEndOfFile()
            gzip.waitUntilExit()
            return try JSONDecoder().decode(TLSReport.self, from: json)
        }

        private func report(in message: Sink.Message) throws -> TLSReport {
            let parts = message.content.components(separatedBy: "\r\n\r\n")
            let header = try #require(parts.firstIndex { $0.contains("Content-Type: application/tlsrpt+gzip") })
            let base64 = parts[header + 1].replacingOccurrences(of: "\r\n", with: "")
            return try self.unpacked(Array(try #require(Data(base64Encoded: base64))))
        }

        private func mailed(to mailbox: String) throws -> [Sink.Message] {
            try ["127.0.0.2", "127.0.0.3"].flatMap { try self.network.sink($0).messages }.filter { $0.to == [mailbox] }
        }

        @Test("the sessions of a day are told to those that ask for it, also after a restart, by mail and by HTTPS")
        func day() async throws {
            try await self.withRelay { relay in
                for domain in ["good", "trial", "bare", "dane", "quiet"] {
                    _ = try await relay.firstAttempt(to: "u@\(domain).example")
                }
            }
            let days = try SpoolListing.talliedDays(in: self.configuration.spoolDirectory)
            #expect(days.map(\.domain) == ["bare.example", "dane.example", "good.example", "trial.example"])
            #expect(days.allSatisfy { $0.day == self.today && $0.count == 1 })

            self.ahead.withLockedValue { $0 += Timestamp.dayMilliseconds }
            try await self.withRelay { relay in
                // The relay may be at it by itself already.
                await relay.tlsReporter.look()
                let isMailed = try await eventually {
                    try self.mailed(to: "tls@box.example").count == 2 && self.mailed(to: "tls@dane.example").count == 2
                }
                #expect(isMailed)
                let isForgotten = try await eventually {
                    try SpoolListing.talliedDays(in: self.configuration.spoolDirectory)
                        .allSatisfy { $0.day > self.today }
                }
                #expect(isForgotten)
            }

            let toGood = try #require(
                try self.mailed(to: "tls@box.example").first {
                    $0.content.contains("TLS-Report-Domain: good.example\r\n")
                })
            let good = try self.report(in: toGood)
            #expect(good.organization == "The Relay")
            #expect(good.contact == "tls@relay.example")
            #expect(good.range.start == "\(self.today.date)T00:00:00Z")
            #expect(good.range.end == "\(self.today.date)T23:59:59Z")
            #expect(good.id == "\(self.today.date.filter { $0 != "-" }).good.example@relay.example")
            let sts = ReportedPolicy(
                .sts, strings: ["version: STSv1", "mode: enforce", "mx: mx.good.example", "max_age: 604800"],
                domain: "good.example", hosts: ["mx.good.example"])
            #expect(good.policies == [TLSReport.Results(sts, .init(successful: 1, failed: 0))])
            self.checkHeader(toGood)

            let bare = try self.report(
                in: try #require(try self.mailed(to: "tls@dane.example").first { $0.content.contains("bare.example!") })
            )
            #expect(bare.policies.map(\.policy) == [ReportedPolicy(.none, domain: "bare.example")])
            #expect(
                bare.policies.first?.failures == [
                    TLSReport.FailureDetails(
                        .startTLSNotSupported, sendingAddress: "127.0.0.1", receivingHost: "mx.bare.example",
                        receivingAddress: "127.0.0.4", sessions: 1, reason: "TLS is not offered")
                ])

            let post = try #require(self.web.posts.first)
            #expect(self.web.posts.count == 1)
            #expect(post.path == "/v1?a=b")
            #expect(post.type == "application/tlsrpt+gzip")
            let trial = try self.unpacked(post.octets)
            #expect(trial.policies.map(\.summary) == [.init(successful: 0, failed: 1)])
            #expect(trial.policies.first?.failures?.map(\.result) == [.certificateNotTrusted])
            #expect(trial.policies.first?.policy.kind == .sts)
        }

        private func checkHeader(_ message: Sink.Message) {
            let day = Timestamp(startOf: self.today).milliseconds / 1000
            #expect(message.from == "<>")
            for line in [
                "From: <tls@relay.example>", "To: <tls@box.example>", "TLS-Report-Submitter: relay.example",
                "TLS-Required: No", "Content-Type: multipart/report; report-type=\"tlsrpt\";",
                "Content-Type: application/tlsrpt+gzip",
                "\tfilename=\"relay.example!good.example!\(day)!\(day + 86_399).json.gz\"",
            ] { #expect(message.content.contains("\r\n\(line)\r\n"), "\(line)") }
            #expect(message.content.hasPrefix("DKIM-Signature: v=1; a=ed25519-sha256;"), "\(message.content)")
            #expect(message.content.contains("d=relay.example;"))
        }

        @Test("a report goes to a host whose TLS is not as its policy has it, and is not counted")
        func despiteFailure() async throws {
            try await self.withRelay { relay in
                let fact = try await relay.firstAttempt(to: "u@dane.example")
                #expect(fact.kind == .deferred)
                #expect(fact.text?.hasSuffix("the certificate matches no TLSA record") == true)
            }
            self.ahead.withLockedValue { $0 += Timestamp.dayMilliseconds }
            try await self.withRelay { relay in
                await relay.tlsReporter.look()
                let isMailed = try await eventually { try self.mailed(to: "tls@dane.example").count == 1 }
                #expect(isMailed)
            }
            #expect(try self.mailed(to: "u@dane.example").isEmpty)
            let report = try self.report(in: try #require(try self.mailed(to: "tls@dane.example").first))
            #expect(report.policies.first?.policy.kind == .tlsa)
            #expect(report.policies.first?.policy.domain == "mx.dane.example")
            #expect(report.policies.first?.failures?.map(\.result) == [.certificateNotTrusted])
            // What waits was tried again, and failed again; nothing went well.
            let tallies = try self.tallies(of: "dane.example", on: self.today + 1)
            #expect(tallies.keys.allSatisfy { $0.failure?.result == .certificateNotTrusted }, "\(tallies)")
        }

        @Test("a report that nobody takes is tried again for a day, and then given up")
        func givenUp() async throws {
            let directory = self.configuration.spoolDirectory
            try await self.withRelay { relay in
                let fact = try await relay.firstAttempt(to: "u@web.example")
                #expect(fact.kind == .relayed)
            }
            #expect(
                try self.tallies(of: "web.example", on: self.today).keys.map { $0.failure?.result } == [
                    .stsPolicyInvalid
                ])
            self.ahead.withLockedValue { $0 += Timestamp.dayMilliseconds }
            try await self.withRelay { relay in
                for _ in 0..<2 {
                    await relay.tlsReporter.look()
                    let days = try SpoolListing.talliedDays(in: directory)
                    #expect(days.map(\.domain) == ["web.example"])
                    self.ahead.withLockedValue { $0 += Timestamp.dayMilliseconds / 2 + 1 }
                }
                await relay.tlsReporter.look()
            }
            #expect(try SpoolListing.talliedDays(in: directory).isEmpty)
            #expect(self.web.posts.isEmpty)
        }

        @Test("an attempt says what would have failed under a policy that is only tested")
        func testing() async throws {
            try await self.withRelay { relay in
                let words = try await self.policy(of: "u@trial.example", relay)
                #expect(
                    words == "no DANE: the MX records are not signed; MTA-STS: trial.example is only testing, "
                        + "and would have failed: no authority stands for the certificate")
            }
        }

        private func policy(of mailbox: String, _ relay: Relay) async throws -> String? {
            let fact = try await relay.firstAttempt(to: mailbox)
            #expect(fact.kind == .relayed)
            return try await relay.feed(user: "test").message(fact.message ?? "")?.attempts.last?.security?.policy
        }

        @Test("a session that is used for another domain says what applies to that one")
        func sharedSession() async throws {
            try await self.withRelay { relay in
                for domain in ["shared.example", "also.shared.example", "shared.example"] {
                    let words = try await self.policy(of: "u@\(domain)", relay)
                    #expect(
                        words == "no DANE: the MX records are not signed; no MTA-STS: _mta-sts.\(domain) has no record")
                }
            }
            #expect(try self.network.sink("127.0.0.2").sessions == 1)
        }

        @Test("a policy that is kept is fetched anew each day, also while no mail goes there")
        func refreshed() async throws {
            try await self.withRelay { _ = try await $0.firstAttempt(to: "u@good.example") }
            let asked = { self.web.requests.filter { $0 == "mta-sts.good.example" }.count }
            #expect(asked() == 1)
            try await self.withRelay { _ in }
            #expect(asked() == 1)
            self.ahead.withLockedValue { $0 += Timestamp.dayMilliseconds }
            try await self.withRelay { _ in
                let isFetched = try await eventually { asked() == 2 }
                #expect(isFetched)
            }
        }

        @Test("hoptop tls-report shows what is collected, and sends it when no relay does")
        func command() async throws {
            let file = "\(self.folder.path)/hoptop.toml"
            let text = """
                resolver = "\(self.network.resolver)"
                trust-anchor = "none"
                [delivery]
                mta-sts-authorities = "\(self.good.certificate)"
                [spool]
                directory = "\(self.configuration.spoolDirectory)"

                """
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            let refused = try Program.run(["tls-report", "--config", file])
            #expect(refused.status == 1)
            #expect(refused.errors.contains("[tls-report]"), "\(refused.errors)")

            try await self.withRelay { relay in
                for domain in ["trial", "good"] { _ = try await relay.firstAttempt(to: "u@\(domain).example") }
            }
            try (text + "[tls-report]\nfrom = \"tls@relay.example\"\n").write(
                toFile: file, atomically: true, encoding: .utf8)
            let list = try Program.run(["tls-report", "--config", file])
            #expect(
                list.output == """
                    \(self.today.date)  1 well, 0 failed  good.example
                    \(self.today.date)  0 well, 1 failed  trial.example

                    """)
            let shown = try Program.run(["tls-report", "--domain", "Trial.example", "--config", file])
            let report = try JSONDecoder().decode(TLSReport.self, from: Data(shown.output.utf8))
            #expect(report.policies.map(\.summary.failed) == [1])
            let sent = try Program.run(["tls-report", "--domain", "trial.example", "--send", "--config", file])
            #expect(sent.status == 0)
            #expect(sent.output == "\(self.today.date)  trial.example  done\n")
            #expect(self.web.posts.count == 1)
            #expect(
                try SpoolListing.talliedDays(in: self.configuration.spoolDirectory).map(\.domain) == ["good.example"])
        }
    }
}

extension Zone {
    /// `NAME.example`, with one mail exchanger.
    ///
    /// - Parameters:
    ///   - number: `127.0.0.NUMBER`.
    ///   - rua: where it wants reports.
    fileprivate init(
        _ name: String, at number: Int, sts: Bool = false, rua: String? = nil, more: String = "",
        signing: Signing = .none
    ) {
        var records = "@ MX 10 mx\nmx A 127.0.0.\(number)\ncollect A 127.0.0.1\n\(more)\n"
        if sts { records += "mta-sts A 127.0.0.1\n_mta-sts TXT \"v=STSv1; id=1;\"\n" }
        if let rua { records += "_smtp._tls TXT \"v=TLSRPTv1; rua=\(rua)\"\n" }
        self.init(name: "\(name).example", records: records, signing: signing)
    }
}
