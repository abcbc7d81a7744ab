import Foundation
import Glibc
import Mail
import NIOCore
import Relay
import SMTP
import SeededRandom
import Testing

@testable import hoptop

/// The real program with mail of every kind, recorded: it is killed while it starts, then while mail flows, and at last ends
/// in order.
struct Recording: Sendable {
    /// A message with the 250 that its client saw.
    struct Sent: Sendable {
        var content: ByteBuffer
        var recipients: [ForwardPath]
    }

    /// The folder that was recorded; the spool's is made in it.
    let root: String
    let record: DiskRecord
    let sent: [QueueID: Sent]
    /// Of the spool, as they were in the end: the octets of each by its path relative to the root.
    let files: [String: [UInt8]]

    static func make(seed: UInt64) async throws -> Recording {
        var random = SeededGenerator(seed: seed)
        let ledger = Ledger()
        let farEnd = try await FarEnd.start(ledger: ledger)
        let program = try RecordedProgram(farEnd: farEnd.endpoint)
        _ = try await program.start(calls: Int.random(in: 1...40, using: &random), until: .started).isOver()

        let killed = try program.start(calls: Int.random(in: 200...600, using: &random))
        var sent = await Mailing(number: 1, server: killed.address, ledger: ledger).send()
        _ = try await killed.isOver()

        let server = try program.start()
        sent.merge(await Mailing(number: 2, server: server.address, ledger: ledger).send()) { $1 }
        #expect(try await eventually { ledger.missing.allSatisfy { $0.mailbox.hasSuffix("waiting.example") } })
        #expect(server.end(with: SIGTERM) == 0)
        await farEnd.stop()
        return Recording(
            root: program.root, record: try DiskRecord(contentsOf: program.record), sent: sent,
            files: try program.files())
    }
}

extension Recording {
    /// A start on what a power cut left, and the end in order. Nothing is relayed.
    static func ofRecovery(on state: String, sent: [QueueID: Sent]) async throws -> Recording {
        let program = try RecordedProgram(on: state)
        #expect(try program.start().end(with: SIGTERM) == 0)
        return Recording(
            root: program.root, record: try DiskRecord(contentsOf: program.record), sent: sent,
            files: try program.files())
    }
}

/// `hoptop serve` with the recorder before it.
private final class RecordedProgram {
    private let folder: TemporaryFolder
    /// `nil`: all mail waits.
    private let farEnd: SocketEndpoint?
    let root: String

    /// - Parameter state: what the disk holds, if anything.
    init(farEnd: SocketEndpoint? = nil, on state: String? = nil) throws {
        self.folder = try TemporaryFolder()
        self.farEnd = farEnd
        // SQLite names its files by their real paths.
        let folder = try #require(realpath(self.folder.path, nil))
        defer { free(folder) }
        self.root = "\(String(cString: folder))/root"
        if let state {
            try FileManager.default.copyItem(atPath: state, toPath: self.root)
        } else {
            try FileManager.default.createDirectory(atPath: self.root, withIntermediateDirectories: false)
        }
        try "[queue.retry]\nfirst = \"2500ms\"\n".write(toFile: self.configuration, atomically: true, encoding: .utf8)
    }

    var record: String { "\(self.folder.path)/record" }
    private var configuration: String { "\(self.folder.path)/hoptop.toml" }

    /// - Parameter calls: it is killed after so many.
    func start(calls: Int? = nil, until milestone: Server.Milestone = .ready) throws -> Server {
        var environment = [
            "LD_PRELOAD": "\(Program.folder)/libDiskRecorder.so", "HOPTOP_RECORD": self.record,
            "HOPTOP_RECORD_BELOW": self.root,
            // Its socket is no part of what a disk keeps.
            "XDG_RUNTIME_DIR": self.folder.path,
        ]
        if let calls { environment["HOPTOP_RECORD_CALLS"] = "\(calls)" }
        let domains = ["there.example", "grey.example", "sender.example"]
        let routes = self.farEnd.map { farEnd in domains.flatMap { ["--route", "\($0)=\(farEnd)"] } } ?? []
        return try Server(
            spool: "\(self.root)/spool", configuration: self.configuration, environment: environment, until: milestone,
            ["--quiet"] + routes)
    }

    func files() throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: self.root) where name.hasPrefix("spool/") {
            let file = URL(fileURLWithPath: "\(self.root)/\(name)")
            guard !name.hasSuffix("-shm"), !file.hasDirectoryPath else { continue }
            files[name] = [UInt8](try Data(contentsOf: file))
        }
        return files
    }
}

extension Server {
    /// Whether its last call has come; if not, it ends in order.
    fileprivate func isOver() async throws -> Bool {
        let isReady = try await eventually { !self.isRunning || self.log.contains(Milestone.ready.rawValue) }
        return isReady && self.end(with: SIGTERM) == SIGKILL
    }
}

/// Mail of every kind, by some clients at a time, so that there are messages that share a transaction.
private struct Mailing {
    /// How many of each, how large, and to whom; `#` stands for a number of its own.
    private static let mails: [(count: Int, octets: Int, mailboxes: [String])] = [
        (10, 2000, ["bob@there.example"]),
        (6, 2000, ["bob@there.example", "nobody@there.example", "eve#@grey.example"]),
        // In the database, which is checkpointed as it grows.
        (8, 100_000, ["bob@there.example"]),
        // In files of their own.
        (3, 300_000, ["bob@there.example"]),
        (1, 200_000, ["nobody@there.example"]),
        // There is no route for these: they stay.
        (3, 2000, ["cat@waiting.example"]),
        (1, 300_000, ["cat@waiting.example", "dan@waiting.example"]),
    ]
    private static let clients = 4

    let number: Int
    let server: SocketEndpoint
    let ledger: Ledger

    /// - Returns: what was acknowledged.
    func send() async -> [QueueID: Recording.Sent] {
        await withTaskGroup { group in
            for client in 0..<Self.clients { group.addTask { await self.send(as: client) } }
            return await group.reduce(into: [:]) { $0.merge($1) { $1 } }
        }
    }

    private func send(as client: Int) async -> [QueueID: Recording.Sent] {
        var sent: [QueueID: Recording.Sent] = [:]
        let mails = Self.mails.flatMap { Array(repeating: $0, count: $0.count) }
        for (count, mail) in mails.enumerated() where count % Self.clients == client {
            let id = "<\(self.number).\(count)@cut>"
            let mailboxes = mail.mailboxes.map { $0.replacing("#", with: "\(self.number).\(count)") }
            let client = PlainClient(name: "client.example", server: self.server)
            guard let accepted = try? await client.send(id, to: mailboxes, octets: mail.octets),
                let queueID = accepted.reply.lines.last?.split(separator: " ").last.flatMap({ QueueID($0) })
            else { continue }
            self.ledger.sent(accepted.recipients.map { Ledger.Entry(id, $0.mailboxText) })
            sent[queueID] = Recording.Sent(
                content: PlainClient.content(id, octets: mail.octets), recipients: accepted.recipients)
        }
        return sent
    }
}
