import Foundation
import Testing

@testable import Screen

@Suite("themes")
struct ThemeTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Themes").standardizedFileURL

    @Test("the themes compiled in equal their files", arguments: ["ansi", "mono"])
    func builtin(_ name: String) throws {
        let file = try String(contentsOf: Self.folder.appending(path: "\(name).toml"), encoding: .utf8)
        #expect(ThemeLibrary.builtin[name]?.trimmingCharacters(in: .newlines) == file.trimmingCharacters(in: .newlines))
        let loaded = try ThemeLibrary(searchPaths: [Self.folder]).load(name)
        #expect(loaded.warnings.isEmpty)
        #expect(loaded.theme.name == name)
    }

    @Test(
        "every theme file is read without a complaint",
        arguments: ["ansi", "mono", "dark", "light", "contrast", "deuteranopia"])
    func files(_ name: String) throws {
        let loaded = try ThemeLibrary(searchPaths: [Self.folder]).load(name)
        #expect(loaded.warnings.isEmpty)
        #expect(loaded.theme.name == name)
        for role in Role.allCases { #expect(loaded.theme.looks[role] != nil, "\(role)") }
    }

    @Test("states that must be told apart differ at a glance, without red against green for the colour-blind")
    func distinct() throws {
        let library = ThemeLibrary(searchPaths: [Self.folder])
        let states: [Role] = [.active, .deferred, .hold, .relayed, .bounced]
        for name in library.names {
            let theme = try library.load(name).theme
            for depth in [ColourDepth.sixteen, .indexed, .direct] where name != "mono" {
                #expect(
                    Set(states.map { theme.style(for: $0, depth: depth) }).count == states.count, "\(name) \(depth)")
            }
        }
        #expect(Set(states.map { ThemeLibrary.builtin(.mono).style(for: $0, depth: .mono) }).count >= 3)
    }

    @Test("a theme that is nowhere is an error that names it")
    func missing() {
        #expect(throws: ThemeError.self) { try ThemeLibrary(searchPaths: [Self.folder]).load("no-such-theme") }
    }
}
