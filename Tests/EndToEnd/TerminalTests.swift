import Foundation
import Glibc
import NIOCore
import Relay
import SMTP
import Testing

@testable import hoptop

/// A terminal that nobody sees: a tmux server of its own, which ends with the test.
private final class Tmux {
    private let socket = "hoptop-\(UUID())"

    init(_ command: String, columns: Int = 80, rows: Int = 24) throws {
        _ = try self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "\(columns)", "-y", "\(rows)", command)
        _ = try self.tmux("set-option", "-g", "remain-on-exit", "on")
    }
    deinit { _ = try? self.tmux("kill-server") }

    func tmux(_ arguments: String...) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["tmux", "-L", self.socket] + arguments
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text
    }
    var screen: String { get throws { try self.tmux("capture-pane", "-p") } }
    func press(_ keys: String...) throws {
        for key in keys {
            _ = try self.tmux("send-keys", key)
            usleep(300_000)
        }
    }
    func sees(_ text: String) async throws -> Bool {
        let isSeen = try await eventually { try self.screen.contains(text) }
        if !isSeen { print(try self.screen) }
        return isSeen
    }
}

@Suite("the program in a terminal", .timeLimit(.minutes(3)), .serialized)
struct TerminalTests {
    private let folder: TemporaryFolder
    init() throws { self.folder = try TemporaryFolder() }

    /// A port that was free a moment ago.
    private func freePort() async throws -> Int {
        let farEnd = try await FarEnd.start(ledger: Ledger())
        await farEnd.stop()
        return farEnd.endpoint.port
    }

    @Test("a message arrives, waits, is retried by a keystroke, and leaves; the terminal is as it was")
    func retry() async throws {
        let ledger = Ledger()
        let farEnd = try await FarEnd.start(ledger: ledger)
        let port = try await self.freePort()
        let run =
            "\(Program.path) run --hostname mx.example.net --listen 127.0.0.1:\(port)"
            + " --spool \(self.folder.path)/spool --route '*=\(farEnd.endpoint)'"
        let tmux = try Tmux("sh -c \"LANG=C.UTF-8 \(run); echo status $?; stty -a; cat\"")
        #expect(try await tmux.sees("accepting"))
        let path = try ForwardPath(parsing: "<bob@grey.example>")
        let content = ByteBuffer(string: "Subject: a\u{1B}[2J\u{202E}b\r\nMessage-ID: <1@test>\r\n\r\nhi\r\n")
        _ = try await PlainClient(name: "client.example", server: SocketEndpoint(host: "127.0.0.1", port: port))
            .send(from: "<ann@sender.example>", to: [path], content: content)
        ledger.sent([Ledger.Entry("<1@test>", "bob@grey.example")])
        try tmux.press("2")
        #expect(try await tmux.sees("deferred"))
        #expect(try await tmux.sees("Greylisted"))
        try tmux.press("Enter")
        #expect(try await tmux.sees("Hops"))
        // What a peer wrote is shown, and does nothing.
        #expect(try await tmux.sees("a\\x1b[2J<U+202E>b"))
        try tmux.press("t")
        #expect(try await tmux.sees("451 4.7.1 Greylisted"))
        try tmux.press("Escape", "Escape")
        try await Task.sleep(for: .milliseconds(2500))
        try tmux.press("r")
        #expect(try await tmux.sees("retry: 1 recipient"))
        #expect(try await eventually { ledger.missing.isEmpty })
        #expect(try await tmux.sees("0 queued"))
        _ = try tmux.tmux("resize-window", "-x", "30", "-y", "8")
        #expect(try await tmux.sees("please enlarge"))
        _ = try tmux.tmux("resize-window", "-x", "100", "-y", "30")
        #expect(try await tmux.sees("Queue"))
        try tmux.press("q")
        #expect(try await tmux.sees("status 0"))
        #expect(try tmux.screen.contains(" icanon"))
        #expect(try tmux.screen.contains(" echo "))
        await farEnd.stop()
    }

    @Test("a crash by a signal leaves the terminal as it was", arguments: ["SEGV", "ABRT", "TERM"])
    func crash(_ signal: String) async throws {
        let port = try await self.freePort()
        let run = "\(Program.path) run --listen 127.0.0.1:\(port) --spool \(self.folder.path)/spool"
        let tmux = try Tmux("bash -c \"LANG=C.UTF-8 SWIFT_BACKTRACE=enable=no \(run); echo over; stty -a; cat\"")
        #expect(try await tmux.sees("accepting"))
        let pid = try #require(self.processes(named: "\(self.folder.path)/spool").first)
        Glibc.kill(pid, ["SEGV": SIGSEGV, "ABRT": SIGABRT, "TERM": SIGTERM][signal] ?? SIGTERM)
        #expect(try await tmux.sees("over"))
        #expect(try tmux.screen.contains(" icanon"))
        #expect(try tmux.screen.contains(" echo "))
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
