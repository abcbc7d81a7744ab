import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("terminals of many kinds", .timeLimit(.minutes(3)))
    struct TerminalMatrixTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        /// Shows the screen on such a terminal, and leaves it.
        ///
        /// - Returns: what it showed, with the codes that select colours (ECMA-48 §8.3.117).
        private func show(_ environment: String, _ options: String = "") async throws -> String {
            let run =
                "\(Program.path) run --config /dev/null --hostname mx.example.net --listen 127.0.0.1:0"
                + " --spool \(self.folder.path)/spool --clock off \(options)"
            // Whoever runs the tests may want no colours.
            let start = "env -u NO_COLOR \(environment) \(run)"
            let tmux = Tmux("sh -c \"\(start); echo status \\$?; stty -a; cat\"", in: self.folder)
            #expect(try await tmux.sees("accepting"))
            tmux.press("4")
            #expect(try await tmux.sees("there is no next hop"))
            let shown = tmux.tmux("capture-pane", "-p", "-e")
            tmux.press("q", "q")
            #expect(try await tmux.sees("status 0"))
            #expect(try await tmux.sees(" icanon"))
            return shown
        }

        /// The numbers of all codes, of which 30 to 49 and 90 to 107 are colours.
        private static func codes(_ shown: String) -> Set<Int> {
            Set(
                shown.split(separator: "\u{1B}[").dropFirst()
                    .flatMap { $0.prefix { $0 != "m" }.split(separator: ";").compactMap { Int($0) } })
        }
        private static func isColoured(_ shown: String) -> Bool {
            self.codes(shown).contains { (30...38).contains($0) || (40...48).contains($0) || (90...107).contains($0) }
        }

        @Test(
            "it is shown on each, in as many colours as that has, and leaves it as it was",
            arguments: [
                ("vt100", "C", false), ("linux", "C.UTF-8", true), ("screen", "C.UTF-8", true),
                ("xterm", "C", true), ("xterm-256color", "C.UTF-8", true), ("tmux-256color", "C.UTF-8", true),
            ])
        func kinds(_ name: String, _ locale: String, _ isColoured: Bool) async throws {
            let shown = try await self.show("TERM=\(name) LC_ALL=\(locale)", "--theme dark")
            #expect(Self.isColoured(shown) == isColoured, "\(shown)")
            // Of the 256 no more than a terminal has that has them.
            #expect(shown.contains("38;5;") == name.contains("256color"))
            if locale == "C" { #expect(shown.utf8.allSatisfy { $0 < 0x80 }) }
        }

        @Test(
            "NO_COLOR and --color never take the colours away, --color always brings them back; attributes stay",
            arguments: [
                ("NO_COLOR=1", "", false), ("", "--color never", false), ("NO_COLOR=1", "--color always", true),
            ])
        func choice(_ environment: String, _ options: String, _ isColoured: Bool) async throws {
            let shown = try await self.show("\(environment) TERM=xterm-256color LC_ALL=C.UTF-8", options)
            #expect(Self.isColoured(shown) == isColoured, "\(shown)")
            #expect(Self.codes(shown).contains(1))
        }
    }
}
