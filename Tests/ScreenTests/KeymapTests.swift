import Testing

@testable import FeedTesting
@testable import Screen

@Suite("keys that were chosen")
struct KeymapTests {
    private func map(_ chosen: [Keymap.Name: [Key]]) -> Keymap {
        var map = Keymap()
        for (name, keys) in chosen { map[name] = keys }
        return map
    }
    private func clashes(_ chosen: [Keymap.Name: [Key]]) -> [String] {
        self.map(chosen).clashes.map { "\($0.name.command): \($0.reason)" }
    }

    @Test("a chosen key is in force wherever its command is, and the one it came with is free")
    func chosen() async {
        let rig = await Rig { $0.keymap = self.map([Keymap.Name("freeze"): [.function(9)]]) }
        await rig.press("=")
        #expect(await !rig.text.contains("FROZEN"))
        await rig.press(.function(9))
        #expect(await rig.text.contains("frozen: F9 goes live again"))
        await rig.press("?")
        await rig.press("/")
        await rig.type("freeze")
        #expect(await rig.lines("freeze the picture").contains { $0.contains("F9") && !$0.contains("= ") })
    }

    @Test("a key of one view wins over that of all; hints, help and palette show what is in force")
    func places() async {
        let map = self.map([
            Keymap.Name("filter"): ["F"], Keymap.Name("filter", in: "queue"): ["x"], Keymap.Name("queue"): ["9"],
        ])
        let rig = await Rig(columns: 160) { $0.keymap = map }
        #expect(await rig.text.contains("9 Queue"))
        await rig.press("9")
        #expect(await rig.text.split(separator: "\n").last?.contains("x filter") == true)
        await rig.press("x")
        #expect(await rig.text.contains("filter:"))
        await rig.press(.escape, "4", "F")
        #expect(await rig.text.contains("filter:"))
        await rig.press(.escape, ":")
        await rig.type("filt")
        #expect(await rig.lines("show only what matches").contains { $0.contains(" F ") })
    }

    @Test("sentences name the keys as they are here")
    func sentences() async {
        let rig = await Rig {
            $0.keymap = self.map([
                Keymap.Name("freeze", in: "queue"): ["w"], Keymap.Name("filter", in: "queue"): ["F"],
                Keymap.Name("follow", in: "queue"): ["Q"],
            ])
        }
        await rig.press("2", "w")
        #expect(await rig.text.contains("frozen: w goes live again"))
        await rig.press("w")
        #expect(await rig.text.contains("live"))
        await rig.run("filter to:nobody.example")
        #expect(await rig.text.contains("F changes it; F, Ctrl-U, Enter shows all"))
        await rig.press("1", "=")
        #expect(await rig.text.contains("frozen: = goes live again"))
    }

    @Test("a sentence names no key that was taken away, nor one that came with a command")
    func takenAway() async {
        let rig = await Rig {
            $0.keymap = self.map([
                Keymap.Name("recall-filter"): [], Keymap.Name("help"): [.function(8)], Keymap.Name("raw"): ["Q"],
                Keymap.Name("header"): [.function(9)], Keymap.Name("suspend"): [.function(7)],
            ])
        }
        await rig.screen.run(command: "dance")
        #expect(await rig.text.contains("no command dance here; F8 lists them"))
        await rig.press("2")
        await rig.run("filter to:example.org")
        await rig.run("save-filter org")
        #expect(await rig.text.contains("kept: :recall-filter org is to:example.org"))
        await rig.press(.enter, .function(9))
        #expect(await rig.text.contains("Q as it came  F9 back"))
    }

    @Test("what takes a drop back is named by its own key before the drop")
    func wayBack() async {
        let rig = await Rig { $0.keymap = self.map([Keymap.Name("undo"): [.function(9)]]) }
        await rig.press("2", "d", "d")
        #expect(await rig.text.contains("F9 takes it back."))
    }

    @Test("a destructive command asks for the second of two whatever its key")
    func destructive() async {
        let rig = await Rig { $0.keymap = self.map([Keymap.Name("drop"): ["x"]]) }
        await rig.press("2", "x", "x")
        #expect(await rig.text.contains("Drop?"))
    }

    @Test("one key for two commands of one place is refused, as is none where one is needed")
    func clashes() {
        #expect(self.clashes([Keymap.Name("retry"): ["f"]]).first?.hasPrefix("retry: f is filter in ") == true)
        #expect(
            self.clashes([Keymap.Name("retry", in: "queue"): ["f"]])
                == ["retry: f is filter already: give that another key"])
        #expect(self.clashes([Keymap.Name("quit"): []]).first?.hasPrefix("quit: needs a key") == true)
        // The two change their keys.
        #expect(self.clashes([Keymap.Name("retry"): ["h"], Keymap.Name("hold"): ["r"]]) == [])
        #expect(self.clashes([:]) == [])
    }

    @Test("each key has a name that is read back")
    func labels() {
        for key in Keymap.entries.flatMap(\.keys) { #expect(Key(named: key.label) == key, "\(key.label)") }
        #expect(Key(named: "pgdn") == .pageDown)
        #expect(Key(named: "Ctrl-R") == .control("r"))
        for label in ["", " ", "Ctrl-", "F13", "Hyper-X", "\t"] { #expect(Key(named: label) == nil, "\(label)") }
    }
}
