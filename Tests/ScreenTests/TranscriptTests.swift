import Mail
import Monitor
import SMTP
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("transcripts")
struct TranscriptTests {
    /// The session that failed, with one before it that went well.
    private func rig(columns: Int = 100, rows: Int = 30, _ adjust: (inout ScreenOptions) -> Void = { _ in }) async
        -> Rig
    {
        let feed = ScriptedFeed.busy
        let good = SessionRef(node: "mx1", id: "out#7")
        feed.said(
            good, before: 9000,
            [
                (.relay, "connected 192.0.2.9:39000 -> 192.0.2.1:25"), (.server, "220 mx.example.org ESMTP"),
                (.client, "EHLO mx1"), (.server, "250-mx.example.org"), (.server, "250-PIPELINING"),
                (.server, "250-SIZE 35882577"), (.server, "250-8BITMIME"), (.server, "250 STARTTLS"),
                (.client, "MAIL FROM:<fay@example.net>"), (.server, "250 2.1.0 Ok"),
                (.client, "RCPT TO:<gus@example.com>"), (.server, "250 2.1.5 Ok"), (.client, "DATA"),
                (.server, "354 go ahead"), (.client, "[content: 900 octets] ."),
                (.server, "250 2.0.0 Ok: queued as 7T"),
            ])
        feed.write { script in
            script.connections.append(
                ConnectionRow(
                    ref: good, direction: .outbound, peer: "192.0.2.1:25", name: "mx.example.org:25", phase: .closed,
                    started: ScriptedFeed.now.adding(milliseconds: -9_100_000),
                    ended: ScriptedFeed.now.adding(milliseconds: -9_000_000),
                    lastActivity: ScriptedFeed.now.adding(milliseconds: -9_000_000), messages: 1))
        }
        return await Rig(feed, columns: columns, rows: rows, adjust)
    }

    /// View 3 with sessions that ended, and the one of that name opened.
    private func open(_ id: String, _ rig: Rig) async {
        await rig.press("3", "e", "/")
        await rig.type("id:\(id)")
        await rig.press(.enter, .enter)
    }

    @Test("e goes to the next refusal, E to the one before")
    func errors() async {
        let rig = await self.rig()
        await self.open("out#8", rig)
        #expect(await rig.cursorLine.contains("550 5.1.1"))
        await rig.press("e")
        #expect(await rig.cursorLine.contains("450 4.2.0"))
        await rig.press("E")
        #expect(await rig.cursorLine.contains("550 5.1.1"))
        await rig.press("s")
        #expect(await rig.text.contains("no answer took longer than a second"))
    }

    @Test("one side only, and both again, with the cursor where it was")
    func sides() async {
        let rig = await self.rig()
        await self.open("out#8", rig)
        await rig.press("<")
        #expect(await rig.text.contains("client only"))
        #expect(await rig.lines("220 mx.example.org").isEmpty)
        #expect(await rig.lines("RCPT TO:<gus@example.com>").count > 0)
        await rig.press(">")
        #expect(await rig.lines("RCPT TO:<gus@example.com>").isEmpty)
        await rig.press(">")
        #expect(await rig.lines("RCPT TO:<gus@example.com>").count > 0)
    }

    @Test("a long reply is one row until x shows all of it")
    func folded() async {
        let rig = await self.rig()
        await self.open("out#7", rig)
        #expect(await rig.lines("250-mx.example.org").first?.contains("4 more lines (x)") == true)
        #expect(await rig.lines("STARTTLS").isEmpty)
        await rig.press("x")
        #expect(await rig.lines("STARTTLS").count == 1)
    }

    @Test("X shows the octets of a line")
    func octets() async {
        let rig = await self.rig()
        await self.open("out#8", rig)
        await rig.press("X")
        #expect(await rig.text.contains("0000  35 35 30 20 35 2e 31 2e 31 20"))
        #expect(await rig.text.contains("|550 5.1.1 no suc|"))
    }

    @Test("a refused session is compared with the last one that went well")
    func compared() async throws {
        let rig = await self.rig()
        await self.open("out#8", rig)
        await rig.press("e", "c")
        #expect(await rig.lines("against out#7 of 2h30 ago").count == 1)
        #expect(await rig.lines("+ ").contains { $0.contains("450 4.2.0 greylisted") })
        #expect(await rig.lines("- ").contains { $0.contains("250-PIPELINING") })
        #expect(await rig.cursorLine.contains("250"))
        try await rig.expect("compared")
        await rig.press("!", .escape)
        #expect(await rig.cursorLine.contains("450 4.2.0"))
    }

    @Test("there may be no good session to compare with")
    func nothingToCompare() async {
        let rig = await Rig(columns: 100, rows: 30)
        await self.open("out#8", rig)
        await rig.press("c")
        #expect(await rig.text.contains("no good session with mx.example.org:25"))
    }

    @Test("other sessions with the host are a list, and one of it is opened")
    func past() async {
        let rig = await self.rig()
        await self.open("out#8", rig)
        await rig.press("a")
        #expect(await rig.text.contains("out#7  1 relayed"))
        await rig.press(.enter)
        #expect(await rig.text.contains("ended after 1m40"))
    }

    @Test("it is written as text, or as JSON where the name says so")
    func written() async {
        let files = MessageTextTests.Files()
        let rig = await self.rig { $0.write = files.write }
        await self.open("out#8", rig)
        await rig.run("write a.txt")
        #expect(files["a.txt"]?.contains("S  450 4.2.0 greylisted\n") == true)
        await rig.run("write a.json")
        #expect(files["a.json"]?.contains("\"text\" : \"450 4.2.0 greylisted\"") == true)
    }
}
