import Testing

@testable import FeedTesting
@testable import Screen

@Suite("what a typed line asks for")
struct CommandTableTests {
    private static let table = CommandTable(RoutePane("a@b.example", node: 0, feed: ScriptedFeed()), isReplay: false)

    @Test(
        "a command by its name or a beginning, and its argument",
        arguments: [
            ("theme dark", "theme", "dark"), ("them  dark blue", "theme", "dark blue"), ("undo", "undo", nil),
            ("rule hold to a@b", "rule", "hold to a@b"),
        ] as [(String, String, String?)])
    func called(line: String, name: String, argument: String?) throws {
        let call = try #require(try Self.table.call(line))
        #expect(call.command.name == name)
        #expect(call.argument == argument)
    }

    @Test("an empty line asks for nothing; what is not known, or not clear, is told")
    func refused() throws {
        #expect(try Self.table.call("  ")?.command == nil)
        let problems = ["frobnicate", "half"].map { line in
            do throws(CommandProblem) {
                _ = try Self.table.call(line)
                return ""
            } catch { return error.text }
        }
        #expect(
            problems == ["no command frobnicate here; ? lists them", "half: which of half-page-down, half-page-up?"])
    }

    @Test("in a recording its own keys come first")
    func replay() {
        let replay = CommandTable(RoutePane("a@b.example", node: 0, feed: ScriptedFeed()), isReplay: true)
        #expect(replay.bound(to: "p") == .pause)
        #expect(Self.table.bound(to: "p") == nil)
    }
}
