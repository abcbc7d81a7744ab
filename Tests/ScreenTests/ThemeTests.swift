import Foundation
import Testing

@testable import Screen

@Suite("themes")
struct ThemeTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Themes").standardizedFileURL

    @Test("every theme of the folder is compiled in as its file has it, and found without the folder")
    func builtin() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter {
            $0.hasSuffix(".toml")
        }
        #expect(files.count >= 6)
        #expect(Set(ThemeLibrary.builtin.keys) == Set(files.map { String($0.dropLast(5)) }))
        for name in ThemeLibrary.builtin.keys {
            let file = try String(contentsOf: Self.folder.appending(path: "\(name).toml"), encoding: .utf8)
            #expect(ThemeLibrary.builtin[name] == file)
            let loaded = try ThemeLibrary().load(name)
            #expect(loaded.warnings.isEmpty)
            #expect(loaded.theme.name == name)
        }
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
