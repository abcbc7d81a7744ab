import Foundation
import Glibc
import SMTP
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("the commands", .timeLimit(.minutes(2)))
    struct CommandTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        @Test("bad input gets one line that says what to do, and a status that is not 0")
        func badInput() throws {
            let taken = try Server(spool: "\(self.folder.path)/taken")
            try "x = [".write(toFile: "\(self.folder.path)/broken.toml", atomically: true, encoding: .utf8)
            let free = "\(self.folder.path)/free"
            let cases: [(arguments: [String], says: String)] = [
                (["--qqqqq"], "Unknown option '--qqqqq'; see hoptop --help"),
                (["run", "--config", "/dev/null", "--spool", free], "there is no spool in"),
                (["demo"], "no terminal: use hoptop demo --headless SECONDS"),
                (["serve", "--config", "\(self.folder.path)/broken.toml"], "broken.toml:1: "),
                (["serve", "--config", "/nowhere/hoptop.toml"], "does not exist"),
                (["serve", "--spool", "/proc/nowhere"], "name another with --spool DIRECTORY"),
                (["serve", "--spool", "\(self.folder.path)/taken", "--listen", "127.0.0.1:0"], "is in use by process"),
                (["serve", "--spool", free, "--listen", "\(taken.address)"], "the port is in use"),
                (
                    ["rules", "add", "hold", "to", "a.example", "for", "-3h"],
                    "-3h: no number and no time is below zero"
                ),
                (["serve", "--route", "nonsense"], "allowed: PATTERN=HOST:PORT"),
            ]
            for (arguments, says) in cases {
                let process = Process()
                let errors = Pipe()
                process.executableURL = URL(fileURLWithPath: Program.path)
                process.arguments = arguments
                process.standardInput = FileHandle.nullDevice
                process.standardOutput = FileHandle.nullDevice
                process.standardError = errors
                try process.run()
                let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                #expect(process.terminationStatus != 0, "\(arguments)")
                #expect(said.hasPrefix("hoptop: ") && said.contains(says), "\(arguments): \(said)")
                #expect(said.split(separator: "\n").count == 1, "\(arguments): \(said)")
            }
        }

        @Test("standard streams that were closed are /dev/null, so that nothing else is written to in their place")
        func closedStreams() async throws {
            let file = "\(self.folder.path)/closed.toml"
            try """
            [control]
            socket = "none"
            [spool]
            directory = "\(self.folder.path)/closed"
            [[listen]]
            address = "127.0.0.1:0"
            """.write(toFile: file, atomically: true, encoding: .utf8)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", "exec \"$0\" serve --config \"$1\" <&- >&- 2>&-", Program.path, file]
            try process.run()
            defer {
                process.terminate()
                process.waitUntilExit()
            }
            let streams = (0...2).map { "/proc/\(process.processIdentifier)/fd/\($0)" }
            // The spool comes behind them.
            let spool = "\(self.folder.path)/closed/spool.sqlite"
            #expect(try await eventually { FileManager.default.fileExists(atPath: spool) })
            #expect(
                streams.map { try? FileManager.default.destinationOfSymbolicLink(atPath: $0) }
                    == Array(repeating: "/dev/null", count: 3))
        }

        @Test("spool check names damage with status 1, repair mends it; a running relay keeps both out")
        func spool() async throws {
            let spool = "\(self.folder.path)/checked"
            let server = try Server(spool: spool)
            for number in 0..<3 { #expect(try await server.answer(to: "<\(number)@test>", octets: 300_000) == 250) }
            for command in ["check", "repair"] {
                let refused = try Program.run("spool", command, "--config", "/dev/null", "--spool", spool)
                #expect(refused.status == 1)
                #expect(refused.errors.contains("is in use by process"))
            }
            #expect(server.end(with: SIGTERM) == 0)
            func run(_ command: String) throws -> (status: Int32, output: String, errors: String) {
                try Program.run("spool", command, "--config", "/dev/null", "--spool", spool)
            }
            #expect(try run("check").status == 0)
            let content = try #require(FileManager.default.contentsOfDirectory(atPath: "\(spool)/content").first)
            #expect(unlink("\(spool)/content/\(content)") == 0)
            let check = try run("check")
            #expect(check.status == 1)
            #expect(check.output.contains("damaged \(content) from=<ann@sender.example> to=<bob@there.example>: "))
            let repair = try run("repair")
            #expect(repair.status == 0, "\(repair.errors)")
            #expect(repair.output.contains("kept 2 messages"))
            #expect(try run("check").status == 0)
        }

        @Test(
            "run --once prints what is queued, of the relay that runs or of the spool as it lies there, and delivers nothing"
        )
        func once() async throws {
            let spool = "\(self.folder.path)/spool"
            let file = "\(self.folder.path)/hoptop.toml"
            try """
            hostname = "mx.example.net"
            [control]
            socket = "\(self.folder.path)/control.sock"
            [[route]]
            domain = "*"
            via = ["\(ClosedPort.endpoint)"]
            """.write(toFile: file, atomically: true, encoding: .utf8)
            func show(_ options: String...) throws -> (status: Int32, output: String, errors: String) {
                try Program.run(["run", "--config", file, "--spool", spool] + options)
            }
            #expect(try show("--once", "queue").errors.contains("there is no spool in \(spool)"))
            #expect(!FileManager.default.fileExists(atPath: spool))
            let server = try Server(spool: spool, configuration: file)
            try await server.send("<1@test>", to: "bob@example.org")
            #expect(
                try await eventually { try show("--once", "queue").output.contains("connection refused") },
                "the relay that runs is asked")
            #expect(server.end(with: SIGTERM) == 0)
            let lying = try show("--once", "queue")
            #expect(lying.status == 0 && lying.errors.contains("no relay runs with this spool"), "\(lying.errors)")
            #expect(lying.output.contains("bob@example.org") && lying.output.contains("connection refused"))
            let journal = try show("--once", "journal")
            #expect(
                journal.status == 1 && journal.errors.contains("only one that runs reads its journal"),
                "\(journal.errors)")
            let piped = try show()
            #expect(piped.status == 0)
            #expect(
                piped.output.contains("1 recipient of 1 message") && piped.output.contains("listening nowhere"),
                "\(piped.output)")
            #expect(piped.errors.contains("hoptop serve is the engine alone"))
            let check = try Program.run("spool", "check", "--config", "/dev/null", "--spool", spool)
            #expect(check.output.contains("sound, 1 messages"), "\(check.output)")
        }

        @Test("version, help and completion")
        func help() throws {
            #expect(try Program.run("--version").output.hasPrefix("hoptop 0."))
            let help = try Program.run("--help")
            #expect(help.status == 0)
            #expect(help.output.contains("EXAMPLES"))
            #expect(try Program.run("--generate-completion-script", "bash").output.contains("hoptop"))
        }

        @Test("the demo adds up: sent is relayed, bounced and queued")
        func demo() throws {
            let (status, output, errors) = try Program.run("demo", "--headless", "6", "--seed", "7", "--rate", "25")
            #expect(status == 0, "\(output)\(errors)")
            func value(_ name: String) throws -> Int {
                let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("\(name): ") })
                return try #require(Int(line.dropFirst(name.count + 2)))
            }
            #expect(try value("sent") > 50)
            #expect(try value("sent") == value("relayed") + value("bounced") + value("queued"))
            #expect(try value("relayed") > 30)
        }
    }
}
