import ArgumentParser
import Foundation
import Glibc

struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Print the manual, or write its pages into a directory.",
        discussion: """
            The pages are made of what the program knows of itself: hoptop(1), one for each command, and hoptop.toml(5). \
            They are in the mdoc language, which man, mandoc and groff read. With SOURCE_DATE_EPOCH set they carry that date.

            EXAMPLES
              hoptop manual | man -l -
              hoptop manual hoptop.toml | man -l -
              hoptop manual --out /usr/local/share/man
            """)

    @Option(
        help: ArgumentHelp("Write all pages there, into man1 and man5.", valueName: "directory"),
        completion: .directory)
    var out: String?
    @Argument(
        help: ArgumentHelp("The page to print, such as hoptop-serve.", valueName: "page"),
        completion: .custom { _, _, _ in (try? ManualCommand.pages().map(\.name)) ?? [] })
    var page = "hoptop"

    func run() throws {
        let pages = try Self.pages()
        guard let out = self.out else {
            guard let page = pages.first(where: { $0.name == self.page }) else {
                throw Failure("there is no page \(self.page): \(pages.map(\.name).joined(separator: ", "))")
            }
            print(page.text, terminator: "")
            return
        }
        for page in pages {
            let folder = "\(out)/man\(page.section)"
            do {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try Data(page.text.utf8).write(
                    to: URL(fileURLWithPath: "\(folder)/\(page.name).\(page.section)"), options: .atomic)
            } catch {
                throw Failure("the pages cannot be written into \(folder): name another directory with --out")
            }
        }
        print("\(pages.count) pages are in \(out)")
    }

    /// What swift-argument-parser knows of the program.
    static func tool() throws -> CommandTree.Command {
        try JSONDecoder().decode(CommandTree.self, from: Data(Hoptop._dumpHelp().utf8)).command
    }

    static func pages() throws -> [ManualPage] {
        let date = ProcessInfo.processInfo.environment["SOURCE_DATE_EPOCH"].flatMap(Double.init)
            .map(Date.init(timeIntervalSince1970:))
        return try self.tool().pages(date: date ?? Date()) + [.configuration(date: date ?? Date())]
    }
}
