import ArgumentParser
import Foundation
import Mail
import Monitor
import Screen
import Synchronization

@testable import FeedTesting
@testable import hoptop

/// A file of commands and what they print: `$ hoptop queue list` runs with its output in a pipe, `% hoptop queue list` on a
/// terminal of 80 columns. `< y` is what somebody types there. The rest of the file is what came of it: standard output as
/// it is, standard error behind `! `, and the exit status in brackets where it is not 0.
struct ShellTranscript {
    let expected: String
    private let file: URL

    init(_ name: String) throws {
        self.file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Transcripts/\(name).shell")
        self.expected = try String(contentsOf: self.file, encoding: .utf8)
    }

    /// Runs the commands one after another.
    ///
    /// - Returns: the file as it would have to be; `HOPTOP_RECORD=1` writes it so.
    func run(on feed: any MonitorFeed) async throws -> String {
        var lines = self.expected.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)[...]
        var shown = ""
        var hasCommand = false
        while let line = lines.popFirst() {
            if line.hasPrefix("#") { shown += line + "\n" }
            guard line.hasPrefix("$ ") || line.hasPrefix("% ") else { continue }
            var typed: [String] = []
            while let next = lines.first, next.hasPrefix("< ") {
                typed.append(String(next.dropFirst(2)))
                lines.removeFirst()
            }
            if hasCommand { shown += "\n" }
            hasCommand = true
            shown += line + "\n" + typed.map { "< \($0)\n" }.joined()
            shown += await Self.output(
                of: Self.words(line.dropFirst(2)), typed: typed, on: feed,
                columns: line.hasPrefix("%") ? 80 : nil)
        }
        if ProcessInfo.processInfo.environment["HOPTOP_RECORD"] == "1" {
            try shown.write(to: self.file, atomically: true, encoding: .utf8)
        }
        return shown
    }

    private static func output(
        of words: [String], typed: [String], on feed: any MonitorFeed, columns: Int?
    ) async -> String {
        let written = Mutex("")
        let answers = Mutex(typed[...])
        let output = Output(
            paper: Paper(columns: columns, now: ScriptedFeed.now), isInteractive: columns != nil,
            write: { text in written.withLock { $0 += text } },
            tell: { text in
                written.withLock { written in
                    written += text.split(separator: "\n").map { "! \($0)\n" }.joined()
                }
            }, read: { answers.withLock { $0.popFirst() } })
        let status: Int32
        do {
            guard let command = try Hoptop.parseAsRoot(Array(words.dropFirst())) as? any FeedCommand else {
                return "no command about a daemon\n"
            }
            status = try await command.run(on: feed, output).rawValue
        } catch {
            status = Hoptop.tell(error, on: output)
        }
        return written.withLock { $0 } + (status == 0 ? "" : "[\(status)]\n")
    }

    /// Words as a shell makes them of blanks and quotes.
    private static func words(_ line: Substring) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for character in line {
            if character == quote {
                quote = nil
            } else if quote == nil, character == "'" || character == "\"" {
                quote = character
                word = word ?? ""
            } else if quote == nil, character == " " {
                if let word { words.append(word) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        return words + (word.map { [$0] } ?? [])
    }
}
