import Control
import Foundation
import Glibc
import Monitor
import Relay
import SMTP
import Testing

@testable import hoptop

extension EndToEnd {
    /// The log as other programs read it.
    @Suite("the log", .timeLimit(.minutes(5)))
    struct LogTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }
        private var spool: String { "\(self.folder.path)/spool" }

        private func file(_ text: String) throws -> String {
            let file = "\(self.folder.path)/hoptop.toml"
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            return file
        }

        /// Mail of all fates: two relayed, two bounced, one deferred, and two recipients refused, each with the DATA behind it.
        private func play(_ server: Server) async throws {
            for (number, mailbox) in [
                "bob@there.example", "ann@there.example", "nobody@there.example", "bob@grey.example",
            ]
            .enumerated() {
                try await server.send("<\(number)@test>", to: mailbox, octets: 1000 * number)
            }
            try await server.send("<many@test>", to: "nobody2@there.example")
            for _ in 0..<2 {
                await #expect(throws: (any Error).self) {
                    try await server.send("<no@test>", to: "bob@elsewhere.example")
                }
            }
        }

        private static let pflogsumm = "/usr/sbin/pflogsumm"

        @Test(
            "pflogsumm counts what the relay counts, out of lines like Postfix's",
            .enabled(if: FileManager.default.isExecutableFile(atPath: Self.pflogsumm)))
        func postfix() async throws {
            let farEnd = try await FarEnd.start(ledger: Ledger())
            let configuration = try self.file(
                "[relay]\nnetworks = []\ndomains = [\"there.example\", \"grey.example\"]\n[metrics]\nlisten = \"127.0.0.1:0\"\n"
            )
            let server = try Server(
                spool: self.spool, configuration: configuration, "--route", "*=\(farEnd.endpoint)", "--log-format",
                "postfix")
            try await self.play(server)
            // Two of the clients', and two reports on what bounced.
            let isOver = try await eventually {
                server.log.matches(of: /status=sent/).count == 4 && server.log.contains("status=deferred")
                    && server.log.matches(of: /: removed\n/).count == 6
            }
            #expect(isOver, "\(server.log)")
            let url = try #require(server.log.firstMatch(of: /serving metrics at=(http:\S+)/)?.1)
            let page = try Program.run(["curl", "-sS", String(url)], as: "/usr/bin/env").output
            #expect(server.end(with: SIGTERM) == 0)
            await farEnd.stop()
            func counted(_ name: String) throws -> Int {
                let line = page.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
                return try #require(line.flatMap { Int($0.dropFirst(name.count + 1)) }, "\(name)")
            }
            let log = "\(self.folder.path)/log"
            try server.log.write(toFile: log, atomically: true, encoding: .utf8)
            let summary = try Program.run(["-i", log], as: Self.pflogsumm).output
            func summed(_ words: String) throws -> Int {
                let found = try summary.firstMatch(
                    of: Regex("(?m)^ *(\\d+)(k?)  *\(words)", as: (Substring, Substring, Substring).self))
                return try #require(found.flatMap { Int($0.1) }, "\(words) in \(summary)")
            }
            #expect(try summed("received") == counted("hoptop_messages_received_total"))
            #expect(try summed("delivered") == counted("hoptop_recipients_settled_total{outcome=\"relayed\"}"))
            #expect(try summed("bounced") == counted("hoptop_recipients_settled_total{outcome=\"bounced\"}"))
            #expect(try summed("deferred") == counted("hoptop_recipients_deferrals_total"))
            #expect(try summed("rejected") == counted("hoptop_reception_refusals_total{code=\"554\"}"))
            #expect(
                try (summed("received"), summed("delivered"), summed("bounced"), summed("rejected")) == (5, 4, 2, 4))
            // Of recipients, those that got something; reports among it.
            #expect(try (summed("senders"), summed("recipients")) == (1, 3))
            #expect(summary.contains("No such mailbox here"))
            #expect(summary.contains("Relay access denied"))
        }

        @Test("each line is an object, with the fields of what happened")
        func json() async throws {
            let farEnd = try await FarEnd.start(ledger: Ledger())
            let configuration = try self.file(
                "[relay]\nnetworks = []\ndomains = [\"there.example\", \"grey.example\"]\n[log]\nformat = \"json\"\n"
                    + "levels = { reception = \"debug\" }\n")
            let server = try Server(
                spool: self.spool, configuration: configuration, environment: [:], until: .started,
                ["--route", "*=\(farEnd.endpoint)"])
            try server.waitFor("is ready")
            func objects() throws -> [[String: Any]] {
                try server.log.split(separator: "\n").map { line in
                    try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
                }
            }
            let address = try #require(
                try objects().first { $0["event"] as? String == "listening" }?["address"] as? String)
            let client = PlainClient(name: "client.example", server: try #require(SocketEndpoint(address)))
            _ = try await client.send("<1@test>", to: ["bob@there.example"], octets: 0)
            await #expect(throws: (any Error).self) {
                _ = try await client.send("<2@test>", to: ["bob@elsewhere.example"], octets: 0)
            }
            try server.waitFor("\"event\":\"relayed\"")
            #expect(server.end(with: SIGTERM) == 0)
            await farEnd.stop()
            let all = try objects()
            let relayed = try #require(all.first { $0["event"] as? String == "relayed" })
            #expect(relayed["to"] as? String == "<bob@there.example>")
            #expect((relayed["text"] as? String)?.hasPrefix("250 2.0.0") == true)
            let refused = try #require(all.first { $0["event"] as? String == "refused" })
            #expect(refused["reply"] as? String == "554 5.7.1 Relay access denied")
            #expect((refused["command"] as? String)?.contains("<bob@elsewhere.example>") == true)
            #expect(all.contains { $0["event"] as? String == "session begun" && $0["level"] as? String == "debug" })
        }

        @Test("SIGHUP goes on in a new file, with new levels, also where the configuration has a mistake")
        func rotation() async throws {
            let log = "\(self.folder.path)/hoptop.log"
            let configuration = try self.file("[log]\nfile = \"\(log)\"\n")
            let server = try Server(
                spool: self.spool, configuration: configuration, environment: [:], until: .started, [])
            func said(_ text: String, in file: String = log) async throws -> Bool {
                try await eventually { (try? String(contentsOfFile: file, encoding: .utf8))?.contains(text) == true }
            }
            #expect(try await said("is ready"))
            try FileManager.default.moveItem(atPath: log, toPath: "\(log).1")
            _ = try self.file("[log]\nfile = 5\n")
            server.signal(SIGHUP)
            #expect(try await said("the configuration was not taken"))
            try FileManager.default.moveItem(atPath: log, toPath: "\(log).2")
            _ = try self.file("[log]\nfile = \"\(log)\"\nlevel = \"notice\"\n")
            server.signal(SIGHUP)
            #expect(try await eventually { FileManager.default.fileExists(atPath: log) })
            #expect(server.end(with: SIGTERM) == 0)
            #expect(server.log.isEmpty, "standard error has nothing of it: \(server.log)")
            let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
            #expect(lines.allSatisfy { $0.contains(" notice ") }, "\(lines)")
            #expect(lines.contains { $0.contains("notice shutdown node=") })
        }

        @Test("a kill -9 loses no line: what has none yet has one behind the next start")
        func killed() async throws {
            let configuration = try self.file("")
            var ids: [String] = []
            var lines = ""
            for _ in 0..<3 {
                let server = try Server(spool: self.spool, configuration: configuration)
                for number in 0..<5 {
                    let accepted = try await PlainClient(name: "client.example", server: server.address)
                        .send("<\(number)@test>", to: ["bob@there.example"], octets: 0)
                    let id = accepted.reply.description.firstMatch(of: /queued as (\w+)/)?.1
                    ids.append(String(try #require(id)))
                }
                #expect(server.end(with: SIGKILL) == SIGKILL)
                lines += server.log
            }
            let last = try Server(spool: self.spool, configuration: configuration)
            for id in ids {
                #expect(try await eventually { (lines + last.log).contains(" info accepted \(id) ") }, "\(id)")
            }
            #expect(last.end(with: SIGTERM) == 0)
            // An end in good order leaves nothing to be told again.
            let next = try Server(spool: self.spool, configuration: configuration)
            try await next.send("<9@test>", to: "eve@there.example")
            try next.waitFor(" info deferred ")
            #expect(next.end(with: SIGTERM) == 0)
            #expect(!ids.contains { next.log.contains($0) }, "\(next.log)")
        }

        @Test("mail that no route takes has a line that says so when it comes in")
        func unrouted() async throws {
            let server = try Server(spool: self.spool, configuration: try self.file(""))
            try await server.send("<1@test>", to: "bob@there.example")
            try server.waitFor(" to=<bob@there.example> ")
            let line = try #require(server.log.split(separator: "\n").first { $0.contains(" info deferred ") })
            #expect(
                line.contains(
                    " reason=\"no route for there.example: add a [[route]] with domain = \\\"there.example\\\""))
            // It is told to wait, and was not tried.
            let id = try #require(line.split(separator: " ").dropFirst(3).first.map(String.init))
            let feed = try await RemoteFeed(DaemonAddress("\(self.spool)-run/hoptop/control.sock"))
            #expect(try await feed.message(id)?.attempts.isEmpty == true)
            #expect(server.end(with: SIGTERM) == 0)
        }

        @Test("--quiet leaves out what happens to mail, and tells what operators do to the node")
        func quiet() async throws {
            let server = try Server(spool: self.spool, configuration: try self.file(""), "--quiet")
            try await server.send("<1@test>", to: "bob@there.example")
            server.signal(SIGHUP)
            try server.waitFor("notice reloaded node=")
            #expect(server.end(with: SIGTERM) == 0)
            #expect(server.log.contains("notice shutdown node="))
            #expect(!server.log.contains("bob@there.example"))
        }

        @Test("--quiet tells how much mail an operator drops, bounces and purges")
        func removals() async throws {
            let server = try Server(spool: self.spool, configuration: try self.file(""), "--quiet")
            for (number, mailbox) in ["ann@there.example", "bob@there.example", "cat@here.example"].enumerated() {
                try await server.send("<\(number)@test>", to: mailbox)
            }
            let socket = "\(self.spool)-run/hoptop/control.sock"
            for words in [["drop", "to:there.example"], ["bounce", "to:here.example", "--yes"]] {
                let done = try Program.run(["queue"] + words + ["--to", socket])
                #expect(done.status == 0, "\(done.errors)")
            }
            let feed = try await RemoteFeed(DaemonAddress(socket))
            let rehearsal = try await feed.purge(until: nil, of: nil)
            #expect(try await feed.purge(until: rehearsal.undoUntil, of: 2).done == 2)
            let me = NSUserName()
            for words in [
                "dropped recipients=2 messages=2", "bounced recipients=1 messages=1", "purged recipients=2 messages=2",
            ] {
                try server.waitFor("notice \(words) by=\(me)")
            }
            #expect(server.end(with: SIGTERM) == 0)
            #expect(!server.log.contains("@there.example"))
        }
    }
}
