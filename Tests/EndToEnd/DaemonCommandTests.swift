import Foundation
import Glibc
import Mail
import Monitor
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("commands at a daemon that runs", .timeLimit(.minutes(5)))
    struct DaemonCommandTests {
        private let folder: TemporaryFolder
        private let server: Server
        private var socket: String { "\(self.folder.path)/control.sock" }
        private var file: String { "\(self.folder.path)/hoptop.toml" }

        init() throws {
            self.folder = try TemporaryFolder()
            let file = "\(self.folder.path)/hoptop.toml"
            try """
            hostname = "mx.example.net"
            [[listen]]
            address = "127.0.0.1:1"
            [spool]
            directory = "/nowhere/at/all"
            [control]
            socket = "\(self.folder.path)/control.sock"

            """.write(toFile: file, atomically: true, encoding: .utf8)
            self.server = try Server(spool: "\(self.folder.path)/spool", configuration: file, "--quiet")
        }

        private func hoptop(_ arguments: String...) throws -> (status: Int32, output: String, errors: String) {
            try Program.run(arguments + ["--to", self.socket])
        }

        /// Queues a message to each.
        private func queue(_ recipients: String...) throws {
            for recipient in recipients {
                let sent = try Program.run([
                    "send", "--config", "/dev/null", "--server", "\(self.server.address)", "--quiet", "--from",
                    "ann@example.net", "--to", recipient,
                ])
                #expect(sent.status == 0, "\(sent.errors)")
            }
        }

        private func rows(_ filter: String...) throws -> [QueueRow] {
            let listed = try Program.run(["queue", "list", "--json", "--to", self.socket] + filter)
            #expect([0, 2].contains(listed.status), "\(listed.errors)")
            return try JSONDecoder().decode([QueueRow].self, from: Data(listed.output.utf8))
        }

        @Test("shells are offered what is queued, each as it reads a colon", arguments: ["zsh", "bash", "fish"])
        func completion(_ shell: String) throws {
            try self.queue("bob@z.example", "cat@y.example")
            let command = ["hoptop", "queue", "list", "--to", self.socket, "to:z"]
            let offered = try Program.run(
                ["SAP_SHELL=\(shell)", Program.path, "---completion", "queue", "list", "--", "positional@0", "5", "4"]
                    + command, as: "/usr/bin/env")
            #expect(offered.output.split(separator: "\n").first == (shell == "zsh" ? "to\\:z.example" : "to:z.example"))
        }

        @Test("mail is listed, held, released, dropped, taken back and bounced")
        func queue() throws {
            #expect(try self.hoptop("queue", "list").status == 0)
            try self.queue("bob@z.example", "cat@z.example", "dan@y.example")
            #expect(try self.rows().count == 3)
            #expect(try self.rows("to:z.example").map(\.to).sorted() == ["<bob@z.example>", "<cat@z.example>"])
            let table = try self.hoptop("queue", "list", "to:bob")
            #expect(table.output.hasPrefix("ID ") && table.output.contains(" bob@z.example "), "\(table.output)")

            let held = try self.hoptop("queue", "hold", "to:z.example")
            #expect(held.output == "hold: 2 recipients of 2 messages\n", "\(held.errors)")
            #expect(try self.rows("state:hold").count == 2)
            #expect(try self.hoptop("queue", "hold", "to:z.example").status == 3)
            #expect(try self.hoptop("queue", "release", "state:hold").status == 0)
            #expect(try self.rows("state:hold").isEmpty)

            let dropped = try self.hoptop("queue", "drop", "to:dan")
            #expect(dropped.status == 0 && dropped.output.contains("takes it back until"), "\(dropped)")
            #expect(try self.rows().count == 2)
            let offered = try self.hoptop("queue", "undo", "--dry-run")
            #expect(offered.status == 0 && offered.output.hasPrefix("undo drop: 1 recipient of 1 message, until "))
            #expect(try self.rows().count == 2)
            #expect(try self.hoptop("queue", "undo").output == "undo drop: 1 recipient of 1 message\n")
            #expect(try self.rows().count == 3)
            #expect(try self.hoptop("queue", "undo").status == 2)

            let id = try #require(try self.rows("to:dan").first?.ref.id)
            let shown = try self.hoptop("queue", "show", id)
            #expect(shown.output.contains("Why") == false && shown.output.contains("No route takes y.example"))
            #expect(try self.hoptop("queue", "bounce", id).status == 1)
            #expect(try self.hoptop("queue", "bounce", id, "--yes").status == 0)
            // The report that it makes waits like all the rest.
            #expect(try self.rows("to:dan").isEmpty)
            #expect(try self.rows("from=<>").count == 1)
        }

        @Test("rules and destinations are ordered, and stats counts")
        func orders() throws {
            try self.queue("bob@z.example")
            #expect(try self.hoptop("rules", "add", "hold", "to", "z.example", "for", "2h", "maintenance").status == 0)
            #expect(try self.rows("state:hold").count == 1)
            let rules = try self.hoptop("rules", "list", "--json")
            let rule = try #require(try JSONDecoder().decode([RuleRow].self, from: Data(rules.output.utf8)).first)
            #expect(rule.held == 1 && rule.rule.terms.reason == "maintenance")
            let ending = try self.hoptop("rules", "end", "\(rule.ref.id)", "--dry-run")
            #expect(ending.status == 0 && ending.output.contains("It holds 1 recipient now"), "\(ending)")
            #expect(try self.rows("state:hold").count == 1)
            #expect(try self.hoptop("rules", "end", "\(rule.ref.id)").status == 0)
            #expect(try self.rows("state:hold").isEmpty)
            #expect(try self.hoptop("rules", "end", "\(rule.ref.id)").status == 2)
            let unknown = try self.hoptop("destinations", "suspend", "nowhere.example:25", "--dry-run")
            #expect(unknown.status == 0 && unknown.output.contains("No route leads to that name"), "\(unknown)")
            let stats = try self.hoptop("stats", "--json")
            let overview = try JSONDecoder().decode(Overview.self, from: Data(stats.output.utf8))
            #expect(overview.queuedMessages == 1 && overview.totals.received == 1)
            #expect(try self.hoptop("stats").output.contains("1 recipient of 1 message"))
            #expect(try self.hoptop("sessions", "close", "in#999999").status == 2)
            #expect(try self.hoptop("sessions", "close", "in#999999", "--dry-run").status == 2)
            let limit = try self.hoptop("destinations", "limit", "z.example", "2", "--dry-run")
            #expect(limit.status == 0 && limit.output.contains("2 connections at a time"), "\(limit)")
            #expect(try self.hoptop("rules", "list").output.contains("limit") == false)
        }

        @Test("a screen that nobody sees is lines")
        func attach() async throws {
            try self.queue("bob@z.example")
            let overview = try self.hoptop("attach")
            #expect(overview.status == 0 && overview.output.contains("1 recipient of 1 message"), "\(overview)")
            let queue = try self.hoptop("attach", "--once", "queue")
            #expect(queue.output.hasPrefix("ID ") && queue.output.hasSuffix("-- 1 message\n"), "\(queue)")
            // The journal is filled a moment later.
            let isTold = try await eventually {
                try self.hoptop("attach", "--once", "journal").output.contains("accepted")
            }
            #expect(isTold)
        }

        @Test("mailq and sendmail -q ask the daemon")
        func mailq() throws {
            try self.queue("bob@z.example")
            let shown = try Program.run(["sendmail", "-C", self.file, "-bp"])
            #expect(shown.status == 0, "\(shown.errors)")
            #expect(shown.output.contains(" ann@example.net\n") && shown.output.contains(" bob@z.example\n"))
            #expect(shown.output.hasSuffix("-- 1 Kbytes in 1 Request.\n"), "\(shown.output)")
            let tried = try Program.run(["sendmail", "-C", self.file, "-q"])
            #expect(tried.status == 0 && tried.output.hasPrefix("retry: 1 recipient of 1 message; no route for"))
            #expect(self.server.end(with: SIGTERM) == 0)
            #expect(try Program.run(["sendmail", "-C", self.file, "-bp"]).status == 69)
            #expect(try Program.run(["sendmail", "-C", self.file, "-q"]).status == 75)
        }

        @Test("what no daemon answers is 1, and says what to do")
        func nobody() throws {
            #expect(self.server.end(with: SIGTERM) == 0)
            let gone = try self.hoptop("queue", "list")
            #expect(gone.status == 1 && gone.errors.contains("--to"), "\(gone.errors)")
            #expect(gone.errors.split(separator: "\n").count == 1)
        }
    }
}
