import Foundation
import Glibc
import NIOCore
import Relay
import SMTP
import Testing

@testable import hoptop

/// A terminal that nobody sees: a tmux server of its own, which ends with the test.
private final class Tmux {
    private let socket: String

    init(_ command: String, in folder: TemporaryFolder, columns: Int = 80, rows: Int = 24) {
        self.socket = "\(folder.path)/tmux"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "\(columns)", "-y", "\(rows)", command)
    }
    deinit { self.tmux("kill-server") }

    /// By `popen`, since Foundation's `Process` is not over before what tmux leaves running in the background.
    @discardableResult
    func tmux(_ arguments: String...) -> String {
        let words = ["tmux", "-S", self.socket] + arguments
        let quoted = words.map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
        guard let pipe = popen(quoted + " 2>/dev/null </dev/null", "r") else { return "" }
        defer { pclose(pipe) }
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 { output += buffer[..<count] }
        return String(decoding: output, as: UTF8.self)
    }
    var screen: String { self.tmux("capture-pane", "-p") }
    func press(_ keys: String...) {
        for key in keys {
            self.tmux("send-keys", key)
            usleep(300_000)
        }
    }
    func sees(_ text: String) async throws -> Bool {
        let isSeen = try await eventually { self.screen.contains(text) }
        if !isSeen { print(self.screen) }
        return isSeen
    }
}

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

        @Test("a crash by a signal leaves the terminal as it was", arguments: ["SEGV", "ABRT", "TERM"])
        func crash(_ signal: String) async throws {
            let tmux = Tmux(
                "bash -c \"LANG=C.UTF-8 SWIFT_BACKTRACE=enable=no \(self.run("")); echo over; stty -a; cat\"",
                in: self.folder)
            #expect(try await tmux.sees("accepting"))
            let pid = try #require(self.processes(named: "\(self.folder.path)/spool").first)
            Glibc.kill(pid, ["SEGV": SIGSEGV, "ABRT": SIGABRT, "TERM": SIGTERM][signal] ?? SIGTERM)
            #expect(try await tmux.sees("over"))
            #expect(try await tmux.sees(" icanon"))
            #expect(try await tmux.sees(" echo "))
        }

        /// Ours that have `text` among their arguments, and are no shell.
        private func processes(named text: String) -> [pid_t] {
            let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            return all.compactMap { pid_t($0) }.filter { pid in
                let line = (try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)) ?? ""
                let words = line.split(separator: "\0")
                return words.first.map { $0.hasSuffix("/hoptop") } == true && words.contains { $0 == text }
            }
        }
    }
}
