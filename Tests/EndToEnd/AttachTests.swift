import Foundation
import Glibc
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("screens of daemons", .timeLimit(.minutes(5)))
    struct AttachTests {
        private let folder: TemporaryFolder
        private var spool: String { "\(self.folder.path)/spool" }
        init() throws { self.folder = try TemporaryFolder() }

        private static func socket(of spool: String) -> String { "\(spool)-run/hoptop/control.sock" }

        /// A screen of its own terminal.
        private func viewer(_ words: String, environment: String = "", columns: Int = 120) throws -> Tmux {
            let attach = "LANG=C.UTF-8 \(environment) \(Program.path) attach \(words)"
            return Tmux("sh -c \"\(attach); echo status \\$?; cat\"", in: try TemporaryFolder(), columns: columns)
        }
        private func viewer(of spool: String) throws -> Tmux { try self.viewer("--to \(Self.socket(of: spool))") }

        @Test("kill -9 of the daemon under five viewers: each says since when it is blind, and goes on by itself")
        func killed() async throws {
            let first = try Server(spool: self.spool)
            let viewers = try (0..<5).map { _ in try self.viewer(of: self.spool) }
            for viewer in viewers { #expect(try await viewer.sees("accepting")) }
            try await first.send("<1@test>", to: "bob@example.org")
            for viewer in viewers { #expect(try await viewer.sees("1 queued")) }
            _ = first.end(with: SIGKILL)
            for viewer in viewers { #expect(try await viewer.sees("blind since")) }
            // The last picture stays.
            for viewer in viewers { #expect(viewer.screen.contains("mx.example.net")) }
            let second = try Server(spool: self.spool)
            for viewer in viewers { #expect(try await viewer.sees("answers again; it did not from")) }
            for viewer in viewers { #expect(try await viewer.sees("1 queued")) }
            try await second.send("<2@test>", to: "bob@example.org")
            for viewer in viewers { #expect(try await viewer.sees("2 queued")) }
            for viewer in viewers {
                viewer.press("q")
                #expect(try await viewer.sees("mx.example.net goes on"))
                #expect(try await viewer.sees("status 0"))
            }
            #expect(second.isRunning)
            #expect(second.end(with: SIGTERM) == 0)
        }

        @Test("nothing can be done until L unlocks it; what is done is the operator's, and every viewer sees it")
        func locked() async throws {
            let server = try Server(spool: self.spool)
            try await server.send("<1@test>", to: "bob@example.org")
            let one = try self.viewer(of: self.spool)
            let other = try self.viewer(of: self.spool)
            #expect(try await one.sees("1 queued"))
            #expect(try await other.sees("1 queued"))
            one.press("2", "d")
            #expect(try await one.sees("locked: L unlocks"))
            #expect(other.screen.contains("1 queued"))
            one.press("L")
            #expect(try await one.sees("UNLOCKED"))
            one.press("d")
            #expect(try await one.sees("drop: 1 recipient"))
            #expect(try await other.sees("0 queued"))
            #expect(other.screen.contains("LOCKED"))
            // Undo is offered to whoever did it, and works from any screen of theirs.
            one.press("z")
            #expect(try await other.sees("1 queued"))
            #expect(try await eventually { server.log.contains("by=\(NSUserName())") })
        }

        @Test("two daemons and three screens: each shows both, and what happens in one")
        func several() async throws {
            let spools = ["a", "b"].map { "\(self.folder.path)/\($0)" }
            let servers = try spools.map { spool in
                try Server(
                    spool: spool, configuration: "/dev/null", environment: [:], until: .ready,
                    ["--hostname", "\(spool.suffix(1)).example.net"])
            }
            let words = spools.map { "--to \(Self.socket(of: $0))" }.joined(separator: " ")
            let viewers = try (0..<3).map { _ in try self.viewer(words) }
            for viewer in viewers { #expect(try await viewer.sees("accepting")) }
            try await servers[1].send("<1@test>", to: "bob@example.org")
            for viewer in viewers {
                for node in ["a", "b"] {
                    viewer.press(":")
                    viewer.type("node \(node).example.net")
                    #expect(try await viewer.sees("\(node).example.net"))
                    #expect(try await viewer.sees(node == "a" ? "0 queued" : "1 queued"))
                }
            }
            _ = servers[0].end(with: SIGKILL)
            for viewer in viewers {
                // The other one is watched as before.
                #expect(viewer.screen.contains("1 queued"))
                viewer.press(":")
                viewer.type("node a.example.net")
                #expect(try await viewer.sees("blind since"))
            }
        }

        @Test("hoptop run on a spool that a daemon has offers to attach")
        func offered() async throws {
            let server = try Server(spool: self.spool)
            let run =
                "LANG=C.UTF-8 XDG_RUNTIME_DIR=\(self.spool)-run \(Program.path) run --config /dev/null"
                + " --listen 127.0.0.1:0 --spool \(self.spool)"
            func start() throws -> Tmux {
                Tmux("sh -c \"\(run); echo status \\$?; cat\"", in: try TemporaryFolder(), columns: 120)
            }
            let willing = try start()
            #expect(
                try await willing.sees("process \(server.processIdentifier) runs this relay already; attach to it?"))
            willing.press("Enter")
            #expect(try await willing.sees("LOCKED"))
            willing.press("q")
            #expect(try await willing.sees("mx.example.net goes on"))
            let unwilling = try start()
            #expect(try await unwilling.sees("attach to it?"))
            unwilling.type("n")
            #expect(try await unwilling.sees("is in use by process \(server.processIdentifier)"))
            #expect(try await unwilling.sees("status 1"))
            let leaving = try start()
            #expect(try await leaving.sees("attach to it?"))
            Glibc.kill(try await leaving.program(), SIGTERM)
            #expect(try await leaving.sees("status 1"))
        }

        @Test("where nobody listens it says what to do")
        func nobody() async throws {
            let viewer = try self.viewer("--to \(self.folder.path)/none.sock")
            #expect(try await viewer.sees("none.sock: start it"))
            #expect(try await viewer.sees("status 1"))
            let bare = try self.viewer("", environment: "XDG_RUNTIME_DIR=\(self.folder.path)")
            #expect(try await bare.sees("no hoptop serve"))
        }

        @Test("by ssh: a real server of it leads there, and when it ends it is run again; nothing of it is left")
        func byShell() async throws {
            let keys = try TemporaryFolder()
            let server = try Server(spool: self.spool)
            let ssh = try SSHServer(in: keys)
            let viewer = try self.viewer(
                "--to ssh://box\(Self.socket(of: self.spool))",
                environment: "TMPDIR=\(keys.path) HOPTOP_SSH='ssh -F \(keys.path)/ssh_config'")
            #expect(try await viewer.sees("accepting"))
            try await server.send("<1@test>", to: "bob@example.org")
            #expect(try await viewer.sees("1 queued"))
            ssh.endSessions()
            #expect(try await viewer.sees("blind since"))
            #expect(try await viewer.sees("answers again"))
            try await server.send("<2@test>", to: "bob@example.org")
            #expect(try await viewer.sees("2 queued"))
            #expect(ssh.clients.count == 1)
            viewer.press("q")
            #expect(try await viewer.sees("status 0"))
            #expect(try await eventually { ssh.clients.isEmpty && ssh.tunnels.isEmpty })

            let killed = try self.viewer(
                "--to ssh://box\(Self.socket(of: self.spool))",
                environment: "TMPDIR=\(keys.path) HOPTOP_SSH='ssh -F \(keys.path)/ssh_config'")
            #expect(try await killed.sees("2 queued"))
            Glibc.kill(try await killed.program(), SIGKILL)
            #expect(try await eventually { ssh.clients.isEmpty && ssh.tunnels.isEmpty })
        }
    }
}

/// A real sshd for each connection, at its standard input and output: it takes no port.
private struct SSHServer {
    private static let program = "/usr/sbin/sshd"
    private let folder: String

    init(in folder: TemporaryFolder) throws {
        self.folder = folder.path
        let path = folder.path
        // Where it is run by root it wants that folder.
        if geteuid() == 0 { mkdir("/run/sshd", 0o755) }
        for key in ["host", "user"] {
            try Self.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "\(path)/\(key)")
        }
        try """
        HostKey \(path)/host
        AuthorizedKeysFile \(path)/user.pub
        PidFile none
        UsePAM no
        StrictModes no
        """.write(toFile: "\(path)/sshd_config", atomically: true, encoding: .utf8)
        let host = try String(contentsOfFile: "\(path)/host.pub", encoding: .utf8)
        try "box \(host)".write(toFile: "\(path)/known", atomically: true, encoding: .utf8)
        try """
        Host box
          ProxyCommand \(Self.program) -i -e -f \(path)/sshd_config 2>>\(path)/sshd.log
          IdentityFile \(path)/user
          IdentitiesOnly yes
          UserKnownHostsFile \(path)/known
        """.write(toFile: "\(path)/ssh_config", atomically: true, encoding: .utf8)
    }

    private static func run(_ words: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure("\(words[0]) failed") }
    }

    /// Processes whose command line begins so, and names our folder.
    private func processes(_ name: String) -> [pid_t] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.compactMap { pid_t($0) }.filter { pid in
            let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
            let words = String(decoding: line, as: UTF8.self).split(separator: "\0")
            return words.first.map { $0 == name } == true && words.contains { $0.contains(self.folder) }
        }
    }
    /// The programs that hoptop runs.
    var clients: [pid_t] { self.processes("ssh") }
    func endSessions() { for client in self.clients { Glibc.kill(client, SIGTERM) } }
    /// Folders of forwarded sockets.
    var tunnels: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: self.folder)) ?? []).filter {
            $0.hasPrefix("hoptop-ssh-")
        }
    }
}
