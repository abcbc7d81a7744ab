import Foundation
import Mail
import Monitor
import NIOCore
import Relay
import SMTP
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("exchangers of all manners", .timeLimit(.minutes(2)))
    struct ExchangerMannersTests {
        /// What each exchanger does, by the domain that has it.
        private func manners(_ folder: String) throws -> [String: Sink.Manners] {
            var manners: [String: Sink.Manners] = [:]
            func add(_ name: String, _ change: (inout Sink.Manners) throws -> Void) rethrows {
                var its = Sink.Manners()
                try change(&its)
                manners[name] = its
            }
            add("good") { _ in }
            add("slow") { $0.delay = .milliseconds(100) }
            add("grey") { $0.greylists = true }
            add("short") { $0.transactions = 1 }
            add("rate") { $0.messagesPerSecond = 2 }
            add("full") { $0.refusal = Reply(552, "5.2.2", "Mailbox full") }
            add("reset") { $0.resetsInData = true }
            add("silent") { $0.isSilent = true }
            try add("tls") { $0.tls = try Certificate(for: "tls.manners.example", in: folder).files }
            try add("expired") {
                $0.tls = try Certificate(for: "expired.manners.example", hasExpired: true, in: folder).files
            }
            try add("other") { $0.tls = try Certificate(for: "elsewhere.example", in: folder).files }
            return manners
        }

        @Test(
            "all mail is relayed, returned or still here, each as its exchanger would have it; none hinders the others")
        func all() async throws {
            let folder = try TemporaryFolder()
            let manners = try self.manners(folder.path)
            let addresses = Dictionary(
                uniqueKeysWithValues: manners.keys.sorted().enumerated().map { ($1, "127.0.1.\($0 + 1)") })
            let records =
                addresses.map { "\($0) MX 10 mx.\($0)\nmx.\($0) A \($1)" } + [
                    "dead MX 10 mx.dead", "mx.dead A 127.0.1.99",
                ]
            let network = try await TestNetwork(
                zones: [Zone(name: "manners.example", records: records.joined(separator: "\n"))],
                hosts: Dictionary(uniqueKeysWithValues: addresses.map { ($1, manners[$0] ?? .init()) }))
            var configuration = try network.configuration(spool: "\(folder.path)/spool")
            configuration.retry.first = 300
            configuration.retry.longest = 600
            configuration.timeouts.reply = 500
            let engine = try await Engine.start(configuration, log: silence)
            let domains = addresses.keys.sorted() + ["dead"]
            for number in 0..<3 {
                for domain in domains {
                    try await engine.relay.send(from: "<>", to: ["<u\(number)@\(domain).manners.example>"])
                }
            }
            let kept: Set<String> = ["reset", "silent", "dead"]
            let isSettled = try await eventually { await engine.relay.queuedRecipients() == 3 * kept.count }
            #expect(isSettled)
            for domain in addresses.keys where !kept.contains(domain) && domain != "full" {
                let sink = try network.sink(try #require(addresses[domain]))
                let recipients = sink.messages.flatMap(\.to).sorted()
                #expect(recipients == (0..<3).map { "u\($0)@\(domain).manners.example" }, "\(domain)")
                let isOverTLS = ["tls", "expired", "other"].contains(domain)
                #expect(sink.messages.allSatisfy { $0.overTLS == isOverTLS }, "\(domain)")
            }
            let facts = try await engine.relay.feed(user: "test").facts(after: "", count: 10_000).rows
            #expect(
                facts.filter { $0.kind == .bounced }.map(\.text) == Array(repeating: "552 5.2.2 Mailbox full", count: 3)
            )
            await engine.stop(within: 0)
            await network.stop()
        }
    }
}
