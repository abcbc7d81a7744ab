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

    @Test("a theme that is nowhere is an error that names it")
    func missing() {
        #expect(throws: ThemeError.self) { try ThemeLibrary(searchPaths: [Self.folder]).load("no-such-theme") }
    }
}
