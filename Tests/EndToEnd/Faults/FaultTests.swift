import Foundation
import Glibc
import Relay
import SMTP
import Testing

@testable import hoptop

extension EndToEnd {
    /// Real disks that fail in real ways.
    @Suite("the relay and its disk", .timeLimit(.minutes(5)))
    struct FaultTests {
        private static let mounts = "mounting a file system needs more privileges"
        private let ledger = Ledger()
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        /// Which is still to arrive.
        private func sent(_ id: String) { self.ledger.sent([Ledger.Entry(id, "bob@there.example")]) }

        /// It began once, and was over once.
        private func expectToldOnce(_ server: Server) {
            #expect(server.log.matches(of: /takes no new mail/).count == 1, "\(server.log)")
            #expect(server.log.matches(of: /takes mail again/).count == 1, "\(server.log)")
        }

        @Test(
            "below the floor of free space MAIL is refused with 452, what is queued goes on, and it recovers by itself",
            .enabled(if: SmallDisk.isPermitted, "\(Self.mounts)"))
        func floor() async throws {
            let farEnd = try await FarEnd.start(ledger: self.ledger)
            let disk = try SmallDisk(megabytes: 32)
            let file = "\(self.folder.path)/hoptop.toml"
            let floor = "[spool]\nfree-space = \"8MiB\"\n"
            try floor.write(toFile: file, atomically: true, encoding: .utf8)
            let server = try Server(spool: "\(disk.path)/spool", configuration: file)
            #expect(try await server.answer(to: "<1@test>") == 250)
            self.sent("<1@test>")
            try disk.fill(leavingKilobytes: 4096)
            try server.waitFor("the spool takes no new mail")
            #expect(try await server.answer(to: "<2@test>") == 452)

            // Delivery needs no more than the floor leaves.
            try "\(floor)[[route]]\ndomain = \"*\"\nvia = [\"\(farEnd.endpoint)\"]\n"
                .write(toFile: file, atomically: true, encoding: .utf8)
            server.signal(SIGHUP)
            #expect(try await eventually { self.ledger.missing.isEmpty })

            disk.empty()
            try server.waitFor("the spool takes mail again")
            #expect(try await server.answer(to: "<3@test>") == 250)
            self.sent("<3@test>")
            #expect(try await eventually { self.ledger.missing.isEmpty })
            self.expectToldOnce(server)
            #expect(server.end(with: SIGTERM) == 0)
            await farEnd.stop()
        }

        @Test(
            "a disk full to the last block: 452, nothing acknowledged is lost, and it recovers by itself",
            .enabled(if: SmallDisk.isPermitted, "\(Self.mounts)"))
        func full() async throws {
            let farEnd = try await FarEnd.start(ledger: self.ledger)
            let disk = try SmallDisk(megabytes: 16)
            let spool = "\(disk.path)/spool"
            let file = "\(self.folder.path)/hoptop.toml"
            let noFloor = "[spool]\nfree-space = \"0B\"\n"
            try noFloor.write(toFile: file, atomically: true, encoding: .utf8)
            var server = try Server(spool: spool, configuration: file)
            try disk.fill(leavingKilobytes: 1500)
            var refusals = 0
            for number in 0..<40 where refusals < 3 {
                // Small and large content end in different places.
                let octets = number % 2 == 0 ? 100_000 : 300_000
                let answer = try await server.answer(to: "<\(number)@test>", octets: octets)
                if answer == 250 { self.sent("<\(number)@test>") } else { refusals += 1 }
                #expect(answer == 250 || answer == 452)
            }
            #expect(refusals == 3)
            disk.empty()
            try server.waitFor("the spool takes mail again")
            #expect(try await server.answer(to: "<last@test>", octets: 300_000) == 250)
            self.sent("<last@test>")
            self.expectToldOnce(server)

            // What was acknowledged survives the process too.
            #expect(server.end(with: SIGKILL) == SIGKILL)
            try "\(noFloor)[[route]]\ndomain = \"*\"\nvia = [\"\(farEnd.endpoint)\"]\n"
                .write(toFile: file, atomically: true, encoding: .utf8)
            server = try Server(spool: spool, configuration: file)
            #expect(try await eventually { self.ledger.missing.isEmpty })
            #expect(server.end(with: SIGTERM) == 0)
            await farEnd.stop()
        }

        @Test(
            "a disk that fails, or is read-only: 451; what was relayed meanwhile is relayed once, and written down later",
            arguments: [EIO, EROFS])
        func failingDisk(_ code: CInt) async throws {
            let farEnd = try await FarEnd.start(ledger: self.ledger)
            let faults = try Faults()
            let file = "\(self.folder.path)/hoptop.toml"
            try "".write(toFile: file, atomically: true, encoding: .utf8)
            let spool = "\(self.folder.path)/spool"
            let server = try Server(spool: spool, configuration: file, faults: faults)
            for number in 0..<100 {
                try await server.send(
                    "<\(number)@test>", to: number == 0 ? "nobody@there.example" : "bob@there.example")
                self.ledger.sent([
                    Ledger.Entry("<\(number)@test>", number == 0 ? "nobody@there.example" : "bob@there.example")
                ])
            }
            try faults.fail(with: code)
            #expect(try await server.answer(to: "<refused@test>") == 451)
            try server.waitFor("the spool takes no new mail")
            try "[[route]]\ndomain = \"*\"\nvia = [\"\(farEnd.endpoint)\"]\n"
                .write(toFile: file, atomically: true, encoding: .utf8)
            server.signal(SIGHUP)
            // Some are relayed, and then no more: none of it can be written down.
            #expect(try await eventually { self.ledger.summary(queued: []).relayed > 0 })
            try await Task.sleep(for: .seconds(3))
            #expect(self.ledger.missing.count > 50)
            // Each message has two lines: it came in, and there was no route for it.
            #expect(server.log.split(separator: "\n").count < 220, "the log is flooded")

            faults.end()
            try server.waitFor("the spool takes mail again")
            #expect(try await eventually { self.ledger.missing.isEmpty })
            #expect(try await server.answer(to: "<last@test>") == 250)
            self.sent("<last@test>")
            #expect(try await eventually { self.ledger.missing.isEmpty })
            #expect(self.ledger.summary(queued: []).duplicates == 0)
            self.expectToldOnce(server)
            #expect(server.end(with: SIGTERM) == 0)
            #expect(server.log.matches(of: #/info relayed [0-9A-Z]+ from/#).count == 101)
            await farEnd.stop()
        }

        @Test("a spool whose directory is moved away: 451 instead of mail that would be lost; moved back, it goes on")
        func movedAway() async throws {
            let spool = "\(self.folder.path)/spool"
            let server = try Server(spool: spool)
            #expect(try await server.answer(to: "<1@test>") == 250)
            #expect(rename(spool, "\(spool)-away") == 0)
            // Also before the relay has looked: no 250 for what the next start would not find.
            #expect(try await server.answer(to: "<2@test>") == 451)
            try server.waitFor("the spool takes no new mail")
            #expect(mkdir(spool, 0o700) == 0)
            try await Task.sleep(for: .milliseconds(1500))
            #expect(try await server.answer(to: "<3@test>") == 451)
            #expect(rmdir(spool) == 0)
            #expect(rename("\(spool)-away", spool) == 0)
            try server.waitFor("the spool takes mail again")
            #expect(try await server.answer(to: "<4@test>", octets: 300_000) == 250)
            #expect(server.end(with: SIGTERM) == 0)
        }

        @Test("without a descriptor left it says so, connections wait, and it goes on by itself")
        func descriptors() async throws {
            let server = try Server(spool: "\(self.folder.path)/spool")
            try server.limitDescriptors(to: 40)
            var crowd = try (0..<80).map { _ in try Loopback(server.address.port) }
            try server.waitFor("Too many open files")
            crowd.removeAll()
            try server.waitFor("the spool takes mail again")
            #expect(try await server.answer(to: "<1@test>", octets: 300_000) == 250)
            self.expectToldOnce(server)
            #expect(server.end(with: SIGTERM) == 0)
        }

        @Test("damaged mail is put on hold and told once, not returned; the rest is relayed")
        func damagedContent() async throws {
            let farEnd = try await FarEnd.start(ledger: self.ledger)
            let spool = "\(self.folder.path)/spool"
            let file = "\(self.folder.path)/hoptop.toml"
            try "".write(toFile: file, atomically: true, encoding: .utf8)
            var server = try Server(spool: spool, configuration: file)
            for number in 0..<6 {
                #expect(try await server.answer(to: "<\(number)@test>", octets: 300_000) == 250)
                self.sent("<\(number)@test>")
            }
            #expect(server.end(with: SIGTERM) == 0)
            let contents = try FileManager.default.contentsOfDirectory(atPath: "\(spool)/content").sorted()
            try #require(contents.count == 6)
            #expect(rename("\(spool)/content/\(contents[1])", "\(self.folder.path)/kept") == 0)
            #expect(truncate("\(spool)/content/\(contents[4])", 1000) == 0)

            try "[[route]]\ndomain = \"*\"\nvia = [\"\(farEnd.endpoint)\"]\n"
                .write(toFile: file, atomically: true, encoding: .utf8)
            server = try Server(spool: spool, configuration: file)
            #expect(try await eventually { self.ledger.missing.count == 2 })
            for index in [1, 4] {
                try server.waitFor("a message is damaged and kept aside message=\(contents[index])")
                try server.waitFor("info damaged \(contents[index])")
            }
            try await Task.sleep(for: .seconds(1))
            #expect(server.log.matches(of: /kept aside message=/).count == 2)
            #expect(self.ledger.summary(queued: []).reports == 0, "none was returned")
            #expect(server.end(with: SIGTERM) == 0)
            await farEnd.stop()
        }

        @Test("a client that resets while its content waits for the disk keeps nobody else out")
        func reset() async throws {
            let faults = try Faults()
            let server = try Server(spool: "\(self.folder.path)/spool", faults: faults)
            #expect(try await server.answer(to: "<1@test>") == 250)
            try faults.stall()
            do {
                let client = try Loopback(server.address.port)
                client.read(until: "220 ")
                for command in ["HELO c", "MAIL FROM:<a@c.example>", "RCPT TO:<bob@there.example>"] {
                    client.write("\(command)\r\n")
                    client.read(until: "250 ")
                }
                client.write("DATA\r\n")
                client.read(until: "354 ")
                client.write(String(repeating: "x\r\n", count: 100_000))
                try await Task.sleep(for: .milliseconds(300))
                client.resetAtEnd()
            }
            try await Task.sleep(for: .milliseconds(300))
            faults.end()
            #expect(try await server.answer(to: "<2@test>") == 250)
            #expect(!server.log.contains("takes no new mail"), "\(server.log)")
            let incoming = "\(self.folder.path)/spool/incoming"
            #expect(
                try await eventually { try FileManager.default.contentsOfDirectory(atPath: incoming).isEmpty })
            #expect(server.end(with: SIGTERM) == 0)
        }

        @Test("a write that does not end is told, and mail is refused instead of waiting; when it ends, it goes on")
        func stall() async throws {
            let faults = try Faults()
            let server = try Server(spool: "\(self.folder.path)/spool", faults: faults)
            #expect(try await server.answer(to: "<1@test>") == 250)
            try faults.stall()
            let client = hoptop.PlainClient(name: "client.example", server: server.address)
            let waiting = Task { _ = try await client.send("<2@test>", to: ["bob@there.example"], octets: 0) }
            #expect(try await eventually { server.log.contains("its disk or database has not answered") })
            #expect(try await server.answer(to: "<3@test>") == 451)
            faults.end()
            try await waiting.value
            try server.waitFor("the spool takes mail again")
            #expect(try await server.answer(to: "<4@test>") == 250)
            self.expectToldOnce(server)
            #expect(server.end(with: SIGTERM) == 0)
            #expect(server.log.matches(of: /info accepted/).count == 3)
        }

        @Test("a write that does not end is begun again, where the kernel lets go of it")
        func restart() async throws {
            let faults = try Faults()
            let server = try Server(spool: "\(self.folder.path)/spool", faults: faults)
            #expect(try await server.answer(to: "<1@test>") == 250)
            try faults.stallUntilInterrupted()
            #expect(try await server.answer(to: "<2@test>") == 250)
            #expect(server.log.contains("its disk or database has not answered"))
            #expect(server.log.contains("writes that do not end are interrupted, to begin again"))
            try server.waitFor("the spool takes mail again")
            #expect(server.end(with: SIGTERM) == 0)
            #expect(server.log.matches(of: /info accepted/).count == 2)
        }
    }
}
