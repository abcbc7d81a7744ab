import Testing

@testable import FeedTesting
@testable import Screen

@Suite("the palette and the help")
struct PaletteTests {
    @Test(
        "what is like a name is found, the likeliest first",
        arguments: [
            ("fr", "freeze"), ("hpd", "half-page-down"), ("page-d", "page-down"), ("rev", "previous-pane"),
            ("rt", "right"),
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
