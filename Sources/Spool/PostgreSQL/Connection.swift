import CPostgreSQL
import Glibc
import Mail
import NIOCore

/// A statement with a name, under which each connection prepares it once.
struct Query: Sendable {
    let name: String
    let sql: String

    init(_ name: String, _ sql: String) {
        self.name = name
        self.sql = sql
    }
}

/// A connection to the database, in libpq's pipeline mode: what is queued goes out together, and costs one round trip.
///
/// One thread at a time uses it, which sleeps until the database answers.
final class Connection {
    /// What comes back of a command that was sent.
    private enum Expectation {
        case prepared(String)
        case rows((Rows) throws -> Void)
    }

    private let handle: OpaquePointer
    private var prepared: Set<String> = []
    private var expected: [Expectation] = []
    /// Whoever may interrupt what waits for the database.
    private let watch: WatchedLink?
    private var watchNumber = 0

    /// Connects, and waits for that.
    ///
    /// - Throws: ``PostgreSQLError``, whose words name no password.
    init(_ address: DatabaseAddress, watch: WatchedLink? = nil) throws {
        self.watch = watch
        let keywords = address.keywords
        let names = keywords.map { strdup($0.name) } + [nil]
        let values = keywords.map { strdup($0.value) } + [nil]
        defer { for text in names + values { free(text) } }
        guard
            let handle = PQconnectdbParams(
                names.map { UnsafePointer($0) }, values.map { UnsafePointer($0) }, 1)
        else { throw PostgreSQLError("out of memory") }
        self.handle = handle
        // Without one they are written to stderr; what matters comes as an error too.
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        guard PQstatus(handle) == CONNECTION_OK else { throw PostgreSQLError(connecting: handle) }
        guard PQserverVersion(handle) >= 150_000 else {
            throw PostgreSQLError("it is older than PostgreSQL 15, the oldest that hoptop works with")
        }
        guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1 else {
            throw PostgreSQLError(connecting: handle)
        }
        if let watch { self.watchNumber = watch.opened(PQsocket(handle)) }
    }

    /// Nobody is to end its socket any more, whose number may be another's by now.
    func letGo() { self.watch?.closed(self.watchNumber) }

    deinit {
        self.letGo()
        PQfinish(self.handle)
    }

    /// Whether it is of no more use.
    var isLost: Bool { PQstatus(self.handle) != CONNECTION_OK }

    /// Queues a statement.
    ///
    /// - Parameter then: is handed what came back, while ``run()`` goes through the answers.
    func add(_ query: Query, _ parameters: [QueryValue] = [], then: @escaping (Rows) throws -> Void = { _ in }) throws {
        if self.prepared.insert(query.name).inserted {
            guard PQsendPrepare(self.handle, query.name, query.sql, 0, nil) == 1 else { throw self.failure }
            self.expected.append(.prepared(query.name))
        }
        let encoded = EncodedValues(parameters)
        let isSent = encoded.withPointers { values, lengths, formats in
            PQsendQueryPrepared(
                self.handle, query.name, CInt(parameters.count), values, lengths, formats, 1)
        }
        guard isSent == 1 else { throw self.failure }
        self.expected.append(.rows(then))
    }

    /// Sends what is queued, and waits for all of its answers. Behind a statement that fails none of them is run.
    func run() throws {
        guard PQpipelineSync(self.handle) == 1 else { throw self.failure }
        var expected = self.expected[...]
        self.expected = []
        var error: (any Error)?
        while true {
            try self.waitForResult()
            guard let result = PQgetResult(self.handle) else {
                guard !self.isLost else { throw self.failure }
                expected = expected.dropFirst()
                continue
            }
            let rows = Rows(result)
            switch PQresultStatus(result) {
            case PGRES_PIPELINE_SYNC:
                if let error { throw error }
                return
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK:
                guard error == nil, case .rows(let then) = expected.first else { continue }
                do { try then(rows) } catch let thrown { error = thrown }
            default:
                if case .prepared(let name) = expected.first { self.prepared.remove(name) }
                if self.isLost { throw PostgreSQLError(result, isLost: true) }
                // What was skipped says nothing new.
                if error == nil { error = PostgreSQLError(result, isLost: false) }
            }
        }
    }

    /// Runs one statement, and all that was queued before it.
    func rows(_ query: Query, _ parameters: [QueryValue] = []) throws -> Rows {
        var found: Rows?
        try self.add(query, parameters) { found = $0 }
        try self.run()
        guard let found else { throw PostgreSQLError("the database gave no answer") }
        return found
    }

    /// Ends a transaction that failed, whatever of it is still to be answered.
    func rollBack() throws {
        // In a pipeline of its own, since behind a statement that fails it would not be run.
        do { try self.run() } catch { if self.isLost { throw error } }
        _ = try self.rows(TransactionQuery.rollback)
    }

    /// Sends on while the database has answers ready, since each waits until the other reads.
    private func waitForResult() throws {
        while true {
            let flushed = PQflush(self.handle)
            guard flushed >= 0 else { throw self.failure }
            guard PQisBusy(self.handle) == 1 else { return }
            var socket = pollfd(
                fd: PQsocket(self.handle), events: Int16(POLLIN | (flushed == 1 ? POLLOUT : 0)), revents: 0)
            let ready = poll(&socket, 1, -1)
            guard ready >= 0 || errno == EINTR else { throw PostgreSQLError("poll failed", isLost: true) }
            self.watch?.movedOn()
            guard
                ready <= 0 || socket.revents & Int16(POLLIN | POLLERR | POLLHUP) == 0
                    || PQconsumeInput(self.handle) == 1
            else { throw self.failure }
        }
    }

    /// Waits until somebody notifies a channel that it listens on.
    ///
    /// - Returns: what they say, at least one of them.
    func waitForNotifications() throws -> [String] {
        while true {
            var told: [String] = []
            while let notification = PQnotifies(self.handle) {
                told.append(String(cString: notification.pointee.extra))
                PQfreemem(notification)
            }
            guard told.isEmpty else { return told }
            var socket = pollfd(fd: PQsocket(self.handle), events: Int16(POLLIN), revents: 0)
            let ready = poll(&socket, 1, -1)
            guard ready >= 0 || errno == EINTR else { throw PostgreSQLError("poll failed", isLost: true) }
            guard PQconsumeInput(self.handle) == 1, !self.isLost else { throw self.failure }
        }
    }

    private var failure: PostgreSQLError { PostgreSQLError(connecting: self.handle, isLost: self.isLost) }
}

/// What a statement gave: rows of binary values.
final class Rows {
    private let result: OpaquePointer

    init(_ result: OpaquePointer) { self.result = result }
    deinit { PQclear(self.result) }

    var count: Int { Int(PQntuples(self.result)) }
    /// How many rows were changed.
    var affected: Int { Int(String(cString: PQcmdTuples(self.result))) ?? 0 }
    /// The command as it ended: a `COMMIT` that could not be says `ROLLBACK`.
    var tag: String { String(cString: PQcmdStatus(self.result)) }

    private func octets(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer? {
        let (row, column) = (CInt(row), CInt(column))
        guard PQgetisnull(self.result, row, column) == 0 else { return nil }
        return UnsafeRawBufferPointer(
            start: PQgetvalue(self.result, row, column), count: Int(PQgetlength(self.result, row, column)))
    }

    func integerIfPresent(_ row: Int, _ column: Int) -> Int64? {
        guard let octets = self.octets(row, column), octets.count == 8 else { return nil }
        return Int64(bigEndian: octets.loadUnaligned(as: Int64.self))
    }
    func integer(_ row: Int, _ column: Int) throws(SpoolError) -> Int64 {
        guard let value = self.integerIfPresent(row, column) else { throw self.damage(column) }
        return value
    }
    func number<Value: FixedWidthInteger>(_ row: Int, _ column: Int) throws(SpoolError) -> Value {
        guard let value = Value(exactly: try self.integer(row, column)) else { throw self.damage(column) }
        return value
    }
    func timestamp(_ row: Int, _ column: Int) throws(SpoolError) -> Timestamp {
        Timestamp(milliseconds: try self.integer(row, column))
    }
    func textIfPresent(_ row: Int, _ column: Int) -> String? {
        self.octets(row, column).map { String(decoding: $0, as: UTF8.self) }
    }
    func text(_ row: Int, _ column: Int) throws(SpoolError) -> String {
        guard let value = self.textIfPresent(row, column) else { throw self.damage(column) }
        return value
    }
    func bufferIfPresent(_ row: Int, _ column: Int) -> ByteBuffer? {
        self.octets(row, column).map { ByteBuffer(bytes: $0) }
    }
    func buffer(_ row: Int, _ column: Int) throws(SpoolError) -> ByteBuffer {
        guard let value = self.bufferIfPresent(row, column) else { throw self.damage(column) }
        return value
    }

    private func damage(_ column: Int) -> SpoolError {
        let name = PQfname(self.result, CInt(column)).map { String(cString: $0) } ?? "column \(column)"
        return SpoolError(.damaged, "a row of the spool is damaged: its \(name) is none")
    }
}
