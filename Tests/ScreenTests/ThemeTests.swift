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
        #expect(files.count >= 8)
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
        arguments: ["ansi", "mono", "dark", "light", "contrast", "deuteranopia", "tritanopia", "prod"])
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

    @Test("a theme whose file is written shows anew; a bad one keeps what was, and is told with its line")
    func reloads() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-theme-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "mine.toml")
        // Each time a second later, whatever the file system's clock can tell apart.
        func write(_ text: String, second: Double) throws {
            try "[theme]\nformat = 1\nname = \"mine\"\n\(text)".write(to: file, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1_700_000_000 + second)], ofItemAtPath: file.path)
        }
        try write("env = \"TEST\"\n", second: 0)
        let rig = await Rig(columns: 220) { $0.themes = ThemeLibrary(searchPaths: [folder]) }
        await rig.run("theme mine")
        #expect(await rig.lines("HOPTOP").first?.contains(" TEST ") == true)
        try write("env = \"PROD\"\n", second: 1)
        await rig.wait(seconds: 1)
        #expect(await rig.lines("HOPTOP").first?.contains(" PROD ") == true)
        try write("env = \"OOPS\"\n[ui]\nbase = \"no-colour\"\n", second: 2)
        await rig.wait(seconds: 1)
        #expect(await rig.lines("HOPTOP").first?.contains(" PROD ") == true)
        #expect(await rig.text.contains("mine.toml:6: ui.base: no-colour is neither"))
        await rig.run("theme dark+prod")
        #expect(await rig.text.contains("theme dark+prod"))
    }

    @Test("a theme that is nowhere is an error that names it")
    func missing() {
        #expect(throws: ThemeError.self) { try ThemeLibrary(searchPaths: [Self.folder]).load("no-such-theme") }
    }
}
