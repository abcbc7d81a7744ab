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

        /// Port that it listens on, as its empty queue shows it.
        private func port(_ tmux: Tmux) async throws -> SocketEndpoint {
            tmux.press("2")
            let address = "127.0.0.1:"
            #expect(try await tmux.sees("send mail to \(address)"))
            let said = tmux.screen.split(separator: address).dropFirst().first?.prefix { $0.isNumber }
            return SocketEndpoint(host: "127.0.0.1", port: try #require(said.flatMap { Int($0) }))
        }

        @Test("a maintenance outlasts kill -9: mail of a domain is held until the rule ends; a spam run is refused")
        func maintenance() async throws {
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            let run = "LANG=C.UTF-8 " + self.run("--route '*=\(farEnd.endpoint)'")
            let tmux = Tmux("sh -c \"\(run); stty sane; \(run); cat\"", in: self.folder, columns: 100)
            #expect(try await tmux.sees("accepting"))
            let first = try await self.port(tmux)
            func order(_ line: String) {
                tmux.press(":")
                tmux.type(line)
            }
            order("rule hold to z.example for 1h maintenance")
            #expect(try await tmux.sees("0 recipients of 0 messages match now"))
            tmux.press("Tab", "Enter")
            #expect(try await tmux.sees("hold to z.example: 0 recipients of 0 messages on hold"))
            order("rule refuse 550 from *.spam.example for 1h a spam run")
            #expect(try await tmux.sees("550 5.7.1 Not accepted here"))
            tmux.press("Tab", "Enter")
            #expect(try await tmux.sees("from now on"))

            func send(_ id: String, from: String, to server: SocketEndpoint) async throws {
                _ = try await PlainClient(name: "client.example", server: server).send(
                    from: from, to: try ["<bob@z.example>", "<eve@y.example>"].map { try ForwardPath(parsing: $0) },
                    content: PlainClient.content(id, octets: 0))
            }
            ledger.sent([Ledger.Entry("<1@test>", "eve@y.example")])
            try await send("<1@test>", from: "<ann@sender.example>", to: first)
            await #expect(throws: (any Error).self) {
                try await send("<2@test>", from: "<x@a.spam.example>", to: first)
            }
            // Of mixed mail the other recipient has gone.
            #expect(try await eventually { ledger.missing.isEmpty })
            Glibc.kill(try await tmux.program(), SIGKILL)

            #expect(try await tmux.sees("1 queued"))
            tmux.press("b")
            #expect(try await tmux.sees("hold to z.example"))
            #expect(try await tmux.sees("1 on hold"))
            #expect(try await tmux.sees("refuse 550 from *.spam.example"))
            ledger.sent([Ledger.Entry("<1@test>", "bob@z.example")])
            tmux.press("d")
            #expect(try await tmux.sees("1 recipient on hold by it"))
            tmux.press("Tab", "Enter")
            #expect(try await tmux.sees("rule 1 ended: 1 recipient of 1 message released"))
            #expect(try await eventually { ledger.missing.isEmpty })
            let second = try await self.port(tmux)
            await #expect(throws: (any Error).self) {
                try await send("<3@test>", from: "<x@a.spam.example>", to: second)
            }
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
