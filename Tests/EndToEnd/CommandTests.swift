import Foundation
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
                (["--bogus"], "Unknown option '--bogus'; see hoptop --help"),
                (["run"], "no terminal: use hoptop serve"),
                (["demo"], "no terminal: use hoptop demo --headless SECONDS"),
                (["serve", "--config", "\(self.folder.path)/broken.toml"], "broken.toml:1: "),
                (["serve", "--config", "/nowhere/hoptop.toml"], "does not exist"),
                (["serve", "--spool", "/proc/nowhere"], "name another with --spool DIRECTORY"),
                (["serve", "--spool", "\(self.folder.path)/taken", "--listen", "127.0.0.1:0"], "is in use by process"),
                (["serve", "--spool", free, "--listen", "\(taken.address)"], "the port is in use"),
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
