import Foundation
import Glibc
import Relay
import Testing

@testable import hoptop

extension EndToEnd {
    /// Real disks that fail in real ways.
    @Suite(
        "the relay and its disk", .timeLimit(.minutes(3)),
        .enabled(if: SmallDisk.isPermitted, "mounting a file system needs more privileges"))
    struct FaultTests {
        @Test(
            "below the floor of free space MAIL is refused with 452, what is queued goes on, and it recovers by itself")
        func floor() async throws {
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            let disk = try SmallDisk(megabytes: 32)
            let folder = try TemporaryFolder()
            let file = "\(folder.path)/hoptop.toml"
            try "[spool]\nfree-space = \"8MiB\"\n".write(toFile: file, atomically: true, encoding: .utf8)
            let server = try Server(spool: "\(disk.path)/spool", configuration: file)
            try await server.send("<1@test>", to: "bob@there.example")
            ledger.sent([Ledger.Entry("<1@test>", "bob@there.example")])
            try disk.fill(leavingKilobytes: 4096)
            try server.waitFor("the spool takes no new mail")
            await #expect(throws: (any Error).self) { try await server.send("<2@test>", to: "bob@there.example") }

            // Delivery needs no more than the floor leaves.
            try "[spool]\nfree-space = \"8MiB\"\n[[route]]\ndomain = \"*\"\nvia = [\"\(farEnd.endpoint)\"]\n"
                .write(toFile: file, atomically: true, encoding: .utf8)
            server.signal(SIGHUP)
            #expect(try await eventually { ledger.missing.isEmpty })

            disk.empty()
            try server.waitFor("the spool takes mail again")
            try await server.send("<3@test>", to: "bob@there.example")
            ledger.sent([Ledger.Entry("<3@test>", "bob@there.example")])
            #expect(try await eventually { ledger.missing.isEmpty })
            #expect(server.log.matches(of: /takes no new mail/).count == 1)
            #expect(server.log.matches(of: /takes mail again/).count == 1)
            #expect(server.end(with: SIGTERM) == 0)
            await farEnd.stop()
        }
    }
}
