import Foundation
import Glibc
import Mail
import NIOCore
import NIOPosix
import SMTP
import Spool
import SpoolTesting
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("a spool in PostgreSQL", .timeLimit(.minutes(5)))
    struct DatabaseTests {
        @Test("kill -9 at any moment: no message that got its 250 is lost")
        func kills() async throws {
            let cluster = try PostgreSQLCluster.shared.get()
            let ledger = Ledger()
            let run = try await CrashRun(seed: Effort.seed, ledger: ledger, database: cluster.makeDatabase())
            let tally = try await run.run(kills: 8)
            let summary = ledger.summary(queued: [])
            print("seed \(Effort.seed): \(tally); lost: \(ledger.missing.count)")
            #expect(ledger.missing.isEmpty)
            #expect(summary.relayed > 0 && summary.bounced > 0)
        }

        @Test("a database that goes away and comes back: mail is put off meanwhile, outcomes wait, nothing is lost")
        func outage() async throws {
            let cluster = try PostgreSQLCluster()
            let database = try cluster.makeDatabase()
            let folder = try TemporaryFolder()
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            let configuration = "\(folder.path)/hoptop.toml"
            try """
            [queue.retry]
            first = "1s"
            longest = "2s"
            [[route]]
            domain = "*"
            via = ["\(farEnd.endpoint)"]
            [spool]
            directory = "\(folder.path)/spool"
            store = "\(database)"
            """.write(toFile: configuration, atomically: true, encoding: .utf8)
            let server = try Server(
                spool: "\(folder.path)/spool", configuration: configuration, keepsElsewhere: true, until: .ready, [])
            func send(_ count: Int) async throws {
                let id = "<\(count)@outage>"
                let accepted = try await PlainClient(name: "client.example", server: server.address)
                    .send(id, to: ["bob.\(count)@there.example"], octets: count % 2 == 0 ? 2000 : 300_000)
                ledger.sent(accepted.recipients.map { Ledger.Entry(id, $0.mailboxText) })
            }
            for count in 0..<4 { try await send(count) }
            for outage in 1...3 {
                try cluster.crash()
                // It is refused; or it waits, where a commit was not answered and nobody can tell what became of it.
                async let sent: Void? = try? await send(100 * outage)
                try await Task.sleep(for: .seconds(2))
                try cluster.start()
                _ = await sent
                // It is found by itself that the database is back.
                #expect(try await eventually { (try? await send(100 * outage + 1)) != nil })
                for count in 2..<6 { try await send(100 * outage + count) }
            }
            #expect(try await eventually { ledger.missing.isEmpty }, "\(ledger.missing): \(server.log)")
            #expect(server.log.contains("the spool takes mail again"))
            #expect(server.end(with: SIGTERM) == 0)
            await farEnd.stop()
            #expect(try cluster.execute("SELECT count(*) FROM hoptop.messages", in: database.database) == "0\n")
        }

        @Test("mail whose time comes while the database is away goes soon after that is back, and not a retry later")
        func dueMeanwhile() async throws {
            // However long it takes here until the database is away, the time is to come after that.
            for seconds: Int64 in [4, 15, 60] {
                if try await self.comesDueMeanwhile(in: seconds * 1000) { return }
            }
            Issue.record("the database was never away in time")
        }

        /// - Returns: whether the database was away before the mail's time came.
        private func comesDueMeanwhile(in milliseconds: Int64) async throws -> Bool {
            let cluster = try PostgreSQLCluster()
            let database = try cluster.makeDatabase()
            let folder = try TemporaryFolder()
            let sink = try await Sink(at: "127.0.0.1", port: 0)
            let configuration = "\(folder.path)/hoptop.toml"
            try """
            [queue.retry]
            first = "1h"
            [[route]]
            domain = "*"
            via = ["127.0.0.1:\(sink.port)"]
            [spool]
            directory = "\(folder.path)/spool"
            store = "\(database)"
            node = 1
            """.write(toFile: configuration, atomically: true, encoding: .utf8)
            let earlier = try PostgreSQLSpool(database, node: 1, name: "mx1.example.net")
            let now = Timestamp.now
            let due = now.adding(milliseconds: milliseconds)
            let path = try #require(try? ForwardPath(parsing: "<u@d.example>", utf8: false))
            let message = SpooledMessage(
                id: earlier.nextID(at: now), arrived: now, reversePath: .null, arrival: Arrival(with: "ESMTP"),
                contentOctets: 17,
                recipients: [SpooledRecipient(index: 0, forwardPath: path, due: due)])
            let content = ByteBuffer(string: "Subject: a\r\n\r\nb\r\n")
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            try await earlier.accept(NewMessage(message, content: .buffer(content)), on: loop).get()
            await earlier.close()

            let server = try Server(
                spool: "\(folder.path)/spool", configuration: configuration, keepsElsewhere: true, until: .ready, [])
            try cluster.crash()
            let isInTime = Timestamp.now < due
            if isInTime {
                try await Task.sleep(for: .milliseconds(due.since(.now) + 2000))
                #expect(sink.messages.isEmpty)
            }
            try cluster.start()
            #expect(try await eventually { sink.messages.count == 1 }, "\(server.log)")
            #expect(server.end(with: SIGTERM) == 0)
            await sink.stop()
            return isInTime
        }

        @Test("what cannot be used is told before anything begins, and a password is no part of the configuration")
        func refused() throws {
            let folder = try TemporaryFolder()
            func run(_ store: String, _ command: [String]) throws -> String {
                let file = "\(folder.path)/hoptop.toml"
                try "[spool]\nstore = \"\(store)\"\n".write(toFile: file, atomically: true, encoding: .utf8)
                let result = try Program.run(command + ["--config", file])
                #expect(result.status != 0)
                return result.errors
            }
            let nowhere = "postgresql://%2Fnowhere/hoptop"
            #expect(try run(nowhere, ["serve"]).contains("the spool's database \(nowhere) cannot be used"))
            #expect(try run(nowhere, ["spool", "check"]).contains("works on a spool in a directory"))
            let secret = try run("postgresql://ann:secret@a.example/hoptop", ["config", "check"])
            #expect(secret.contains("a password does not belong here"))
            #expect(!secret.contains("secret@"))
        }
    }
}
