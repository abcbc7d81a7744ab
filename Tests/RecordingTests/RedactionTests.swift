import Crypto
import Foundation
import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Recording

@Suite("a recording that can be shared")
struct RedactionTests {
    private let text = RedactedText(Pseudonyms(key: SymmetricKey(data: Array(repeating: UInt8(7), count: 32))))

    /// What must not be in it, in any spelling.
    private static let secrets = [
        "ann", "smith", "example.net", "example.org", "contoso", "laptop", "192.0.2", "2001:db8:7", "secret", "merger",
        "josé", "müller", "ops-kim", "spam.test",
    ]

    @Test(
        "nothing of who wrote to whom stays in a text",
        arguments: [
            "550 5.1.1 <ann.smith@example.net>: no such user",
            "MAIL FROM:<ann@example.net> SIZE=100 AUTH=ann@example.net",
            "RCPT TO:<@mx.example.org,@b.example.org:ann@example.net> ORCPT=rfc822;ann+40example.net",
            "EHLO [192.0.2.7]", "220 mx.contoso.com ESMTP", "connected 192.0.2.9:40000 -> [2001:db8:7::1]:25",
            "see http://www.example.org/Why?id=ann%40example.net&ip=192.0.2.1", "RCPT TO:<\"ann smith\"@example.net>",
            "to:ann@example.net dest:\"mx.example.org:25\"", "bounce+ann=example.net@example.org",
            "550 José Müller <josé@müller.example.org> unknown", "host 192.0.2.0/24, IPv6:2001:db8:7::1.",
            "451 *.spam.test is listed", "user=ann@example.net, relay=mx.example.org[192.0.2.1]:25", "ANN@EXAMPLE.NET!",
            "\u{202E}ann@example.net\u{1B}[2J", "ann@[192.0.2.7]", "@ann@@example.net", "<ann@example.net",
            "ann.smith@",
        ])
    func texts(_ text: String) {
        _ = self.text.path("<ann@example.net>")
        for name in ["José", "Müller", "smith"] { _ = self.text.name(name) }
        let redacted = self.text.redacted(text).lowercased()
        for secret in Self.secrets { #expect(!redacted.contains(secret), "\(secret): \(redacted)") }
    }

    @Test(
        "what tells nothing of anybody stays",
        arguments: [
            "250 2.0.0 Ok: queued as 4Q7K", "450 4.2.0 greylisted, try again in 300 s", "TLSv1.3", "EHLO", "DATA", "<>",
            "<postmaster>", "", "connection refused", "127.0.0.1:25",
        ])
    func harmless(_ text: String) { #expect(self.text.redacted(text) == text) }

    @Test("the same name is the same pseudonym, and hosts of a domain still are")
    func consistent() {
        let address = self.text.path("<Ann@Example.net>")
        #expect(self.text.path("<ann@example.net>") == address)
        #expect(self.text.redacted("to \(self.text.path("<ann@example.net>"))").contains("@"))
        #expect(self.text.redacted("RCPT TO:<ann@example.net>") == "RCPT TO:" + address)
        #expect(self.text.redacted("550 no ann here") == "550 no \(address.dropFirst().prefix { $0 != "@" }) here")
        #expect(self.text.host("mx.example.net:25").hasSuffix(self.text.host("example.net") + ":25"))
        #expect(self.text.host("example.net") != self.text.host("example.org"))
        #expect(self.text.path("<bob@example.net>") != address)
        #expect(self.text.redacted("192.0.2.7") == self.text.redacted("[192.0.2.7]").filter { !"[]".contains($0) })
    }

    @Test("a whole recording has no name of the feed's, and shows as many rows, sessions and facts")
    func whole() async throws {
        let feed = ScriptedFeed.busy
        let row = feed.queued(
            "4Q9X", from: "ann.smith@contoso.com", to: "\"the secret\"@merger.test", state: .deferred,
            reply: "450 user ann.smith@contoso.com from LAPTOP-7 [192.0.2.55] over quota")
        feed.write { script in
            var detail = script.details["4Q7K"]
            detail?.ref = row.ref
            detail?.from = row.from
            detail?.hello = "LAPTOP-7"
            detail?.user = "ops-kim"
            detail?.subject = "the secret merger"
            detail?.header = "Subject: the secret merger\n"
            detail?.text = "Dear Ann,\n"
            detail?.claimedHops = [ClaimedHop(from: "laptop.contoso.com ([192.0.2.55])", by: "mx.example.org")]
            script.details["4Q9X"] = detail
            script.facts.append(
                FactRow(
                    at: ScriptedFeed.now, kind: .ruleSet, message: nil, text: "7 hold from *.contoso.com the merger",
                    actor: "ops-kim"))
        }
        let rounds = try Rounds(feed, redactor: Redactor())
        try await rounds.look()
        try await rounds.tape.end()
        let text = try rounds.text.lowercased()
        let secrets =
            Self.secrets + [
                "bob", "dan@", "eve@", "gus@", "hal@", "cat@", "client.example", "the plan", "as agreed", "dear",
                "192.0.2",
            ]
        // Words of JSON have a name in them.
        for secret in secrets where secret != "ann" { #expect(!text.contains(secret), "\(secret)") }
        #expect(text.contains("4q9x"))

        let replay = try rounds.replay()
        let shown = replay.feeds[0].feed
        let all = WindowRequest<MessageRef>(.row(number: 0), count: 10)
        #expect(try await shown.queue(QueueQuery(), window: all).rows.count == 4)
        #expect(try await shown.facts(after: nil, count: 10).rows.count == 4)
        let detail = try #require(try await shown.message("4Q9X"))
        #expect(detail.subject == "(redacted)")
        // A door leads where it did.
        let overview = try await shown.overview()
        let door = try #require(overview.attention.first?.door)
        #expect(try await shown.queue(QueueQuery(filter: door), window: all).matched > 0)
        #expect(overview.node.hasPrefix("h-"))
    }
}
