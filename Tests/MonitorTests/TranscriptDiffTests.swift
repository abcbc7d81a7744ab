import Mail
import Monitor
import Testing

@Suite("dialogues compared")
struct TranscriptDiffTests {
    /// `C: text` after so many milliseconds: `120 S: 250 Ok`.
    private func dialogue(_ text: String) -> [TranscriptLine] {
        var at: Int64 = 0
        return text.split(separator: "\n").enumerated().map { number, line in
            let words = line.split(separator: " ", maxSplits: 2)
            at += Int64(words[0]) ?? 0
            let speaker: TranscriptLine.Speaker =
                switch words[1] {
                case "C:": .client
                case "S:": .server
                default: .relay
                }
            return TranscriptLine(
                number: number, at: Timestamp(milliseconds: at), speaker: speaker, text: String(words[2]))
        }
    }

    private func told(_ diff: TranscriptDiff) -> String {
        diff.rows.filter { $0.change != .same || $0.isSlower }.map { row in
            let sign = ["same": "!", "missing": "-", "added": "+"][row.change.rawValue] ?? ""
            return "\(sign) \(row.text)"
        }.joined(separator: "\n")
    }

    private static let good = """
        0 *: connected 192.0.2.9:40000 -> 192.0.2.1:25
        20 S: 220 mx.example.org ESMTP q7-2002
        1 C: EHLO mx1.example.net
        20 S: 250-mx.example.org at your service, [192.0.2.9]
        0 S: 250-SIZE 35882577
        0 S: 250-STARTTLS
        0 S: 250 8BITMIME
        1 C: MAIL FROM:<ann@example.net> SIZE=1200 BODY=8BITMIME
        20 S: 250 2.1.0 Ok
        1 C: RCPT TO:<bob@example.org>
        20 S: 250 2.1.5 Ok
        1 C: DATA
        20 S: 354 go ahead
        5 C: [content: 1200 octets] .
        50 S: 250 2.0.0 Ok: queued as 4Q7K1
        1 C: QUIT
        1 S: 221 2.0.0 Bye
        """

    @Test("other mailboxes, sizes, identifiers and an other order of capabilities are no difference")
    func same() {
        let now = """
            0 *: connected 192.0.2.9:40777 -> 192.0.2.2:25
            31 S: 220 mx2.example.org ESMTP z9-77
            1 C: EHLO mx1.example.net
            20 S: 250-mx2.example.org at your service, [192.0.2.9]
            0 S: 250-8BITMIME
            0 S: 250-STARTTLS
            0 S: 250 SIZE 40000000
            1 C: MAIL FROM:<cat@example.net> SIZE=77 BODY=8BITMIME
            22 S: 250 2.1.0 Ok
            1 C: RCPT TO:<dan@example.org>
            20 S: 250 2.1.5 Ok
            1 C: DATA
            20 S: 354 go ahead
            5 C: [content: 77 octets] .
            60 S: 250 2.0.0 Ok: queued as 9ZZ12
            """
        let diff = TranscriptDiff(self.dialogue(now), at: 9, against: self.dialogue(Self.good))
        #expect(self.told(diff) == "")
        #expect(diff.isSame)
        // They are shown as they were said this time.
        #expect(
            diff.rows.map(\.text).filter { $0.hasPrefix("250-") || $0.contains("SIZE 4") }.dropFirst()
                == ["250-8BITMIME", "250-STARTTLS", "250 SIZE 40000000"])
    }

    @Test("a capability that is gone, another reply, and an answer that took longer")
    func otherwise() {
        let now = """
            0 *: connected 192.0.2.9:40777 -> 192.0.2.1:25
            20 S: 220 mx.example.org ESMTP z9-77
            1 C: EHLO mx1.example.net
            2900 S: 250-mx.example.org at your service, [192.0.2.9]
            0 S: 250-8BITMIME
            0 S: 250 SIZE 35882577
            1 C: MAIL FROM:<cat@example.net> SIZE=77 BODY=8BITMIME
            22 S: 250 2.1.0 Ok
            1 C: RCPT TO:<dan@example.org>
            20 S: 450 4.2.0 greylisted
            1 C: QUIT
            20 S: 221 2.0.0 Bye
            """
        let diff = TranscriptDiff(self.dialogue(now), at: 8, against: self.dialogue(Self.good))
        #expect(
            self.told(diff) == """
                ! 250-mx.example.org at your service, [192.0.2.9]
                - 250-STARTTLS
                - 250 2.1.5 Ok
                - DATA
                - 354 go ahead
                - [content: 1200 octets] .
                - 250 2.0.0 Ok: queued as 4Q7K1
                + 450 4.2.0 greylisted
                """)
        #expect(diff.counts == (7, 1))
    }

    @Test("of a session with several transactions the one that is looked at is compared with the one that went well")
    func transactions() {
        let now = """
            0 S: 220 mx.example.org
            1 C: EHLO mx1.example.net
            1 S: 250 mx.example.org
            1 C: MAIL FROM:<a@example.net>
            1 S: 250 2.1.0 Ok
            1 C: RSET
            1 S: 250 2.0.0 Ok
            1 C: MAIL FROM:<b@example.net>
            1 S: 550 5.7.1 not you
            """
        let before = """
            0 S: 220 mx.example.org
            1 C: EHLO mx1.example.net
            1 S: 250 mx.example.org
            1 C: MAIL FROM:<c@example.net>
            1 S: 250 2.1.0 Ok
            1 C: [content: 5 octets] .
            1 S: 250 2.0.0 Ok
            1 C: MAIL FROM:<d@example.net>
            1 S: 452 4.3.1 full
            """
        let diff = TranscriptDiff(self.dialogue(now), at: 8, against: self.dialogue(before))
        #expect(self.told(diff).contains("+ 550 5.7.1 not you"))
        #expect(self.told(diff).contains("- [content: 5 octets] ."))
        #expect(!self.told(diff).contains("452"))
        #expect(!self.told(diff).contains("RSET"))
    }

    @Test("nothing was said yet")
    func empty() {
        #expect(TranscriptDiff([], at: 0, against: []).isSame)
        #expect(TranscriptDiff([], at: 3, against: self.dialogue(Self.good)).counts.otherwise == 15)
    }
}
