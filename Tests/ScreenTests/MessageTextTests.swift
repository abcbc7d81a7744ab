import Foundation
import Mail
import Monitor
import Synchronization
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("what a message says")
struct MessageTextTests {
    /// Files by their names, instead of a disk.
    final class Files: Sendable {
        let all = Mutex<[String: String]>([:])
        func write(_ path: String, _ next: @Sendable () async throws -> [UInt8]?) async throws {
            guard self.all.withLock({ $0[path] == nil }) else { throw FeedError(.invalid, "\(path) is there already") }
            var octets: [UInt8] = []
            while let piece = try await next() { octets += piece }
            self.all.withLock { $0[path] = String(decoding: octets, as: UTF8.self) }
        }
        subscript(path: String) -> String? { self.all.withLock { $0[path] } }
    }

    @Test("also among many recipients, on a small screen, stands why the chosen one is still here")
    func whyOfMany() async {
        let rig = await Rig()
        rig.feed.write { script in
            guard var one = script.details["4Q6A"]?.recipients.first else { return }
            one.ahead = ["a.host.that.lies.behind.the.next.hop.example"]
            script.details["4Q6A"]?.recipients = (0..<8).map { index in
                var recipient = one
                recipient.ref.index = index
                recipient.forwardPath = "<u\(index)@example.com>"
                return recipient
            }
        }
        await rig.press("2", "j", .enter)
        #expect(await rig.text.contains("8 deferred"))
        #expect(await rig.text.contains("Why: It waits for its retry time"))
    }

    @Test("what is on the screen goes into a file, as text without anything that does something")
    func saveScreen() async {
        let files = Files()
        let feed = ScriptedFeed.busy
        feed.queued("4Q8N", from: "e\u{1B}[2Jvil@example.net", to: "one@example.org", age: 0)
        let rig = await Rig(feed) { $0.write = files.write }
        await rig.press("2")
        let shown = await rig.text
        await rig.run("save-screen a.txt")
        #expect(await rig.text.contains("written: a.txt"))
        #expect(files["a.txt"] == shown)
        #expect(files["a.txt"]?.contains("\\x1b") == true)
        await rig.run("save-screen")
        #expect(await rig.text.contains("write to: queue.txt"))
        await rig.press(.enter)
        #expect(files["queue.txt"]?.contains("4Q8N") == true)
    }

    @Test("what happens is recorded until that is ended, and only once at a time")
    func record() async {
        let begun = Mutex<[String]>([])
        let rig = await Rig(columns: 120) {
            $0.record = { feeds, path in
                begun.withLock { $0.append("\(path) of \(feeds.map(\.name))") }
                if path == "there.hoptop" { throw FeedError(.invalid, "there.hoptop is there already") }
                while !Task.isCancelled { await Task.yield() }
                return "2 facts"
            }
        }
        await rig.run("record")
        #expect(await rig.text.contains("write to: mx1"))
        await rig.press(.control("u"))
        await rig.type("a.hoptop")
        await rig.press(.enter)
        #expect(await rig.text.contains("what happens is recorded: :record ends it"))
        #expect(await rig.text.contains("REC"))
        await rig.run("record b.hoptop")
        #expect(await rig.text.contains("a.hoptop is being recorded: :record ends it"))
        await rig.run("record")
        #expect(await rig.text.contains("recorded: a.hoptop, 2 facts; hoptop replay shows it"))
        #expect(await !rig.text.contains("REC"))
        #expect(begun.withLock { $0 } == ["a.hoptop of [\"mx1\"]"])
        await rig.run("record there.hoptop")
        await Self.recordingEnds(of: rig)
        #expect(await rig.text.contains("there.hoptop is there already"))
        #expect(begun.withLock { $0.count } == 2)
        await rig.run("record c.hoptop")
        await rig.screen.stop()
        #expect(await rig.screen.recordingPath == "c.hoptop")
        #expect(await rig.screen.finishRecording() == "recorded: c.hoptop, 2 facts; hoptop replay shows it")
        #expect(await !rig.text.contains("REC"))
        #expect(await rig.screen.finishRecording() == nil)
    }

    private static func recordingEnds(of rig: Rig) async {
        while await rig.screen.recordingPath != nil { await Task.yield() }
    }

    @Test("that a recording ended by itself is said until a key is pressed, and a while longer")
    func recordingEnds() async {
        let rig = await Rig(columns: 120) { $0.record = { _, _ in "2 facts, which is all that it may have" } }
        await rig.run("record a.hoptop")
        await Self.recordingEnds(of: rig)
        await rig.wait(seconds: 3600)
        #expect(await rig.text.contains("recorded: a.hoptop, 2 facts, which is all that it may have"))
        await rig.press("j")
        await rig.wait(seconds: 20)
        #expect(await rig.text.contains("recorded: a.hoptop"))
        await rig.wait(seconds: 20)
        #expect(await !rig.text.contains("recorded: a.hoptop"))
    }

    @Test("while a recording takes long to end a drop is taken back at once")
    func undoWhileRecordingEnds() async {
        let mayEnd = Mutex(false)
        let rig = await Rig {
            $0.record = { _, _ in
                while !mayEnd.withLock({ $0 }) { await Task.yield() }
                return "2 facts"
            }
        }
        await rig.run("record a.hoptop")
        await rig.press("2", "d")
        for key in [":", "r", "e", "c", "o", "r", "d", .enter, "z"] as [Key] { await rig.screen.press(key) }
        while rig.feed.performed.count < 2 { await Task.yield() }
        #expect(rig.feed.performed == ["drop 4Q5B", "undo 7"])
        #expect(await rig.screen.recordingPath == "a.hoptop")
        mayEnd.withLock { $0 = true }
        await rig.screen.settled()
        #expect(await rig.text.contains("recorded: a.hoptop"))
    }

    private static func feed() -> ScriptedFeed {
        let feed = ScriptedFeed.busy
        feed.write { script in
            script.details["4Q6A"]?.header = "Subject: =?utf-8?Q?caf=C3=A9?=\nX: \u{1B}[2J\n"
            script.details["4Q6A"]?.text = "--b\ncaf=C3=A9\n"
            script.details["4Q6A"]?.parts = [
                MessagePart(depth: 0, type: "multipart/mixed"),
                MessagePart(
                    depth: 1, type: "text/plain", charset: "utf-8", encoding: "quoted-printable", octets: 9,
                    text: "café \u{202E}au lait\n"),
                MessagePart(
                    depth: 1, type: "application/pdf", encoding: "base64", name: "a\u{1B}[2J.pdf", octets: 2048,
                    isCut: true),
            ]
        }
        return feed
    }

    @Test("it is decoded, its parts a tree; X shows it as it came", arguments: [false, true])
    func readable(_ isCoded: Bool) async {
        let rig = await Rig(Self.feed(), isCoded: isCoded)
        await rig.press("2", "j", .enter, "i")
        for words in [
            "Subject: café", "- multipart/mixed", "- text/plain, utf-8, quoted-printable, 9 B", "café <U+202E>au lait",
            "- application/pdf, \"a\\x1b[2J.pdf\", base64, more than 2.0 KiB", "X: \\x1b[2J",
        ] { #expect(await rig.text.contains(words), "\(words)") }
        await rig.press("X")
        #expect(await rig.text.contains("=?utf-8?Q?caf=C3=A9?="))
        #expect(await rig.text.contains("caf=C3=A9"))
        await rig.press("X")
        #expect(await rig.text.contains("Subject: café"))
        await rig.press("i")
        #expect(await rig.text.contains("Recipients"))
    }

    @Test("the last reply is told in plain words")
    func meaning() async {
        let rig = await Rig()
        await rig.press("2", "j", .enter)
        #expect(await rig.text.contains("4.2.0: the host puts off a sender that it does not know yet"))
    }

    @Test("a card tells whoever asked, as text without a frame, and is written to a file", arguments: [(100, 40)])
    func ticket(_ size: (Int, Int)) async throws {
        let files = Files()
        let rig = await Rig(columns: size.0, rows: size.1) { $0.write = files.write }
        await rig.press("2", "j", .enter, "y")
        try await rig.expect("ticket")
        await rig.press("w")
        #expect(await rig.text.contains("write to: 4Q6A.txt"))
        await rig.press(.enter)
        #expect(await rig.text.contains("written: 4Q6A.txt"))
        let card = try #require(files["4Q6A.txt"])
        #expect(card.hasPrefix("Message   4Q6A at mx1\nFrom      cat@example.net\nTo        dan@example.com\n"))
        #expect(card.contains("\nReply     450 4.2.0 greylisted\n"))
        #expect(card.utf8.allSatisfy { $0 == 0x0A || $0 >= 0x20 })
        await rig.press("w", .enter)
        #expect(await rig.text.contains("4Q6A.txt is there already"))
        await rig.press("y")
        #expect(await rig.text.contains("Recipients"))
    }

    @Test("a card is copied where the configuration allows it, when a key asks for it, and without what could do harm")
    func copy() async throws {
        let rig = await Rig { $0.usesClipboard = true }
        rig.feed.write { $0.details["4Q6A"]?.recipients[0].lastReply = "450 \u{1b}]52;c;cm0=\u{7}\u{202e}greylisted" }
        await rig.press("2", "j", .enter, "Y")
        #expect(await rig.screen.takeCopy() == nil)
        #expect(await rig.text.contains("y shows the card"))
        await rig.press("y")
        #expect(await rig.screen.takeCopy() == nil)
        await rig.press("Y")
        let card = try #require(await rig.screen.takeCopy())
        #expect(card.hasPrefix("Message   4Q6A at mx1\n") && card.contains("greylisted"))
        #expect(card.unicodeScalars.allSatisfy { $0 == "\n" || (" "..."~").contains($0) })
        #expect(await rig.screen.takeCopy() == nil)
        let usual = await Rig()
        await usual.press("2", "j", .enter, "y", "Y")
        #expect(await usual.screen.takeCopy() == nil)
        #expect(await usual.text.contains("copying is off: clipboard = true in [screen]"))
    }

    @Test("the whole message is written as it is kept; a screen without files says so", arguments: [false, true])
    func message(_ isCoded: Bool) async {
        let files = Files()
        let rig = await Rig(isCoded: isCoded) { $0.write = files.write }
        await rig.press("2", "j", .enter, "w")
        #expect(await rig.text.contains("write to: 4Q6A.eml"))
        await rig.press(.enter)
        #expect(files["4Q6A.eml"] == "Subject: the plan\r\n\r\nAs agreed.\r\n")
        let blind = await Rig(isCoded: isCoded)
        await blind.press("2", "j", .enter)
        await blind.run("write x.eml")
        #expect(await blind.text.contains("this screen writes no files"))
    }

    @Test("a name that another server made up is no path")
    func names() async {
        let feed = ScriptedFeed.busy
        feed.write { script in
            script.rows[1].ref.id = "../../etc/\u{1B}[2Jx"
            var detail = script.details["4Q6A"]
            detail?.ref.id = "../../etc/\u{1B}[2Jx"
            script.details["../../etc/\u{1B}[2Jx"] = detail
        }
        let rig = await Rig(feed)
        await rig.press("2", "j", .enter, "w")
        #expect(await rig.text.contains("write to: ------etc---2Jx.eml"))
    }
}
