import Mail
import Testing

@testable import Monitor

@Suite("filters of the journal")
struct JournalFilterTests {
    /// 2026-11-24T09:00:00Z
    private static let now = Timestamp(milliseconds: 1_795_510_800_000)

    @Test(
        "a moment is a span ago, a day, a time of day, or both",
        arguments: [
            ("2h", "2026-11-24T07:00:00.000Z", 3600), ("10m", "2026-11-24T08:50:00.000Z", 60),
            ("today", "2026-11-24T00:00:00.000Z", 86_400), ("yesterday", "2026-11-23T00:00:00.000Z", 86_400),
            ("yesterday@14:00", "2026-11-23T14:00:00.000Z", 60), ("yesterday 14h", "2026-11-23T14:00:00.000Z", 3600),
            ("YesterdayT14:00:30", "2026-11-23T14:00:30.000Z", 1), ("08:30", "2026-11-24T08:30:00.000Z", 60),
            // It is to come today, so it was yesterday.
            ("14:00", "2026-11-23T14:00:00.000Z", 60), ("14:00Z", "2026-11-23T14:00:00.000Z", 60),
            ("2026-11-20", "2026-11-20T00:00:00.000Z", 86_400),
            ("2026-11-20T14:00:07Z", "2026-11-20T14:00:07.000Z", 1),
        ])
    func moments(_ text: String, _ start: String, _ seconds: Int64) throws {
        let moment = try #require(FilterMoment(text, now: Self.now))
        #expect(moment.start.rfc3339 == start)
        #expect(moment.range.upperBound.since(moment.start) == seconds * 1000)
    }

    @Test("a moment that a program wrote is exact")
    func exact() throws {
        let moment = try #require(FilterMoment(Self.now.adding(milliseconds: 7).rfc3339))
        #expect(moment.start == Self.now.adding(milliseconds: 7))
        #expect(moment.range.upperBound.since(moment.start) == 1)
    }

    @Test(
        "what is no moment is none",
        arguments: [
            "", "24:00", "14:60", "tomorrow", "2026-02-30", "2026-11-20T", "T14:00", "14:00T14:00", "14:00@today",
            "today@yesterday", "1:2:3:4", "-1:00", "20261120", "t", "14:00.5", ".", "99999999999999999999:00",
        ])
    func noMoments(_ text: String) { #expect(FilterMoment(text, now: Self.now) == nil) }

    private static func entry(_ kind: FactRow.Kind, text: String? = nil) -> JournalEntry {
        JournalEntry(
            ref: JournalRef(node: "mx1", number: 1),
            fact: FactRow(
                at: Self.now, kind: kind, message: "4Q7K", from: "<ann@example.net>", recipient: 0,
                to: "<Bob@example.org>", nextHop: "mx.example.org:25", remoteID: "7TD9", text: text,
                session: SessionRef(node: "mx1", id: "out#9"), actor: "ops", contentOctets: 4096),
            messageID: "<1.2@example.net>", subject: "Hi", peer: "192.0.2.7:40112", hello: "c.example", user: "ann",
            security: SessionSecurity(tls: "TLSv1.3", isVerified: true))
    }

    @Test(
        "an entry is found by what it says",
        arguments: [
            #"to:/b\wb@/"#, #"rid:/^\dtd[\d]$/"#, #"to:/^\S+$/"#, "bob", "4q7k", "1.2@example", "7td9", "id=4Q7K",
            "to=bob@example.org", "dest:mx.example", "state:bounced",
            "code:5.1.1", "code>=500", "reply:unknown", "size>1k", "actor=ops", "msgid:1.2@", "rid=7td9", "subject:hi",
            "peer:192.0.2.7", "name=c.example", "user=ann", "tls:verified", "session=out#9",
            "at:2026-11-24T09:00Z", "since:2026-11-24T09:00Z", "until:2026-11-24T09:01Z", "at<2026-11-25",
        ])
    func found(_ text: String) throws {
        let filter = try FilterExpression(parsing: text, with: FilterField.ofJournal)
        #expect(filter.matches(JournalSubject(Self.entry(.bounced, text: "550 5.1.1 unknown"), at: Self.now)))
    }

    @Test(
        "another one is not",
        arguments: [
            "ann@example.org", "state:relayed", "code:4", "at:2026-11-24T08:59Z", "since:2026-11-24T09:01Z",
            "until:2026-11-24T09:00Z", "at>2026-11-24T09:00Z", "age>1s", "subject:ho",
        ])
    func notFound(_ text: String) throws {
        let filter = try FilterExpression(parsing: text, with: FilterField.ofJournal)
        #expect(!filter.matches(JournalSubject(Self.entry(.bounced, text: "550 5.1.1 unknown"), at: Self.now)))
    }

    @Test("the peer of an accepted message is no reply")
    func peerIsNoReply() throws {
        let filter = try FilterExpression(parsing: "reply:192", with: FilterField.ofJournal)
        #expect(!filter.matches(JournalSubject(Self.entry(.accepted, text: "192.0.2.7:1"), at: Self.now)))
    }

    @Test("a mistake says what would be right")
    func mistakes() {
        func words(_ text: String) -> String? {
            do throws(FilterSyntaxError) {
                _ = try FilterExpression(parsing: text, with: FilterField.ofJournal)
                return nil
            } catch { return error.description }
        }
        #expect(
            words("since:noon")
                == "\"noon\" is no moment such as 14:00, yesterday, yesterday@14:00, 2026-11-28T14:00 or 2h (ago)")
        #expect(words("since>14:00") == "since is not compared: write since:14:00")
        #expect(words("next:5m")?.hasPrefix("no field next: at since until") == true)
    }
}
