import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("what peers wrote, as it is shown")
struct DisclosureTests {
    private let address = "<ann@p\u{430}ypal.example>"

    @Test("an address that may deceive shows what DNS knows, in the queue and in a message", arguments: [80, 120])
    func addresses(_ columns: Int) async {
        let feed = ScriptedFeed.busy
        let address = self.address
        feed.write { script in
            script.rows[1].from = address
            script.details["4Q6A"]?.from = address
            script.details["4Q6A"]?.recipients[0].forwardPath = "<bob@g\u{3BF}\u{3BF}gle.example>"
        }
        let rig = await Rig(feed, columns: columns, rows: 36)
        await rig.press("2", "j")
        #expect(await rig.text.contains("ann@xn--"))
        await rig.press(.enter)
        let text = await rig.text
        #expect(text.contains("ann@xn--pypal-4ve.example (p\u{430}ypal.example)"), "\(text)")
        #expect(text.contains("bob@xn--ggle-0nda.example"), "\(text)")
    }

    @Test("header and text show their tabs as they were laid out")
    func tabs() async {
        let feed = ScriptedFeed.busy
        let address = self.address
        feed.write { script in
            script.details["4Q6A"]?.header = "Received: from a\n\tby b\nFrom: \(address)\nX:\ta\tb\n"
            script.details["4Q6A"]?.text = "one\ttwo\u{8}\n"
        }
        let rig = await Rig(feed, columns: 120, rows: 36)
        await rig.press("2", "j", .enter, "i")
        let text = await rig.text
        for line in [" Received: from a ", "         by b ", " X:      a       b ", " one     two\\x08 "] {
            #expect(text.contains(line), "\(line)")
        }
        #expect(text.contains("From: <ann@xn--pypal-4ve.example (p\u{430}ypal.example)>"))
        #expect(!text.contains("\\x09"))
    }
}
