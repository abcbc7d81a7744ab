import Foundation
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

extension Rig {
    /// Compares with `Tests/Screens/NAME-COLUMNSxROWS.screen`: the text, then how each cell looks in the theme `ansi` on
    /// sixteen colours, then what the letters of that mean. `HOPTOP_RECORD=1` writes it anew, and the difference is read
    /// like code.
    func expect(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await GoldenScreen.expect(self.screen, name, sourceLocation: sourceLocation)
    }
}

enum GoldenScreen {
    static func expect(
        _ screen: Screen, _ name: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let canvas = await screen.canvas
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Screens/\(name)-\(canvas.columns)x\(canvas.rows).screen").standardizedFileURL
        let shown = canvas.text + "---\n" + StyleGrid(canvas).text
        if ProcessInfo.processInfo.environment["HOPTOP_RECORD"] == "1" {
            try shown.write(to: file, atomically: true, encoding: .utf8)
        }
        let golden = try String(contentsOf: file, encoding: .utf8)
        #expect(shown == golden, "\(name):\n\(shown)", sourceLocation: sourceLocation)
    }
}

/// How the cells of a canvas look: a letter for each style, a blank for the plain one.
private struct StyleGrid {
    let text: String
    private static let theme = ThemeLibrary.builtin(.ansi)
    /// The letters stand for the theme's styles in the order of its roles, so they stay when a screen changes.
    private static let letters: [Style: Character] = {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&*+=?@")
        var letters: [Style: Character] = [theme.style(for: .base, depth: .sixteen): " "]
        for ground in [nil, Role.selection, .selectionOff] {
            for role in Role.allCases {
                let style = theme.style(for: role, on: ground, depth: .sixteen)
                if letters[style] == nil { letters[style] = alphabet[letters.count - 1] }
            }
        }
        return letters
    }()

    init(_ canvas: Canvas) {
        var used: [Character: Style] = [:]
        let rows = (0..<canvas.rows).map { y in
            var row = ""
            for x in 0..<canvas.columns {
                let cell = canvas[x, y]
                let style = Self.theme.style(for: cell.role, on: cell.ground, depth: .sixteen)
                let letter = Self.letters[style] ?? "?"
                // A blank in a style without background looks like any other.
                let isSeen = cell.text != " " || style.background != .standard || style.attributes.contains(.reverse)
                row.append(isSeen ? letter : " ")
                if isSeen, letter != " " { used[letter] = style }
            }
            while row.last == " " { row.removeLast() }
            return row
        }
        let legend = used.sorted { $0.key < $1.key }.map { "\($0.key)  \(Self.words($0.value))" }
        self.text = (rows + ["---"] + legend).joined(separator: "\n") + "\n"
    }

    private static func words(_ style: Style) -> String {
        func name(_ colour: TerminalColour) -> String {
            if case .index(let index) = colour { return ThemeColour.ansiNames[Int(index)] }
            return "default"
        }
        let attributes = Attributes.names.filter { style.attributes.contains($0.value) }.keys.sorted()
        let ground = style.background == .standard ? [] : ["on", name(style.background)]
        return ([name(style.foreground)] + ground + attributes).joined(separator: " ")
    }
}

@Suite("golden screens")
struct GoldenScreenTests {
    @Test("the views, a message and a transcript", arguments: [(80, 24), (120, 36)], [false, true])
    func views(_ size: (Int, Int), _ isCoded: Bool) async throws {
        let rig = await Rig(isCoded: isCoded, columns: size.0, rows: size.1)
        try await rig.expect("overview")
        await rig.press("2", "j", " ")
        try await rig.expect("queue")
        await rig.press("U", "k", .enter)
        try await rig.expect("message")
        await rig.press(.escape, "3")
        // Without transcripts there are no last lines.
        try await rig.expect(isCoded ? "connections-silent" : "connections")
        guard !isCoded else { return }
        await rig.press(.enter)
        try await rig.expect("transcript")
    }

    /// Every view, and what is opened on top of one; the map has its own.
    struct Place: Sendable, CustomTestStringConvertible {
        let name: String
        var feed: @Sendable () -> ScriptedFeed = { .busy }
        let keys: [Key]
        var testDescription: String { self.name }

        static let all = [
            Place(name: "overview", keys: []), Place(name: "queue", keys: ["2", "j", " "]),
            Place(name: "message", keys: ["2", "j", .enter]), Place(name: "connections", keys: ["3"]),
            Place(name: "transcript", keys: ["3", .enter]), Place(name: "destinations", keys: ["4"]),
            Place(name: "journal", feed: JournalTests.feed, keys: ["5", "j", "j", "j", "j", "j"]),
        ]
    }
    @Test("every view in the usual sizes, in Unicode and in ASCII", arguments: Place.all, [false, true])
    func everyView(_ place: Place, _ isASCII: Bool) async throws {
        for (columns, rows) in [(80, 24), (100, 30), (160, 45)] {
            let rig = await Rig(place.feed(), columns: columns, rows: rows) { $0.isASCII = isASCII }
            for key in place.keys { await rig.press(key) }
            try await rig.expect(place.name + (isASCII ? "-ascii" : ""))
        }
    }

    @Test("the same screens come from a daemon", arguments: [(80, 24), (120, 36)])
    func served(_ size: (Int, Int)) async throws {
        let feed = ScriptedFeed.busy
        let served = try await ServedFeed(feed)
        let rig = await Rig(feed, served: served, columns: size.0, rows: size.1)
        try await rig.expect("overview")
        await rig.press("2", "j", " ")
        try await rig.expect("queue")
        await rig.press("U", "k", .enter)
        try await rig.expect("message")
        await rig.press(.escape, "3")
        try await rig.expect("connections")
        await rig.press(.enter)
        try await rig.expect("transcript")
    }

    @Test("what is done through a daemon is done, and taken back")
    func actsServed() async throws {
        let feed = ScriptedFeed.busy
        let served = try await ServedFeed(feed)
        let rig = await Rig(feed, served: served)
        await rig.press("2", "d")
        await rig.wait(seconds: 1)
        await rig.press("z")
        #expect(feed.performed == ["drop 4Q5B", "undo 7"])
        await rig.press("/")
        await rig.type("from:cat")
        await rig.press(.enter)
        #expect(await rig.cursorLine.contains("4Q6A"))
        await rig.run("suspend mx.example.org:25 for 1h")
        #expect(await rig.text.contains("41 recipients"))
    }

    @Test("the queue and a message where there is little room")
    func small() async throws {
        let rig = await Rig(columns: 40, rows: 10)
        await rig.press("2", "j")
        try await rig.expect("queue")
        await rig.press(.enter)
        try await rig.expect("message")
    }

    @Test("the way out is there however little room there is, locked or not", arguments: 40...48)
    func wayOut(_ columns: Int) async {
        for isLocked in [true, false] {
            let rig = await Rig(columns: columns, rows: 10) { $0.isLocked = isLocked }
            let hints = await rig.lines("quit")
            #expect(hints.count == 1)
            #expect(!isLocked || hints.first?.contains("unlock") == true)
        }
    }

    @Test("without frames, graphs and bars")
    func plain() async throws {
        let rig = await Rig { $0.isPlain = true }
        try await rig.expect("plain-overview")
        await rig.press("2", "k", .enter)
        try await rig.expect("plain-message")
        // Nothing stands beside the rows.
        await rig.screen.resize(columns: 160, rows: 45)
        await rig.press(.escape)
        try await rig.expect("plain-queue")
    }

    @Test("help, dialog, prompt and menu over the queue")
    func overlays() async throws {
        let rig = await Rig()
        await rig.press("2", "?")
        try await rig.expect("help")
        await rig.press(.escape, "B")
        try await rig.expect("dialog")
        await rig.press(.escape, "f")
        await rig.type("age>1x")
        try await rig.expect("filter")
        await rig.press(.escape, "s")
        try await rig.expect("menu")
    }
}
