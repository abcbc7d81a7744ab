import Foundation
import Glibc
import SMTP
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("the journal of a running relay", .timeLimit(.minutes(3)))
    struct JournalTests {
        private let ledger = Ledger()
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        private func configuration(_ farEnd: FarEnd, _ more: String = "") throws -> String {
            let file = "\(self.folder.path)/hoptop.toml"
            try "[[route]]\ndomain = \"*\"\nvia = [\"\(farEnd.endpoint)\"]\n\(more)"
                .write(toFile: file, atomically: true, encoding: .utf8)
            return file
        }
        private func journal(_ server: Server, _ arguments: String...) throws -> (status: Int32, output: String) {
            let socket = "unix:\(self.folder.path)/spool-run/hoptop/control.sock"
            let run = try Program.run(["journal"] + arguments + ["--to", socket])
            return (run.status, run.output + run.errors)
        }

        @Test("what became of a message is found by the commands, also when the relay has begun anew")
        func commands() async throws {
            let farEnd = try await FarEnd.start(ledger: self.ledger)
            let file = try self.configuration(farEnd)
            var server = try Server(spool: "\(self.folder.path)/spool", configuration: file)
            self.ledger.sent([Ledger.Entry("<1@test>", "bob@there.example")])
            try await server.send("<1@test>", to: "bob@there.example")
            #expect(try await eventually { self.ledger.missing.isEmpty })
            func found() throws -> String { try self.journal(server, "find", "<1@test> | bob", "--reverse").output }
            #expect(try await eventually { try found().contains("relayed") })
            let lines = try found().split(separator: "\n")
            #expect(lines.count == 2 && lines[0].contains("accepted") && lines[0].hasSuffix("<1@test>"))
            let id = try #require(lines[1].split(separator: " ").dropFirst(2).first.map(String.init))
            #expect(server.end(with: SIGTERM) == 0)

            server = try Server(spool: "\(self.folder.path)/spool", configuration: file)
            #expect(try await eventually { try found().split(separator: "\n").map { $0 } == lines })
            let story = try self.journal(server, "show", id)
            #expect(story.status == 0 && story.output.contains("bob@there.example"))
            #expect(story.output.split(separator: "\n").suffix(2).map { $0 } == lines)
            let nothing = try self.journal(server, "find", "to:carol@nowhere.example")
            #expect(nothing.status == 2 && nothing.output == "nothing matches\n")
            let stats = try self.journal(server, "stats", "--json")
            // With the end of the first run.
            #expect(stats.output.contains("\"behind\" : 0") && stats.output.contains("\"entries\" : 3"))
            #expect(server.end(with: SIGTERM) == 0)
            await farEnd.stop()
        }

        @Test("what a signal had the relay do is in it, as soon as it begins anew")
        func signals() async throws {
            let file = "\(self.folder.path)/hoptop.toml"
            try "hostname = \"mx.example.net\"\n".write(toFile: file, atomically: true, encoding: .utf8)
            var server = try Server(spool: "\(self.folder.path)/spool", configuration: file)
            server.signal(SIGHUP)
            try server.waitFor("reloaded node=\"mx.example.net\" by=signal")
            try "nonsense = 1\n".write(toFile: file, atomically: true, encoding: .utf8)
            server.signal(SIGHUP)
            try server.waitFor("no reload reason=\"mx.example.net: ")
            #expect(server.end(with: SIGTERM) == 0)
            #expect(server.log.contains("shutdown node=\"mx.example.net\" by=signal"))

            try "".write(toFile: file, atomically: true, encoding: .utf8)
            server = try Server(spool: "\(self.folder.path)/spool", configuration: file)
            func found() throws -> [String] {
                try self.journal(server, "find", "actor=signal", "--reverse").output.split(separator: "\n").map {
                    String($0.dropFirst("2026-11-30T12:00:00Z ".count))
                }
            }
            #expect(try await eventually { try found().count == 3 })
            let entries = try found()
            #expect(
                entries.first == "reloaded   by signal: mx.example.net"
                    && entries.last == "shutdown   by signal: mx.example.net")
            #expect(entries.dropFirst().first?.contains("nonsense") == true, "\(entries)")
            #expect(server.end(with: SIGTERM) == 0)
        }

        @Test(
            "a full disk of the journal harms no mail, is told of once, and what happened meanwhile is in it later",
            .enabled(if: SmallDisk.isPermitted, "mounting a file system needs more privileges"))
        func fullDisk() async throws {
            let farEnd = try await FarEnd.start(ledger: self.ledger)
            let disk = try SmallDisk(megabytes: 4)
            let file = try self.configuration(farEnd, "[journal]\ndirectory = \"\(disk.path)/journal\"\n")
            let server = try Server(spool: "\(self.folder.path)/spool", configuration: file)
            func entries() throws -> Int {
                try self.journal(server, "find", "--json").output.split(separator: "\n").filter { $0.hasPrefix("{") }
                    .count
            }
            try await server.send("<0@test>", to: "bob@there.example")
            #expect(try await eventually { try entries() == 2 })
            try disk.fill(leavingKilobytes: 0)
            for number in 1...200 {
                self.ledger.sent([Ledger.Entry("<\(number)@test>", "bob@there.example")])
                try await server.send("<\(number)@test>", to: "bob@there.example")
            }
            try server.waitFor("the journal is not written")
            #expect(try await eventually { self.ledger.missing.isEmpty })
            let stats = try self.journal(server, "stats")
            #expect(stats.status == 1 && stats.output.contains("the disk of \(disk.path)/journal is full"))
            disk.empty()
            try server.waitFor("the journal is written again")
            #expect(try await eventually { try entries() == 402 })
            #expect(server.log.matches(of: /the journal is not written/).count == 1)
            #expect(server.end(with: SIGTERM) == 0)
            await farEnd.stop()
        }
    }
}
