import Foundation
import Glibc
import Monitor
import Relay
import Testing

@testable import hoptop

extension EndToEnd {
    /// `hoptop trace` on a running `hoptop serve`.
    @Suite("the command trace", .timeLimit(.minutes(5)))
    struct TraceCommandTests {
        private let folder: TemporaryFolder
        private let server: Server
        private let socket: String

        init() throws {
            self.folder = try TemporaryFolder()
            let spool = "\(self.folder.path)/spool"
            self.server = try Server(spool: spool)
            self.socket = "\(spool)-run/hoptop/control.sock"
        }

        /// - Returns: the process, and the file that it writes into.
        private func trace(_ arguments: String...) throws -> (Process, file: String) {
            let file = "\(self.folder.path)/trace-\(UUID())"
            #expect(FileManager.default.createFile(atPath: file, contents: nil))
            let output = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
            let process = Process()
            process.executableURL = URL(fileURLWithPath: Program.path)
            process.arguments = ["trace", "--to", self.socket] + arguments
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = output
            process.standardError = output
            try process.run()
            return (process, file)
        }
        private func said(_ file: String) throws -> String { try String(contentsOfFile: file, encoding: .utf8) }

        @Test("hostile words of a client come out harmless, as lines and as JSON; Ctrl-C ends it with 0")
        func hostile() async throws {
            let (lines, linesFile) = try self.trace("--in", "--failed", "--peer", "127.0.0.0/8")
            let (json, jsonFile) = try self.trace("--json")
            let client = try Loopback(self.server.address.port)
            client.write("EHLO c\r\n\u{1B}[2J\u{1B}]0;x\u{07} \u{202E}\u{9B}31m\r\n")
            #expect(try await eventually { try self.said(linesFile).contains("S: 500 ") })
            #expect(try await eventually { try self.said(jsonFile).contains("500 ") })
            for (process, file) in [(lines, linesFile), (json, jsonFile)] {
                kill(process.processIdentifier, SIGINT)
                process.waitUntilExit()
                #expect(process.terminationStatus == 0)
                #expect(TraceLinesTests.isHarmless(try self.said(file)))
            }
            let text = try self.said(linesFile)
            #expect(text.contains("S: 220 mx.example.net"))
            #expect(text.contains("C: \\x1b[2J\\x1b]0;x\\x07 <U+202E><U+009B>31m"))
            for line in try self.said(jsonFile).split(separator: "\n") {
                _ = try JSONDecoder().decode(TraceEvent.self, from: Data(line.utf8))
            }
            #expect(self.server.end(with: SIGTERM) == 0)
        }

        @Test("a reader that has enough ends it quietly")
        func reader() async throws {
            let errors = "\(self.folder.path)/errors"
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [
                "bash", "-o", "pipefail", "-c",
                "'\(Program.path)' trace --to '\(self.socket)' 2> '\(errors)' | head -n 1 > /dev/null",
            ]
            try process.run()
            #expect(
                try await eventually {
                    try await self.server.send("<1@test>", to: "bob@there.example")
                    return !process.isRunning
                })
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            #expect(try self.said(errors) == "")
            #expect(self.server.end(with: SIGTERM) == 0)
        }

        @Test("the end of the daemon is told, and where there is none")
        func noDaemon() async throws {
            let (process, file) = try self.trace("--ended")
            try await self.server.send("<1@test>", to: "bob@there.example")
            #expect(try await eventually { try self.said(file).contains("queued as") })
            _ = self.server.end(with: SIGKILL)
            process.waitUntilExit()
            #expect(process.terminationStatus == 1)
            #expect(try self.said(file).split(separator: "\n").last?.hasPrefix("hoptop: ") == true)
            let none = try Program.run("trace", "--to", "\(self.folder.path)/none")
            #expect(none.status == 1)
            #expect(none.errors.contains("start it, or name another place with --to"))
            let mistaken = try Program.run("trace", "--peer", "192.0.2")
            #expect(mistaken.status == 64)
            #expect(mistaken.errors.contains("no range such as 192.0.2.0/24"))
            #expect(try Program.run("trace", "colour:red").status == 64)
        }
    }
}
