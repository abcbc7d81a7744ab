import Foundation
import Glibc
import Mail
import Relay
import Testing

@testable import hoptop

extension EndToEnd {
    /// The screen as a job of a shell, which stops it and takes it up again.
    @Suite("signals, with the screen", .timeLimit(.minutes(5)))
    struct SignalTests {
        private let folder: TemporaryFolder
        private let shell: Tmux

        init() throws {
            self.folder = try TemporaryFolder()
            self.shell = Tmux("env PS1='$ ' LANG=C.UTF-8 bash --norc --noprofile -i", in: self.folder)
        }

        /// Returns when the screen is there, and mail is taken at the port returned.
        private func start() async throws -> (process: pid_t, port: Int) {
            self.shell.type(
                "\(Program.path) run --config /dev/null --hostname mx.example.net --listen 127.0.0.1:0"
                    + " --spool \(self.folder.path)/spool; echo status=$?")
            #expect(try await self.shell.sees("send mail to 127.0.0.1:"))
            let port = self.shell.screen.split(separator: "127.0.0.1:").last?.prefix { $0.isNumber }
            return (try await self.shell.program(), try #require(port.flatMap { Int($0) }))
        }

        private func isAsBefore() async throws -> Bool {
            self.shell.type("clear; stty -a | tr ';' '\\n'")
            guard try await self.shell.sees(" icanon") else { return false }
            return try await self.shell.sees(" echo ") && !self.shell.isAlternate
        }

        @Test(
            "TERM, INT and HUP end sessions properly, say good-bye, and the status is 0",
            arguments: [SIGTERM, SIGINT, SIGHUP])
        func end(_ number: Int32) async throws {
            let (process, port) = try await self.start()
            let client = try Loopback(port)
            client.write("EHLO client.example\r\n")
            client.read(until: "250 ")
            Glibc.kill(process, number)
            #expect(client.readAll().hasPrefix("421 "))
            #expect(try await self.shell.sees("waiting for 1 session to end"))
            #expect(try await self.shell.sees("the queue is empty"))
            #expect(try await self.shell.sees("status=0"))
            #expect(try await self.isAsBefore())
            #expect(try await self.isKnown(as: "signal"))
        }

        @Test("who quits is known as whoever had the node stop")
        func quit() async throws {
            _ = try await self.start()
            self.shell.press("q")
            #expect(try await self.shell.sees("status=0"))
            #expect(try await self.isKnown(as: NSUserName()))
        }

        /// Whether the spool's next relay knows who had the one before stop.
        private func isKnown(as name: String) async throws -> Bool {
            let spool = "\(self.folder.path)/spool"
            let server = try Server(spool: spool)
            defer { _ = server.end(with: SIGTERM) }
            return try await eventually {
                let found = try Program.run([
                    "journal", "find", "actor=\(name)", "--to", "\(spool)-run/hoptop/control.sock",
                ])
                return found.output.contains("shutdown")
            }
        }

        @Test(
            "who is in the middle of a message is waited for, but not when the operator asks again",
            arguments: ["q", "TERM"])
        func secondTime(_ second: String) async throws {
            let (process, port) = try await self.start()
            let client = try Loopback(port)
            for line in ["HELO client.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"] {
                client.write("\(line)\r\n")
            }
            client.read(until: "354 ")
            self.shell.press("q")
            #expect(try await self.shell.sees("waiting for 1 session to end"))
            #expect(Tmux.state(of: process) != "")
            if second == "q" { self.shell.press("q") } else { Glibc.kill(process, SIGTERM) }
            // A while before the sessions' own time is over; how long, nobody asks.
            #expect(try await self.shell.sees("status=0"))
            #expect(client.readAll() == "")
            #expect(try await self.isAsBefore())
        }

        @Test(
            "stopped by a key or a signal the terminal is the shell's; fg brings the whole screen back",
            arguments: [true, false])
        func suspension(byKey: Bool) async throws {
            let (process, _) = try await self.start()
            for round in 1...3 {
                if byKey { self.shell.press("C-z") } else { Glibc.kill(process, SIGTSTP) }
                #expect(try await eventually { Tmux.state(of: process) == "T" })
                #expect(try await self.shell.sees("Stopped"))
                #expect(try await self.isAsBefore())
                self.shell.tmux("resize-window", "-x", "\(80 + 10 * round)", "-y", "30")
                self.shell.type("fg")
                #expect(try await self.shell.sees("╭─ Flow"))
                #expect(try await self.shell.sees("send mail to 127.0.0.1:"))
                // All of it, and in its new width.
                #expect(
                    try await eventually {
                        self.shell.screen.split(separator: "\n").contains { $0.count == 80 + 10 * round }
                    })
                #expect(self.shell.screen.contains("q quit"))
                #expect(self.shell.isAlternate)
            }
            self.shell.press("q")
            #expect(try await self.shell.sees("the queue is empty"))
            #expect(try await self.isAsBefore())
        }

        @Test("stopped in whatever it does, it goes on relaying in the background, and ends there")
        func background() async throws {
            let (process, port) = try await self.start()
            Glibc.kill(process, SIGSTOP)
            #expect(try await self.shell.sees("Stopped"))
            self.shell.type("clear; bg")
            #expect(try await eventually { Tmux.state(of: process) != "T" })
            let client = try Loopback(port)
            client.write("QUIT\r\n")
            #expect(client.readAll().hasPrefix("220 "))
            #expect(try await self.isAsBefore())
            self.shell.type("fg")
            #expect(try await self.shell.sees("send mail to 127.0.0.1:"))
            #expect(self.shell.screen.contains("q quit"))
            self.shell.press("C-z")
            #expect(try await self.shell.sees("Stopped"))
            self.shell.type("clear; kill %1")
            #expect(try await self.shell.sees("the queue is empty"))
            #expect(try await eventually { Tmux.state(of: process) == "" })
            #expect(try await self.isAsBefore())
        }

        @Test("a storm of sizes and signals, while keys come, ends in a whole picture")
        func storm() async throws {
            let (process, _) = try await self.start()
            for round in 0..<60 {
                self.shell.tmux("resize-window", "-x", "\(20 + 7 * round % 90)", "-y", "\(5 + 3 * round % 40)")
                for _ in 0..<20 { Glibc.kill(process, SIGWINCH) }
                self.shell.tmux("send-keys", "\(round % 3 + 1)")
            }
            self.shell.tmux("resize-window", "-x", "100", "-y", "30")
            // With nobody attached, and after so many sizes, tmux may leave what was written unread until a key comes.
            #expect(
                try await eventually {
                    self.shell.press("1")
                    try await Task.sleep(for: .milliseconds(200))
                    return self.shell.screen.split(separator: "\n").count { $0.count == 100 } >= 15
                })
            #expect(try await self.shell.sees("send mail to 127.0.0.1:"))
            Glibc.kill(process, SIGTERM)
            #expect(try await self.shell.sees("status=0"))
            #expect(try await self.isAsBefore())
        }

        @Test("the demo ends as it should, and leaves nothing behind", arguments: ["q", "TERM"])
        func demo(_ how: String) async throws {
            self.shell.type("\(Program.path) demo --rate 20; echo status=$?")
            #expect(try await self.shell.sees("accepting"))
            let process = try await self.shell.program()
            let spools = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-demo-\(process)").path
            #expect(FileManager.default.fileExists(atPath: spools))
            // Mail has come through: the map knows who hands it over, and how fast.
            #expect(try await self.shell.sees("/s"))
            if how == "q" { self.shell.press("q") } else { Glibc.kill(process, SIGTERM) }
            #expect(try await self.shell.sees("status=0"))
            #expect(self.shell.screen.contains("waiting a second for open sessions"))
            #expect(!FileManager.default.fileExists(atPath: spools))
            #expect(try await self.isAsBefore())
        }
    }
}
