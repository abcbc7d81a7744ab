import Foundation
import GRDB
import Mail
import NIOCore
import NIOPosix
import SpoolTesting
import Testing

@testable import Spool

/// The stores that the contract holds for. A new one is a case more here, and a ``StoreUnderTest``.
enum Implementation: String, CaseIterable, CustomTestStringConvertible {
    case sqlite, memory, postgresql
    var testDescription: String { self.rawValue }

    /// - Parameter factsKept: the bound behind which facts may go.
    func make(factsKept: Int = 200_000) throws -> any StoreUnderTest {
        switch self {
        case .sqlite: try SQLiteUnderTest(factsKept: factsKept)
        case .memory: try MemoryUnderTest(factsKept: factsKept)
        case .postgresql: try PostgreSQLUnderTest(factsKept: factsKept)
        }
    }
}

/// A store with one spool open on it.
protocol StoreUnderTest: AnyObject, SpoolFixture {
    /// Closes the spool and opens it again, as a restart does.
    func reopen() async throws
    /// Changes the row of a message, as a disk may.
    func damageRow(of id: QueueID) async throws
    /// Changes content, as a disk may.
    func damageContent(of id: QueueID) async throws
}

private final class SQLiteUnderTest: StoreUnderTest {
    private let temporary: TemporarySpool
    private let factsKept: Int
    var spool: SQLiteSpool { self.temporary.spool }
    var loop: any EventLoop { self.temporary.loop }

    init(factsKept: Int) throws {
        self.factsKept = factsKept
        self.temporary = try TemporarySpool(factsKept: Int64(factsKept))
    }

    func reopen() async throws { try await self.temporary.reopen(factsKept: Int64(self.factsKept)) }

    func damageRow(of id: QueueID) async throws {
        try await self.execute("UPDATE messages SET recipients = x'0100' WHERE id = ?", id)
    }
    func damageContent(of id: QueueID) async throws {
        try await self.execute("UPDATE content SET octets = zeroblob(length(octets)) WHERE id = ?", id)
    }

    private func execute(_ sql: String, _ id: QueueID) async throws {
        await self.spool.close()
        let database = try DatabaseQueue(path: "\(self.temporary.path)/spool.sqlite")
        try await database.write { try $0.execute(sql: sql, arguments: [id.rawValue]) }
        try database.close()
        try await self.reopen()
    }
}

private final class MemoryUnderTest: StoreUnderTest {
    private let store: MemoryStore
    private(set) var spool: MemorySpool
    let loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()

    init(factsKept: Int) throws {
        self.store = MemoryStore(factsKept: factsKept)
        self.spool = try MemorySpool(self.store)
    }

    func reopen() async throws {
        await self.spool.close()
        self.spool = try MemorySpool(self.store)
    }
    func damageRow(of id: QueueID) { self.store.damageRow(of: id) }
    func damageContent(of id: QueueID) { self.store.damageContent(of: id) }
}

private final class PostgreSQLUnderTest: StoreUnderTest {
    private let cluster: PostgreSQLCluster
    private let address: DatabaseAddress
    private let kept: PostgreSQLWriter.FactsKept
    private(set) var spool: PostgreSQLSpool
    let loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()

    init(factsKept: Int) throws {
        self.cluster = try PostgreSQLCluster.shared.get()
        self.address = try self.cluster.makeDatabase()
        self.kept = .init(latest: Int64(factsKept))
        self.spool = try PostgreSQLSpool(self.address, .test, kept: self.kept)
    }

    func reopen() async throws {
        await self.spool.close()
        self.spool = try PostgreSQLSpool(self.address, .test, kept: self.kept)
    }

    func damageRow(of id: QueueID) async throws {
        try self.execute("UPDATE hoptop.messages SET recipients = '\\x0100' WHERE id = \(id.rawValue)")
    }
    func damageContent(of id: QueueID) async throws {
        try self.execute("UPDATE hoptop.content SET octets = '\\x00' WHERE message = \(id.rawValue)")
        // What is in memory is not damaged.
        try await self.reopen()
    }

    private func execute(_ sql: String) throws { try self.cluster.execute(sql, in: self.address.database) }
}

extension NodeLease.Claimant {
    fileprivate static let test = NodeLease.Claimant(node: 0, name: "a.example", software: "hoptop")
}
