import Foundation
import Glibc
import NIOConcurrencyHelpers
import Relay
import SMTP
import SeededRandom
import Spool
import Testing

@testable import hoptop

/// Mail that flows through one relay while that is killed again and again.
final class CrashRun {
    struct Tally: CustomStringConvertible {
        var kills = 0
        var killsBeforeReady = 0
        /// Of the far end, with all its sessions.
        var cuts = 0

        var description: String {
            "kills: \(self.kills), \(self.killsBeforeReady) of them before it was ready; cuts of the far end: \(self.cuts)"
        }
    }

    /// When the relay is killed.
    private enum Moment: CaseIterable {
        case starting
        /// While it reads the queue that the kill before left.
        case takingUp
        case flowing, flowingAndFarEndChanges
    }

    private let folder: TemporaryFolder
    private let ledger: Ledger
    private let seed: UInt64
    private var random: SeededGenerator
    private let farEndPort: Int
    /// Where the relay's spool is; `nil`: in a directory.
    private let database: DatabaseAddress?
    /// `nil` while it is down.
    private var farEnd: FarEnd?
    /// Where the senders send to; `nil` while nobody listens.
    private let entrance = NIOLockedValueBox<SocketEndpoint?>(nil)
    private var tally = Tally()
    /// What one takes here.
    private var startDuration = Duration.zero

    init(seed: UInt64, ledger: Ledger, database: DatabaseAddress? = nil) async throws {
        self.folder = try TemporaryFolder()
        self.database = database
        self.ledger = ledger
        self.seed = seed
        self.random = SeededGenerator(seed: seed)
        let farEnd = try await FarEnd.start(ledger: ledger)
        self.farEnd = farEnd
        self.farEndPort = farEnd.endpoint.port
        let configuration = """
            [queue.retry]
            first = "1s"
            longest = "2s"
            [[route]]
            domain = "*"
            via = ["\(farEnd.endpoint)"]
            [spool]
            directory = "\(self.spool)"
            \(database.map { "store = \"\($0)\"" } ?? "")
            """
        try configuration.write(toFile: self.configuration, atomically: true, encoding: .utf8)
    }

    var spool: String { "\(self.folder.path)/spool" }
    private var configuration: String { "\(self.folder.path)/hoptop.toml" }

    /// Returns when everything that got its 250 has arrived, or nothing more has come for a while.
    func run(kills: Int) async throws -> Tally {
        try self.measureStart()
        let senders = (0..<8).map { Sender(number: $0, seed: self.seed, entrance: self.entrance, ledger: self.ledger) }
        try await withThrowingTaskGroup { group in
            for sender in senders { group.addTask { await sender.run() } }
            // As many of each, so that no run is without one.
            let moments = (0..<kills).map { Moment.allCases[$0 % Moment.allCases.count] }
            for moment in moments.shuffled(using: &self.random) { self.kill(try await self.start(until: moment)) }
            group.cancelAll()
        }
        let server = try self.start(until: .ready)
        if self.farEnd == nil { try await self.changeFarEnd() }
        var missing = Int.max
        while !self.ledger.missing.isEmpty, self.ledger.missing.count < missing {
            missing = self.ledger.missing.count
            _ = try await eventually { self.ledger.missing.isEmpty }
        }
        #expect(server.end(with: SIGTERM) == 0)
        await self.farEnd?.stop()
        return self.tally
    }

    private func start(until milestone: Server.Milestone) throws -> Server {
        let server = try Server(
            spool: self.spool, configuration: self.configuration, keepsElsewhere: self.database != nil,
            until: milestone, ["--quiet"])
        self.entrance.withLockedValue { $0 = milestone == .started ? nil : server.address }
        return server
    }

    private func measureStart() throws {
        let began = ContinuousClock.now
        let server = try self.start(until: .ready)
        self.startDuration = ContinuousClock.now - began
        #expect(server.end(with: SIGTERM) == 0)
    }

    /// - Returns: a server whose time has come.
    private func start(until moment: Moment) async throws -> Server {
        let server: Server
        switch moment {
        case .starting:
            server = try self.start(until: .started)
            try await self.sleep(upTo: self.startDuration)
        case .takingUp:
            server = try self.start(until: .listening)
            try await self.sleep(upTo: self.startDuration / 20)
        case .flowing:
            server = try self.start(until: .ready)
            try await self.sleep(upTo: .milliseconds(600))
        case .flowingAndFarEndChanges:
            server = try self.start(until: .ready)
            try await self.sleep(upTo: .milliseconds(400))
            try await self.changeFarEnd()
            try await self.sleep(upTo: .milliseconds(400))
        }
        return server
    }

    private func kill(_ server: Server) {
        #expect(server.end(with: SIGKILL) == SIGKILL)
        self.tally.kills += 1
        if !server.log.contains(Server.Milestone.ready.rawValue) { self.tally.killsBeforeReady += 1 }
    }

    /// Down in the middle of its sessions, or up again.
    private func changeFarEnd() async throws {
        if let farEnd = self.farEnd {
            await farEnd.stop()
            self.farEnd = nil
            self.tally.cuts += 1
        } else {
            // Its port may for a moment be that of somebody's outgoing connection.
            _ = try await eventually {
                self.farEnd = try? await FarEnd.start(ledger: self.ledger, port: self.farEndPort)
                return self.farEnd != nil
            }
        }
    }

    private func sleep(upTo limit: Duration) async throws {
        try await Task.sleep(for: limit * Double.random(in: 0...1, using: &self.random))
    }
}

/// A client that sends one message after another, wherever the relay listens.
struct Sender {
    let number: Int
    let seed: UInt64
    let entrance: NIOLockedValueBox<SocketEndpoint?>
    let ledger: Ledger

    /// Until cancelled; a session under way is finished.
    func run() async {
        var random = SeededGenerator(seed: self.seed &+ UInt64(self.number) &+ 1)
        var count = 0
        while !Task.isCancelled {
            guard let server = self.entrance.withLockedValue({ $0 }) else {
                try? await Task.sleep(for: .milliseconds(5))
                continue
            }
            count += 1
            let id = "<\(self.number).\(count)@crash>"
            let mailboxes = (0..<Int.random(in: 1...4, using: &random)).map { recipient in
                // One that exists, one that does not, one whose first attempt is put off.
                let name = ["bob", "bob", "bob", "nobody", "grey"].randomElement(using: &random) ?? "bob"
                let mailbox = "\(name).\(self.number).\(count).\(recipient)"
                return name == "grey" ? "\(mailbox)@grey.example" : "\(mailbox)@there.example"
            }
            let octets = Int.random(in: 0..<8, using: &random) == 0 ? 300_000 : 2000
            // Without a 250 it is not acknowledged, however far it came.
            let client = PlainClient(name: "client.example", server: server)
            guard let accepted = try? await client.send(id, to: mailboxes, octets: octets) else { continue }
            self.ledger.sent(accepted.recipients.map { Ledger.Entry(id, $0.mailboxText) })
        }
    }
}
