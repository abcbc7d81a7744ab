import Mail
import Monitor
import SMTP
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("retry and watch")
struct RetryTests {
    private static let session = SessionRef(node: "mx1", id: "out#12")

    /// The message that was put off, opened, and tried again by hand.
    private func rig(columns: Int = 100, rows: Int = 30) async -> Rig {
        let rig = await Rig(columns: columns, rows: rows)
        await rig.press("2", "j", .enter, "r")
        return rig
    }

    /// The attempt begins, in a session that was about another message before.
    private func begin(_ feed: ScriptedFeed) {
        feed.said(
            Self.session, before: 1,
            [
                (.relay, "connected 192.0.2.9:40002 -> 192.0.2.1:25"), (.server, "220 mx.example.org ESMTP"),
                (.client, "EHLO mx1"), (.server, "250 mx.example.org"), (.client, "MAIL FROM:<fay@example.net>"),
                (.server, "550 5.7.1 not fay"), (.client, "MAIL FROM:<cat@example.net>"), (.server, "250 2.1.0 Ok"),
                (.client, "RCPT TO:<dan@example.com>"),
            ])
        feed.write { script in
            script.connections.append(
                ConnectionRow(
                    ref: Self.session, direction: .outbound, peer: "192.0.2.1:25", name: "mx.example.org:25",
                    phase: .rcpt, started: ScriptedFeed.now, lastActivity: ScriptedFeed.now, message: "4Q6A"))
            script.details["4Q6A"]?.recipients[0].state = .active
            script.details["4Q6A"]?.recipients[0].progress = DeliveryProgress(session: Self.session, phase: .rcpt)
        }
    }

    private func end(_ feed: ScriptedFeed) {
        feed.write { script in
            script.transcripts[Self.session]?.append(
                TranscriptLine(
                    number: 9, at: ScriptedFeed.now, speaker: .server, text: "452 4.2.2 mailbox is over quota"))
            // The session goes on with other mail.
            script.transcripts[Self.session]?.append(
                TranscriptLine(
                    number: 10, at: ScriptedFeed.now.adding(milliseconds: 300), speaker: .client,
                    text: "MAIL FROM:<hal@example.net>"))
            script.details["4Q6A"]?.recipients[0].state = .deferred
            script.details["4Q6A"]?.recipients[0].progress = nil
            script.details["4Q6A"]?.attempts.append(
                AttemptRow(
                    recipientIndex: 0, at: ScriptedFeed.now, milliseconds: 90, nextHop: "mx.example.org:25",
                    outcome: .deferred, reply: "452 4.2.2 mailbox is over quota", session: Self.session))
        }
    }

    @Test("r shows what is said in that very attempt, as it goes on", arguments: [(80, 24), (100, 30), (160, 45)])
    func live(_ size: (Int, Int)) async throws {
        let rig = await self.rig(columns: size.0, rows: size.1)
        #expect(rig.feed.performed == ["retry 4Q6A/0"])
        #expect(await rig.text.contains("Retry asked for"))
        #expect(await rig.text.contains("No session yet."))
        self.begin(rig.feed)
        await rig.refresh()
        #expect(await rig.text.contains("Retry live in out#12"))
        #expect(await rig.text.contains("MAIL FROM:<cat@example.net>"))
        // What was about another message is not shown.
        #expect(await !rig.text.contains("not fay"))
        self.end(rig.feed)
        await rig.refresh()
        #expect(await rig.text.contains("452 4.2.2 mailbox is over quota"))
        #expect(await !rig.text.contains("hal@example.net"))
        try await rig.expect("retry")
        await rig.press(.escape)
        #expect(await !rig.text.contains("Retry"))
        #expect(await rig.text.contains("Recipients"))
    }

    @Test(
        "r in the queue shows it below the rows, whatever row the cursor goes to",
        arguments: [(80, 24), (100, 30), (160, 45)])
    func queue(_ size: (Int, Int)) async throws {
        let rig = await Rig(columns: size.0, rows: size.1)
        await rig.press("2", "j", "r")
        #expect(rig.feed.performed == ["retry 4Q6A"])
        #expect(await rig.text.contains("Retry of 4Q6A asked for"))
        self.begin(rig.feed)
        await rig.refresh()
        await rig.press("j")
        await rig.wait(seconds: 2)
        #expect(await rig.text.contains("Retry of 4Q6A live in out#12"))
        #expect(await rig.text.contains("RCPT TO:<dan@example.com>"))
        self.end(rig.feed)
        await rig.refresh()
        #expect(await rig.text.contains("452 4.2.2 mailbox is over quota"))
        #expect(await !rig.text.contains("hal@example.net"))
        try await rig.expect("retry-queue")
        // Its key is about one of the two that are shown.
        #expect(await rig.lines("─ t transcript").count == 1)
        #expect(await rig.text.contains("Esc closes"))
        await rig.press(.escape)
        #expect(await !rig.text.contains("Retry of"))
        #expect(await rig.text.contains(size.0 < 160 ? "Enter opens" : "╭─ Attempts"))
    }

    @Test("rows make room for it at once, however many there are", arguments: [(80, 24), (100, 30), (120, 36)])
    func room(_ size: (Int, Int)) async {
        let feed = ScriptedFeed.busy
        for number in 0..<60 { _ = feed.queued("M\(number)", from: "ann@example.net", to: "bob@example.org") }
        let rig = await Rig(feed, columns: size.0, rows: size.1)
        await rig.press("2", "j", "r")
        let text = await rig.text
        #expect(text.contains("Retry of 4Q6A asked for"))
        // Nothing but room for what is shown follows from that.
        await rig.press(.paste(""))
        #expect(await rig.text == text)
    }

    @Test("its keys are about its own message, wherever the cursor is")
    func keys() async {
        let rig = await Rig(columns: 100, rows: 30)
        await rig.press("2", "j", "r")
        self.begin(rig.feed)
        await rig.refresh()
        await rig.press("j")
        #expect(await !rig.cursorLine.contains("4Q6A"))
        await rig.press("t")
        #expect(await rig.text.contains("MAIL FROM:<cat@example.net>"))
        #expect(await rig.text.contains("› out#12"))
    }

    @Test("it does not say that r asks again where r would be for another message")
    func again() async {
        let rig = await Rig(columns: 100, rows: 30)
        await rig.press("2", "j", "r")
        await rig.wait(seconds: 62)
        #expect(await rig.text.contains("No session within a minute; r asks again."))
        await rig.press("j")
        #expect(await rig.text.contains("No session within a minute."))
    }

    @Test("it is gone when its node starts anew, since its session's name is another's now")
    func restarted() async {
        let rig = await Rig(columns: 100, rows: 30)
        await rig.press("2", "j", "r")
        self.begin(rig.feed)
        await rig.refresh()
        #expect(await rig.text.contains("Retry of 4Q6A live in out#12"))
        rig.feed.write { $0.overview.started = ScriptedFeed.now }
        await rig.refresh()
        #expect(await !rig.text.contains("Retry of"))
    }

    @Test("where there is little room it is shown up to what decided it")
    func decided() async {
        let rig = await self.rig()
        self.begin(rig.feed)
        self.end(rig.feed)
        rig.feed.write { script in
            let leave: [(TranscriptLine.Speaker, String)] = [(.client, "RSET"), (.server, "250 2.0.0 Ok")]
            script.transcripts[Self.session]?.removeLast()
            for (place, said) in leave.enumerated() {
                script.transcripts[Self.session]?.append(
                    TranscriptLine(
                        number: 10 + place, at: ScriptedFeed.now.adding(milliseconds: 400), speaker: said.0,
                        text: said.1))
            }
        }
        await rig.refresh()
        await rig.screen.resize(columns: 80, rows: 24)
        #expect(await rig.text.contains("452 4.2.2 mailbox is over quota"))
        #expect(await rig.text.contains("RCPT TO:<dan@example.com>"))
        #expect(await !rig.text.contains("RSET"))
    }

    @Test("where nothing happens, why is said, and it is not waited for ever")
    func waits() async {
        let rig = await self.rig()
        rig.feed.write { script in
            script.details["4Q6A"]?.recipients[0].why = .backoff(
                until: ScriptedFeed.now.adding(milliseconds: 300_000), reason: "connection refused")
        }
        await rig.wait(seconds: 2)
        #expect(await rig.text.contains("No session yet."))
        #expect(await rig.lines("connection refused").count > 0)
        await rig.wait(seconds: 61)
        #expect(await rig.text.contains("No session within a minute; r asks again."))
    }

    @Test(
        "nothing is waited for that was not asked for: refused, or left alone",
        arguments: [false, true])
    func notAsked(inMessage: Bool) async {
        let rig = await Rig(columns: 100, rows: 30)
        await rig.press("2", "j")
        if inMessage { await rig.press(.enter) }
        rig.feed.write { $0.failure = FeedError(.unavailable, "the spool is full") }
        await rig.press("r")
        #expect(await rig.text.contains("the spool is full"))
        #expect(await !rig.text.contains("Retry"))
        await rig.wait(seconds: 1)
        rig.feed.write { $0.skip = .onHold }
        await rig.press("r")
        #expect(await rig.text.contains("1 skipped"))
        #expect(await !rig.text.contains("Retry"))
        await rig.wait(seconds: 1)
        await rig.press("r")
        #expect(await rig.text.contains("asked for"))
    }

    @Test("a retry that does nothing leaves the attempt before where it is")
    func before() async {
        let rig = await Rig(columns: 100, rows: 30)
        await rig.press("2", "j", "r")
        self.begin(rig.feed)
        await rig.refresh()
        await rig.press("j", " ")
        rig.feed.write { $0.skip = .onHold }
        await rig.wait(seconds: 1)
        await rig.press("r")
        #expect(await rig.text.contains("Retry of 4Q6A live in out#12"))
    }

    @Test("a message that is gone is not waited for without end")
    func gone() async {
        let rig = await Rig(columns: 100, rows: 30)
        await rig.press("2", "j", "r")
        rig.feed.write { $0.details["4Q6A"] = nil }
        await rig.wait(seconds: 1)
        #expect(await rig.text.contains("Retry of 4Q6A asked for"))
        await rig.wait(seconds: 61)
        #expect(await rig.text.contains("Retry of 4Q6A nothing was tried"))
    }

    @Test("an attempt without a session says why there was none")
    func noSession() async {
        let rig = await self.rig()
        rig.feed.write { script in
            script.details["4Q6A"]?.attempts.append(
                AttemptRow(
                    recipientIndex: 0, at: ScriptedFeed.now, outcome: .deferred, reply: "mx.example.org is not known"))
        }
        await rig.refresh()
        #expect(await rig.text.contains("There was no session: mx.example.org is not known"))
    }
}
