import Foundation
import Testing

@testable import hoptop

@Suite("the manual")
struct ManualTests {
    private static let mandoc = "/usr/bin/mandoc"

    @Test("there is a page for each command, with each of its arguments, and one for the file with each key")
    func complete() throws {
        let pages = try Dictionary(uniqueKeysWithValues: ManualCommand.pages().map { ($0.name, $0.text) })
        let tree = try ManualCommand.tool()
        #expect(Set(pages.keys) == Set(["hoptop", "hoptop.toml"] + tree.shown.map { "hoptop-\($0.commandName)" }))
        #expect(tree.shown.count > 5)
        for command in tree.shown {
            let page = try #require(pages["hoptop-\(command.commandName)"])
            for one in [command] + command.shown {
                for argument in one.shownArguments {
                    let name = argument.longName.map { $0.replacingOccurrences(of: "-", with: "\\-") }
                    #expect(page.contains(name ?? argument.valueName ?? "?"), "\(one.path) \(argument.valueName ?? "")")
                }
            }
        }
        let file = try #require(pages["hoptop.toml"])
        for line in ConfigurationFile.defaultText.split(separator: "\n") {
            guard let key = line.drop(while: { "# ".contains($0) }).split(separator: " = ").first, line.contains(" = "),
                !key.contains(" ")
            else { continue }
            #expect(file.contains(key.replacingOccurrences(of: "-", with: "\\-")), "\(key)")
        }
    }

    @Test("sentences end where the next one begins")
    func sentences() {
        #expect(
            ManualPage.sentences("One thing. Then (e.g. this) another? Yes.  No end")
                == ["One thing.", "Then (e.g. this) another?", "Yes.", "No end"])
        #expect(ManualPage.sentences("").isEmpty)
    }

    @Test("words are arguments of macros and no macros themselves")
    func words() {
        #expect(ManualPage.word("file") == "file")
        #expect(ManualPage.word("Ar") == "\"Ar\"")
        #expect(ManualPage.word("a \"b\"") == "\"a \\(dqb\\(dq\"")
        #expect(ManualPage.word("back\\slash-") == "back\\eslash\\-")
        #expect(ManualPage.word(".Sh") == "\"\\&.Sh\"")
    }

    @Test("mandoc finds nothing to say of them", .enabled(if: FileManager.default.isExecutableFile(atPath: mandoc)))
    func lint() throws {
        for page in try ManualCommand.pages() {
            let path = NSTemporaryDirectory() + "hoptop-\(UUID())-\(page.name).\(page.section)"
            defer { try? FileManager.default.removeItem(atPath: path) }
            try page.text.write(toFile: path, atomically: true, encoding: .utf8)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: Self.mandoc)
            process.arguments = ["-T", "lint", path]
            let output = Pipe()
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            // The pages of the others are not installed where tests run.
            let lines = said.split(separator: "\n").filter { !$0.contains("referenced manual not found") }
            #expect(lines.isEmpty, "\(lines.joined(separator: "\n"))")
        }
    }
}
