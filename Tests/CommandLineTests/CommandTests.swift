import Foundation
import Mail
import Monitor
import Screen
import Testing

@testable import FeedTesting
@testable import hoptop

@Suite("commands about a daemon")
struct CommandTests {
    /// Runs `Transcripts/NAME.shell` on a feed.
    private func expect(
        _ name: String, _ feed: () -> ScriptedFeed, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let shown = try await ShellTranscript(name).run(on: feed())
        let golden = try ShellTranscript(name).expected
        #expect(shown == golden, "\(name):\n\(shown)", sourceLocation: sourceLocation)
    }

    @Test("lists and what is known of a message, in a pipe and on a terminal")
    func lists() async throws { try await self.expect("lists") { .busy } }

    @Test("actions name their targets, ask, and say what they did")
    func actions() async throws { try await self.expect("actions") { .busy } }

    @Test("mail that is due and goes nowhere all the same was left alone")
    func suspended() async throws {
        try await self.expect("suspended") {
            let feed = ScriptedFeed.busy
            feed.write { $0.remark = .suspended(destination: "mx.example.org:25") }
            return feed
        }
    }

    @Test("the nodes of a fleet, and what is done to one")
    func fleet() async throws {
        try await self.expect("fleet") {
            let feed = ScriptedFeed()
            feed.write { script in
                script.fleet = zip([.up, .draining, .silent, .gone], 1...).map { state, number in
                    FleetStatus.Node(
                        number: number, name: "mx\(number).example.net", state: state, isDrained: state == .draining,
                        age: Int64(number) * 5000, messages: number * 12, software: "hoptop 0.1.0",
                        isAsked: number == 1)
                }
            }
            return feed
        }
    }

    @Test("what became of mail, and what operators did")
    func journal() async throws {
        try await self.expect("journal") {
            let feed = ScriptedFeed.busy
            feed.journaled(.accepted, "4Q7K", before: 500, from: "ann@example.net", session: "in#3")
            feed.journaled(
                .deferred, "4Q7K", before: 490, from: "ann@example.net", to: "bob@example.org",
                nextHop: "mx.example.org:25",
                text: "450 4.2.0 greylisted", session: "out#9")
            feed.journaled(
                .limited, nil, before: 300, nextHop: "mx.example.org:25", text: "2 sessions at most", actor: "ops")
            feed.journaled(
                .refused, nil, before: 200, from: "a\u{1B}[31m@spam.example", text: "550 5.7.1 No (rule 3)",
                actor: "ops")
            feed.journaled(
                .relayed, "4Q7K", before: 100, from: "ann@example.net", to: "bob@example.org",
                nextHop: "mx.example.org:25", text: "250 2.0.0 Ok: queued as 7T")
            return feed
        }
    }

    @Test("more than twenty need their number, or --yes")
    func many() async throws {
        try await self.expect("many") {
            let feed = ScriptedFeed()
            for number in 0..<25 { feed.queued("4QM\(number)", from: "ann@example.net", to: "u\(number)@many.example") }
            return feed
        }
    }

    @Test("what was dropped is forgotten for good by who says so, and by nobody else")
    func purge() async throws {
        try await self.expect("purge") {
            let feed = ScriptedFeed()
            for number in 0..<3 { feed.queued("4QM\(number)", from: "ann@example.net", to: "u\(number)@many.example") }
            feed.write {
                $0.dropped[7] = $0.rows
                $0.rows = []
            }
            return feed
        }
    }

    @Test("hostile text is made visible, in lines and in JSON")
    func hostile() async throws {
        try await self.expect("hostile") {
            let feed = ScriptedFeed()
            let row = feed.queued(
                "4QEV", from: "a\u{1B}]0;owned\u{7}@evil.example", to: "b\u{202E}@evil.example", state: .deferred,
                reply: "450 \u{9B}31m\r\nno", next: 60)
            let detail = feed.detail(row, [.deferred])
            feed.write { $0.details["4QEV"] = detail }
            return feed
        }
    }

    @Test("a queue of more than one part is told whole and in order, though rows go meanwhile")
    func parts() async throws {
        let feed = ScriptedFeed()
        for number in 0..<2500 {
            feed.queued("4Q\(number)", from: "ann@example.net", to: "bob@example.org", age: Int64(5000 - number))
        }
        let shrinking = ShrinkingFeed(feed: feed)
        let list = FeedList<QueueRow, MessageRef>(
            limit: nil, id: { MessageRef(node: $0.ref.node, id: $0.ref.id, generation: 0) },
            window: { try await shrinking.window($0) })
        let written = try await Self.output { _ = try await list.json($0, isFiltered: false) }
        let ids = try JSONDecoder().decode([QueueRow].self, from: Data(written.utf8)).map(\.ref.id)
        #expect(Set(ids).count == ids.count)
        // Those that went before they were read are all that is missing.
        #expect(Set((0..<2500).map { "4Q\($0)" }).subtracting(ids).count == shrinking.unread)
        let numbers = ids.compactMap { Int($0.dropFirst(2)) }
        #expect(numbers == numbers.sorted() && numbers.count == 2400)
    }

    private static func output(_ body: (Output) async throws -> Void) async throws -> String {
        let written = Collected()
        try await body(
            Output(paper: Paper(columns: nil, now: ScriptedFeed.now), write: { written.append($0) }))
        return written.text
    }

    @Test("colours are for terminals that have them, and never change the words")
    func colours() throws {
        let line = [Run("41", .deferred), Run(" of \u{1B}[31m"), Run("   ", .base)]
        #expect(LineStyles.none.text(of: line) == "41 of \\x1b[31m")
        for environment in [["TERM": "xterm", "NO_COLOR": "1"], ["TERM": "dumb"], [:]] {
            #expect(LineStyles(environment).text(of: line) == "41 of \\x1b[31m")
        }
        let styled = LineStyles(["TERM": "xterm-256color"]).text(of: line)
        #expect(styled.hasPrefix("\u{1B}[") && styled.contains("41\u{1B}[0m"))
        #expect(!styled.contains("\u{1B}[31m[31m") && styled.contains("\\x1b"))
    }

    @Test("an undo token is written and read", arguments: ["17@mx1.example.net", "-3@a@b"])
    func tokens(text: String) throws {
        #expect(try #require(UndoToken(text)).text == text)
    }

    @Test("what is no token", arguments: ["", "17", "@mx1", "x@mx1", "17@"])
    func badTokens(text: String) { #expect(UndoToken(text) == nil) }
}
