import Testing

@testable import FeedTesting
@testable import Screen

@Suite("the palette and the help")
struct PaletteTests {
    @Test("arguments that are long are shown whole, and columns have one name wherever they are typed")
    func arguments() async {
        let rig = await Rig()
        await rig.press("2", ":")
        await rig.type("columns ")
        #expect(await rig.text.contains(" columns id age size try next state from to hop user ctmrd reply "))
        #expect(await !rig.text.contains("replynames"))
        await rig.press(.escape)
        await rig.run("sort try")
        #expect(await rig.lines("TRY▾").count + rig.lines("TRY▴").count == 1)
        await rig.run("sort tries")
        #expect(await !rig.text.contains("no column"))
    }

    @Test("the help of a view has what means something there")
    func helpOfPlaces() async {
        let rig = await Rig(columns: 100, rows: 60)
        await rig.press("6", "?")
        let map = await rig.text
        #expect(map.contains("to what lies left") && !map.contains("scroll columns"))
        #expect(!map.contains(":edit") && !map.contains(":retry-how"))
        await rig.press(.escape, "2", "?")
        let queue = await rig.text
        #expect(queue.contains("scroll columns left") && queue.contains(":edit") && queue.contains(":retry-how"))
    }

    @Test(
        "what is like a name is found, the likeliest first",
        arguments: [
            ("fr", "freeze"), ("hpd", "half-page-down"), ("page-d", "page-down"), ("rev", "previous-pane"),
            ("rt", "route"),
            ("colours", "theme"),
        ])
    func fuzzy(typed: String, first: String) {
        let table = CommandTable(Place(name: "nowhere", commands: []))
        #expect(table.like(typed).first?.name == first)
    }

    @Test("nothing is like what has other letters")
    func unlike() {
        #expect(CommandTable(Place(name: "nowhere", commands: [])).like("zzz").isEmpty)
        #expect(FuzzyMatch("ba", in: "ab") == nil)
    }

    @Test("what names no command becomes the likeliest one, which a second Enter runs")
    func meant() async {
        let rig = await Rig()
        await rig.run("frz")
        #expect(await rig.text.contains(":freeze"))
        #expect(await !rig.text.contains("FROZEN"))
        await rig.press(.enter)
        #expect(await rig.text.contains("FROZEN"))
    }

    @Test("candidates come with their keys and what they do; Tab takes one, and then its arguments")
    func completion() async {
        let rig = await Rig()
        await rig.press(":")
        await rig.type("undo")
        #expect(await rig.lines("take back the last action").contains { $0.contains("undo") && $0.contains(" z ") })
        await rig.press(.control("u"))
        await rig.type("theme mo")
        await rig.press(.tab)
        #expect(await rig.text.contains(":theme mono"))
        await rig.press(.escape, "2", ":")
        await rig.type("filter age>1h st")
        await rig.press(.tab)
        #expect(await rig.text.contains(":filter age>1h state:"))
    }

    @Test("what was typed before comes back, newest first, each once")
    func history() async {
        let rig = await Rig()
        await rig.run("freeze")
        await rig.run("node")
        await rig.run("freeze")
        await rig.press(":", .up)
        #expect(await rig.text.contains(":freeze"))
        await rig.press(.up)
        #expect(await rig.text.contains(":node"))
        await rig.press(.up)
        #expect(await rig.text.contains(":node"))
        await rig.press(.down, .down)
        #expect(await rig.lines(":").contains { $0.trimmingPrefix(" ") == ":" || $0.hasSuffix(" :") })
    }

    @Test("the help shows only what has a word, then all again, then closes")
    func help() async {
        let rig = await Rig()
        await rig.press("2", "?", "/")
        await rig.type("hold back")
        #expect(await rig.lines(":hold").count == 1)
        #expect(await !rig.text.contains(":search"))
        await rig.press(.enter, .escape)
        #expect(await rig.text.contains(":tag"))
        await rig.press(.escape)
        #expect(await !rig.text.contains("Keys of"))
    }
}
