import Foundation
import Glibc
import NIOConcurrencyHelpers
import Relay
import SMTP
import SeededRandom
import Spool
import SpoolTesting
import Testing

@testable import hoptop

/// Mail that flows through several relays on one queue, while one after the other is killed, or stands still.
final class FleetRun {
    struct Tally: CustomStringConvertible {
        var kills = 0
        var stops = 0
        var crashes = 0

        var description: String {
            "kills: \(self.kills), stood still: \(self.stops), crashes of the database: \(self.crashes)"
        }
    }

    /// What happens to a node.
    enum Blow {
        case kill
        /// For longer than its lease.
        case stop(for: Duration)
        /// And to all of them: the database is gone for a moment, or comes back elsewhere.
        case crash(PostgreSQLCluster, back: @Sendable () throws -> Void)
    }

    /// Of one node, in seconds: the shortest there is.
    static let lease = 2

    private struct Node {
        var configuration: String
        /// `nil` while it is down.
        var server: Server?
        let entrance = NIOLockedValueBox<SocketEndpoint?>(nil)
    }

    private let folder: TemporaryFolder
    private let ledger: Ledger
    private let seed: UInt64
    private var random: SeededGenerator
    private let farEnd: FarEnd
    private var nodes: [Node] = []
    private var tally = Tally()

    init(nodes: Int, seed: UInt64, ledger: Ledger, database: DatabaseAddress) async throws {
        self.folder = try TemporaryFolder()
        self.ledger = ledger
        self.seed = seed
        self.random = SeededGenerator(seed: seed)
        self.farEnd = try await FarEnd.start(ledger: ledger)
        for number in 1...nodes {
            let configuration = "\(self.folder.path)/\(number).toml"
            try """
            [queue.retry]
            first = "1s"
            longest = "2s"
            [[route]]
            domain = "*"
            via = ["\(self.farEnd.endpoint)"]
            [spool]
            directory = "\(self.spool(of: number))"
            store = "\(database)"
            node = \(number)
            lease = "\(Self.lease)s"
            [control]
            socket = "\(self.socket(of: number))"
            """.write(toFile: configuration, atomically: true, encoding: .utf8)
            self.nodes.append(Node(configuration: configuration))
            try self.start(number)
        }
    }

    private func spool(of number: Int) -> String { "\(self.folder.path)/spool\(number)" }
    func socket(of number: Int) -> String { "\(self.folder.path)/\(number).sock" }

    /// - Parameter number: from 1 on.
    func server(_ number: Int) throws -> Server { try #require(self.nodes[number - 1].server) }

    func start(_ number: Int) throws {
        let server = try Server(
            spool: self.spool(of: number), configuration: self.nodes[number - 1].configuration, keepsElsewhere: true,
            until: .ready, [])
        self.nodes[number - 1].server = server
        self.nodes[number - 1].entrance.withLockedValue { $0 = server.address }
    }

    func kill(_ number: Int) throws {
        self.nodes[number - 1].entrance.withLockedValue { $0 = nil }
        #expect(try self.server(number).end(with: SIGKILL) == SIGKILL)
        self.nodes[number - 1].server = nil
        self.tally.kills += 1
    }

    /// Lets mail flow to all nodes while these blows fall, each on any of them.
    func run(_ blows: [Blow]) async throws -> Tally {
        let senders = (0..<9).map { number in
            Sender(
                number: number, seed: self.seed, entrance: self.nodes[number % self.nodes.count].entrance,
                ledger: self.ledger)
        }
        try await withThrowingTaskGroup { group in
            for sender in senders { group.addTask { await sender.run() } }
            for blow in blows {
                try await self.sleep(upTo: .milliseconds(800))
                let number = Int.random(in: 1...self.nodes.count, using: &self.random)
                switch blow {
                case .crash(let cluster, let back):
                    // Where it comes back from the crash before no mail flows yet.
                    let sent = self.ledger.summary(queued: []).sent
                    _ = try await eventually { self.ledger.summary(queued: []).sent > sent }
                    try await self.sleep(upTo: .milliseconds(800))
                    try cluster.crash()
                    try await self.sleep(upTo: .seconds(2 * Self.lease))
                    try back()
                    self.tally.crashes += 1
                case .kill:
                    try self.kill(number)
                    // At times it is back before its lease is over, at times others have its mail by then.
                    try await self.sleep(upTo: .seconds(2 * Self.lease))
                    try self.start(number)
                case .stop(let time):
                    try self.server(number).signal(SIGSTOP)
                    try await Task.sleep(for: time)
                    try self.server(number).signal(SIGCONT)
                    self.tally.stops += 1
                }
            }
            group.cancelAll()
        }
        return self.tally
    }

    /// Waits until everything that got its 250 has arrived, or nothing more comes; then all nodes end.
    func finish() async throws {
        var missing = Int.max
        while !self.ledger.missing.isEmpty, self.ledger.missing.count < missing {
            missing = self.ledger.missing.count
            _ = try await eventually { self.ledger.missing.isEmpty }
        }
        if !self.ledger.missing.isEmpty { try self.tellWhatIsLeft() }
        for node in self.nodes { if let server = node.server { #expect(server.end(with: SIGTERM) == 0) } }
        await self.farEnd.stop()
    }

    private func tellWhatIsLeft() throws {
        for number in self.nodes.indices.map({ $0 + 1 }) {
            let queue = try Program.run("queue", "list", "--to", self.socket(of: number))
            let log = try self.server(number).log.split(separator: "\n").suffix(40).joined(separator: "\n")
            print("node \(number):\n\(queue.output)\(queue.errors)\(log)")
        }
    }

    private func sleep(upTo limit: Duration) async throws {
        try await Task.sleep(for: limit * Double.random(in: 0...1, using: &self.random))
    }
}
