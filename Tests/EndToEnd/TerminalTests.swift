import Foundation
import Glibc
import NIOCore
import Relay
import SMTP
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("the program in a terminal", .timeLimit(.minutes(3)))
    struct TerminalTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        /// The program with the screen, listening on a port that the system chose.
        private func run(_ options: String) -> String {
            "\(Program.path) run --config /dev/null --hostname mx.example.net --listen 127.0.0.1:0"
                + " --spool \(self.folder.path)/spool \(options)"
        }

        @Test("a message arrives, waits, is retried by a keystroke, and leaves; the terminal is as it was")
        func retry() async throws {
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            let run = self.run("--route '*=\(farEnd.endpoint)'")
            // The shell that tmux starts must leave the status to the one inside.
            let tmux = Tmux("sh -c \"LANG=C.UTF-8 \(run); echo status \\$?; stty -a; cat\"", in: self.folder)
            #expect(try await tmux.sees("accepting"))
            tmux.press("2")
            let address = "127.0.0.1:"
            #expect(try await tmux.sees("send mail to \(address)"))
            let said = tmux.screen.split(separator: address).dropFirst().first?.prefix { $0.isNumber }
            let port = try #require(said.flatMap { Int($0) })
            let path = try ForwardPath(parsing: "<bob@grey.example>")
            let content = ByteBuffer(string: "Subject: a\u{1B}[2J\u{202E}b\r\nMessage-ID: <1@test>\r\n\r\nhi\r\n")
            _ = try await PlainClient(name: "client.example", server: SocketEndpoint(host: "127.0.0.1", port: port))
                .send(from: "<ann@sender.example>", to: [path], content: content)
            ledger.sent([Ledger.Entry("<1@test>", "bob@grey.example")])
            #expect(try await tmux.sees("deferred"))
            #expect(try await tmux.sees("Greylisted"))
            tmux.press("Enter")
            #expect(try await tmux.sees("Hops"))
            // What a peer wrote is shown, and does nothing.
            #expect(try await tmux.sees("a\\x1b[2J<U+202E>b"))
            tmux.press("t")
            #expect(try await tmux.sees("451 4.7.1 Greylisted"))
            tmux.press("Escape", "Escape")
            try await Task.sleep(for: .milliseconds(2500))
            tmux.press("r")
            #expect(try await tmux.sees("retry: 1 recipient"))
            #expect(try await eventually { ledger.missing.isEmpty })
            #expect(try await tmux.sees("0 queued"))
            tmux.tmux("resize-window", "-x", "30", "-y", "8")
            #expect(try await tmux.sees("please enlarge"))
            tmux.tmux("resize-window", "-x", "100", "-y", "30")
            #expect(try await tmux.sees("Queue"))
            tmux.press("q")
            #expect(try await tmux.sees("the queue is empty"))
            #expect(try await tmux.sees("status 0"))
            #expect(try await tmux.sees(" icanon"))
            #expect(try await tmux.sees(" echo "))
            await farEnd.stop()
        }

        @Test("a crash by a signal leaves the terminal as it was", arguments: ["SEGV", "ABRT", "QUIT"])
        func crash(_ signal: String) async throws {
            let tmux = Tmux(
                "bash -c \"LANG=C.UTF-8 SWIFT_BACKTRACE=enable=no \(self.run("")); echo status \\$?; stty -a; cat\"",
                in: self.folder)
            #expect(try await tmux.sees("accepting"))
            let number = ["SEGV": SIGSEGV, "ABRT": SIGABRT, "QUIT": SIGQUIT][signal] ?? SIGKILL
            Glibc.kill(try await tmux.program(), number)
            #expect(try await tmux.sees("status \(128 + number)"))
            #expect(!tmux.isAlternate)
            #expect(try await tmux.sees(" icanon"))
            #expect(try await tmux.sees(" echo "))
        }

        @Test(
            "a terminal that cannot show a screen is a clear error, and nothing else", arguments: ["dumb", "no-such"])
        func unfit(_ name: String) async throws {
            let tmux = Tmux("sh -c \"TERM=\(name) \(self.run("")); echo status \\$?; cat\"", in: self.folder)
            #expect(try await tmux.sees("status 1"))
            #expect(tmux.screen.hasPrefix("hoptop: the terminal \"\(name)\" "))
            #expect(!FileManager.default.fileExists(atPath: "\(self.folder.path)/spool"))
        }
    }
}
