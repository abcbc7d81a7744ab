import Foundation
import Testing

@testable import Screen

@Suite("the theme lint")
struct ThemeLintTests {
    private static func theme(_ text: String) throws -> ThemeLibrary.Loaded {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-theme-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let head = "[theme]\nformat = 1\nname = \"mine\"\nmode = \"dark\"\n"
        try (head + text).write(to: folder.appending(path: "mine.toml"), atomically: true, encoding: .utf8)
        return try ThemeLibrary(searchPaths: [folder]).load("mine")
    }

    @Test("shipped themes have nothing to be mended", arguments: ThemeLibrary.builtin.keys.sorted())
    func shipped(_ name: String) throws {
        #expect(try ThemeLint.findings(ThemeLibrary().load(name)).map(\.description) == [])
    }

    @Test(
        "the overlay for production keeps what is below it, over any theme", arguments: ["dark", "light", "contrast"])
    func overlay(_ name: String) throws {
        let below = try ThemeLibrary().load(name).theme
        let loaded = try ThemeLibrary().load("\(name)+prod")
        #expect(loaded.theme.name == "\(name)+prod")
        #expect(loaded.theme.badge == "PROD")
        #expect(loaded.theme.mode == below.mode)
        for role in Role.allCases where role != .border && role != .badge {
            #expect(loaded.theme.looks[role] == below.looks[role], "\(role)")
        }
        #expect(loaded.theme.looks[.border] != below.looks[.border])
        #expect(ThemeLint.findings(loaded).map(\.description) == [])
    }

    @Test("contrast is told with line, role and figure")
    func contrast() throws {
        let words = ThemeLint.findings(
            try Self.theme("[ui]\nborder = \"#777777\"\ntitle = \"#555555\"\n")
        ).map { "\($0)".split(separator: "/").last.map(String.init) ?? "" }
        #expect(
            words == [
                "mine.toml:7: ui.title: contrast is 2.8:1, and must be 4.5:1",
                "mine.toml:7: ui.title: contrast on ui.selection_off is 2.8:1, and must be 4.5:1",
            ])
    }

    @Test("states that the colour-blind would take for each other are told, unless an attribute tells them apart")
    func vision() throws {
        let text = "[state]\ndeferred = \"#b0a030\"\nrelayed = \"#70b040\"\n"
        let words = ThemeLint.findings(try Self.theme(text)).map(\.description)
        #expect(
            words.contains { $0.contains(":6: state.deferred and state.relayed: are") && $0.contains("to protanopia") })
        #expect(!words.contains { $0.contains("to anybody") })
        let mended = text.replacing("\"#70b040\"", with: "{ fg = \"#70b040\", attr = [\"underline\"] }")
        #expect(ThemeLint.findings(try Self.theme(mended)).map(\.description) == [])
    }

    @Test("a role that does not exist is told, and a contrast that cannot be")
    func unknown() throws {
        let findings = ThemeLint.findings(try Self.theme("[ui]\nbordr = \"red\"\n"))
        #expect(findings.count == 1 && "\(findings[0])".contains("mine.toml:6: ui.bordr: is no role"))
        #expect(throws: ThemeError.self) { try Self.theme("min_contrast = 40\n") }
    }

    @Test("measured as published")
    func figures() {
        // WCAG: black on white is 21 to 1.
        #expect(LinearColour(0).contrast(to: LinearColour(0xFFFFFF)) == 21)
        #expect(abs(LinearColour(0x767676).contrast(to: LinearColour(0xFFFFFF)) - 4.54) < 0.01)
        // White is the white of L*a*b*, 100 away from black.
        #expect(abs(LinearColour(0).difference(from: LinearColour(0xFFFFFF)) - 100) < 0.1)
        // Greys look the same to everybody.
        for vision in ColourVision.allCases {
            let grey = LinearColour(0x808080)
            #expect(vision.seen(grey).difference(from: grey) < 1, "\(vision)")
        }
    }
}
