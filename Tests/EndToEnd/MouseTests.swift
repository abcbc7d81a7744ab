import Glibc
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("the mouse in a terminal", .timeLimit(.minutes(2)))
    struct MouseTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        private func start(_ options: String) async throws -> Tmux {
            let tmux = Tmux(
                "bash -c \"LANG=C.UTF-8 SWIFT_BACKTRACE=enable=no \(Program.path) run --config /dev/null"
                    + " --hostname mx.example.net --listen 127.0.0.1:0 --spool \(self.folder.path)/spool \(options);"
                    + " echo status \\$?; cat\"", in: self.folder)
            #expect(try await tmux.sees("accepting"))
            return tmux
        }
        /// Whether the program has the terminal tell it of the mouse, in decimal numbers.
        private func isTold(_ tmux: Tmux) -> Bool {
            tmux.tmux("display-message", "-p", "#{mouse_standard_flag}#{mouse_sgr_flag}").hasPrefix("11")
        }

        @Test("it is the terminal's own unless it is asked for")
        func off() async throws {
            let tmux = try await self.start("")
            #expect(!self.isTold(tmux))
            tmux.press("q")
            #expect(try await tmux.sees("status 0"))
        }

        @Test(
            "a click on a tab shows its view; however the program ends, the mouse is the terminal's own again",
            arguments: ["q", "TERM", "SEGV"])
        func on(_ end: String) async throws {
            let tmux = try await self.start("--mouse")
            #expect(self.isTold(tmux))
            // ESC [ < 0 ; 16 ; 2 M
            tmux.tmux("send-keys", "-H", "1b", "5b", "3c", "30", "3b", "31", "36", "3b", "32", "4d")
            #expect(try await tmux.sees("send mail to"))
            switch end {
            case "q": tmux.press("q")
            case "TERM": Glibc.kill(try await tmux.program(), SIGTERM)
            default: Glibc.kill(try await tmux.program(), SIGSEGV)
            }
            #expect(try await tmux.sees("status"))
            #expect(!self.isTold(tmux))
        }

        @Test("while the program is stopped the mouse is the shell's")
        func stopped() async throws {
            let tmux = Tmux("bash --norc", in: self.folder)
            tmux.type(
                "LANG=C.UTF-8 \(Program.path) run --config /dev/null --hostname mx.example.net --listen 127.0.0.1:0"
                    + " --spool \(self.folder.path)/spool --mouse")
            #expect(try await tmux.sees("accepting"))
            #expect(self.isTold(tmux))
            tmux.press("C-z")
            #expect(try await tmux.sees("Stopped"))
            #expect(!self.isTold(tmux))
            tmux.type("fg")
            #expect(try await tmux.sees("accepting"))
            #expect(self.isTold(tmux))
            tmux.press("q")
            #expect(try await tmux.sees("the queue is empty"))
        }
    }
}
