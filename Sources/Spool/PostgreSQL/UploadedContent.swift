import Mail
import NIOConcurrencyHelpers
import NIOCore

/// Large content on its way in: parts of a fixed size, written as they come and named by a message in its transaction. Whoever
/// hands it over waits for the database.
///
/// `@unchecked Sendable`: each call holds the lock until the database has done it.
final class UploadedContent: StreamedContent, @unchecked Sendable {
    private enum State { case unopened, open, finished, discarded }

    private let pool: ConnectionPool
    private let id: QueueID
    /// Tells it from what the same message was written as before.
    let copy: Int64
    private let lock = NIOLock()
    private var state = State.unopened
    private let digest = Digest()
    /// What has no whole part yet.
    private var rest = ByteBuffer()
    private var parts = 0
    private var octets = 0
    private var found = FoundFields()

    /// - Parameter copy: a number that no other content ever has.
    init(_ pool: ConnectionPool, _ id: QueueID, copy: Int64) {
        self.pool = pool
        self.id = id
        self.copy = copy
    }

    var subject: ByteBuffer? { self.lock.withLock { self.found.subject } }
    var messageID: String? { self.lock.withLock { self.found.messageID } }

    func append(_ chunk: ByteBuffer) throws {
        try self.lock.withLock {
            guard self.state != .discarded else { return }  // Nobody wants it any more.
            if self.octets == 0 { self.found = FoundFields(in: chunk) }
            chunk.withUnsafeReadableBytes { self.digest.update($0) }
            self.octets += chunk.readableBytes
            self.rest.writeImmutableBuffer(chunk)
            while let part = self.rest.readSlice(length: ContentParts.octets) { try self.write(part) }
            self.rest.discardReadBytes()
        }
    }

    private static let announce = Query("announce-content", "INSERT INTO hoptop.incoming VALUES ($1, $2)")
    /// Only while it is announced: whoever takes that away, since this node is gone, takes all parts that are there.
    private static let write = Query(
        "write-content",
        """
        INSERT INTO hoptop.content SELECT message, copy, $3::bigint, $4::bytea FROM hoptop.incoming
        WHERE message = $1 AND copy = $2 FOR KEY SHARE
        """)

    private func write(_ part: ByteBuffer) throws(SpoolError) {
        try self.pool.withConnection { connection in
            // One transaction, so that no part is there that a sweep does not find.
            if self.state == .unopened {
                try connection.add(Self.announce, [.integer(self.id.rawValue), .integer(self.copy)])
            }
            try connection.add(
                Self.write,
                [.integer(self.id.rawValue), .integer(self.copy), .integer(self.parts), .buffer(part)]
            ) { [id] rows in
                guard rows.affected == 1 else {
                    throw SpoolError(
                        .unavailable, "the node was taken for gone, and what it had of the content is away", queueID: id
                    )
                }
            }
            try connection.run()
        }
        self.state = .open
        self.parts += 1
    }

    func finish() throws {
        try self.lock.withLock {
            guard self.state != .discarded else {
                throw SpoolError(.unavailable, "discarded content", queueID: self.id)
            }
            guard self.state != .finished else { return }
            try self.write(self.rest)
            self.rest = ByteBuffer()
            self.state = .finished
        }
    }

    func read(from offset: Int, count: Int) throws -> ByteBuffer {
        try self.lock.withLock {
            guard self.state == .finished else {
                throw SpoolError(.unavailable, "content is read that is not finished", queueID: self.id)
            }
            let count = min(count, self.octets - offset)
            guard count > 0 else { return ByteBuffer() }
            return try self.pool.withConnection {
                try ContentParts.read(from: offset, count: count, of: self.id, self.copy, on: $0)
            }
        }
    }

    private static let settle = Query(
        "settle-content", "DELETE FROM hoptop.incoming WHERE message = $1 AND copy = $2")
    private static let found = Query(
        "found-content",
        "SELECT coalesce(sum(length(octets)), 0)::bigint FROM hoptop.content WHERE message = $1 AND copy = $2")

    /// Makes it its message's, in the transaction that names it. A database that took over from another may lack parts of it.
    ///
    /// - Returns: ``Digest`` of all of it.
    func settle(in connection: Connection) throws -> Int64 {
        try self.lock.withLock {
            guard self.state == .finished else {
                throw SpoolError(.unavailable, "unfinished content", queueID: self.id)
            }
            let name: [QueryValue] = [.integer(self.id.rawValue), .integer(self.copy)]
            try connection.add(Self.settle, name)
            guard try connection.rows(Self.found, name).integer(0, 0) == self.octets else {
                throw SpoolError(.unavailable, "the database has not kept all of the content", queueID: self.id)
            }
            return self.digest.value
        }
    }

    /// Only what no message has taken.
    private static let discard = Query(
        "discard-content",
        """
        WITH discarded AS (DELETE FROM hoptop.incoming WHERE message = $1 AND copy = $2 RETURNING message, copy)
        DELETE FROM hoptop.content c USING discarded d WHERE c.message = d.message AND c.copy = d.copy
        """)

    func discard() {
        self.lock.withLock {
            let wasThere = self.state == .open || self.state == .finished
            self.state = .discarded
            self.rest = ByteBuffer()
            // What the database does not hear of, the next start sweeps away.
            guard wasThere else { return }
            _ = try? self.pool.withConnection {
                try $0.rows(Self.discard, [.integer(self.id.rawValue), .integer(self.copy)])
            }
        }
    }

    private static let sweep = Query(
        "sweep-content",
        """
        WITH left_over AS (
            DELETE FROM hoptop.incoming WHERE (message >> 16) & 255 = $1 RETURNING message, copy)
        DELETE FROM hoptop.content c USING left_over l WHERE c.message = l.message AND c.copy = l.copy
        """)

    /// Takes away what an earlier process of the node left on its way in.
    static func sweep(of node: UInt8, on connection: Connection) throws {
        _ = try connection.rows(self.sweep, [.integer(node)])
    }
}

/// Content in parts of a fixed size, but for the last.
enum ContentParts {
    static let octets = 128 << 10

    private static let read = Query(
        "read-content",
        """
        SELECT part, substr(octets, CASE WHEN part = $3 THEN $4::bigint::int ELSE 1 END, $6::bigint::int)
        FROM hoptop.content WHERE message = $1 AND copy = $2 AND part BETWEEN $3 AND $5 ORDER BY part
        """)

    /// - Parameter count: octets, that are there.
    /// - Throws: `.damaged` when they are not.
    static func read(
        from offset: Int, count: Int, of id: QueueID, _ copy: Int64, on connection: Connection
    ) throws -> ByteBuffer {
        let first = offset / self.octets
        let last = (offset + count - 1) / self.octets
        let rows = try connection.rows(
            self.read,
            [
                .integer(id.rawValue), .integer(copy), .integer(first), .integer(offset % self.octets + 1),
                .integer(last), .integer(count),
            ])
        var buffer = ByteBuffer()
        for row in 0..<rows.count { buffer.writeImmutableBuffer(try rows.buffer(row, 1)) }
        guard let wanted = buffer.readSlice(length: count) else {
            throw SpoolError(.damaged, "the content of \(id) ends early", queueID: id)
        }
        return wanted
    }
}

/// Large content in the database, read in pieces.
struct PartedContent: ContentSource {
    let pool: ConnectionPool
    let id: QueueID
    let copy: Int64
    let octets: Int
    let verification: ContentVerification?

    func read(from offset: Int, count: Int, on eventLoop: any EventLoop) -> EventLoopFuture<ByteBuffer> {
        let count = min(count, self.octets - offset)
        guard count > 0 else { return eventLoop.makeSucceededFuture(ByteBuffer()) }
        return self.pool.read(on: eventLoop) { connection in
            let piece = try ContentParts.read(from: offset, count: count, of: self.id, self.copy, on: connection)
            try self.verification?.check(piece, from: offset, of: self.octets, self.id)
            return piece
        }
    }
}
