public import Mail
import NIOConcurrencyHelpers
public import NIOCore
import NIOPosix

/// Where a node is in what others did.
struct FleetFollower: Sendable {
    /// The last fact that was looked at; `nil`: none yet.
    var place: Int64?
    /// The transactions of other nodes, and the messages that they took over, when it looked last.
    var written: Int64 = 0
    var taken: Int64 = 0
}

extension PostgreSQLSpool: Fleet {
    /// Facts that one look goes through.
    private static let factsInLook: Int64 = 5000

    public var fleet: (any Fleet)? { self }
    public var lease: Int64? { self.writer.term.number }

    public func listen(_ heard: @escaping @Sendable () -> Void) { self.listener.begin(heard) }

    // MARK: news

    private static let summary = Query(
        "fleet-summary",
        """
        SELECT node, name, CASE WHEN until > now() THEN 1 ELSE 0 END::bigint,
            CASE WHEN draining THEN 1 ELSE 0 END::bigint, written, taken,
            (SELECT last_fact FROM hoptop.counters), (SELECT pruned FROM hoptop.counters),
            CASE WHEN (until <= now() OR draining AND quiet)
                AND EXISTS (SELECT FROM hoptop.messages m WHERE m.holder = n.node) THEN 1 ELSE 0 END::bigint,
            CASE WHEN courier THEN 1 ELSE 0 END::bigint,
            CASE WHEN until <= now() AND NOT stopped AND NOT courier THEN 1 ELSE 0 END::bigint,
            CASE WHEN NOT courier OR until > now() THEN 1 ELSE 0 END::bigint
        FROM hoptop.nodes n
        """)
    private static let changed = Query(
        "fleet-changed",
        """
        SELECT f.message, m.generation, m.holder
        FROM (SELECT DISTINCT message FROM hoptop.facts WHERE sequence > $1 AND sequence <= $2) f
        LEFT JOIN hoptop.messages m ON m.id = f.message
        """)

    public func look() async throws -> FleetNews {
        let node = self.node
        let last = self.follower.withLockedValue { $0 }
        let (news, follower) = try await self.pool.read { connection in
            var (news, next) = (FleetNews(), FleetFollower())
            let summary = try connection.rows(Self.summary)
            let lastFact = try self.read(summary, of: node, &news, &next)
            guard let place = last.place, next.written != last.written else {
                // What this node alone did it knows.
                next.place = lastFact
                return (news, next)
            }
            news.hasTakeovers = next.taken != last.taken
            guard try place >= summary.integer(0, 7) else {
                // It is so far behind that facts are gone which it did not see: all is to be compared.
                (news.hasTakeovers, news.hasRules) = (true, true)
                next.place = lastFact
                return (news, next)
            }
            let end = min(lastFact, place + Self.factsInLook)
            for change in try Self.holders(try connection.rows(Self.changed, [.integer(place), .integer(end)])) {
                if change.message.rawValue == 0 { news.hasRules = true } else { news.changed.append(change) }
            }
            next.place = end
            news.isMore = end < lastFact
            // The rest is read also when nobody writes meanwhile.
            if news.isMore { next.written = -1 }
            return (news, next)
        }
        self.follower.withLockedValue { $0 = follower }
        return news
    }

    /// - Returns: the sequence of the last fact.
    private func read(
        _ rows: Rows, of node: UInt8, _ news: inout FleetNews, _ next: inout FleetFollower
    ) throws -> Int64 {
        news.hasAbsent = false
        news.gone = self.writer.term.isSettled ? [] : nil
        var lastFact: Int64 = 0
        for row in 0..<rows.count {
            let other: UInt8 = try rows.number(row, 0)
            news.names[other] = try rows.text(row, 1)
            if try rows.integer(row, 11) == 1 { news.present.insert(other) }
            lastFact = try rows.integer(row, 6)
            if other == node {
                news.isDraining = try rows.integer(row, 3) == 1
            } else {
                if try other < node && rows.integer(row, 2) == 1 && rows.integer(row, 9) == 0 { news.isFirst = false }
                next.written += try rows.integer(row, 4)
                next.taken += try rows.integer(row, 5)
                if try rows.integer(row, 8) == 1 { news.hasAbsent = true }
                if try rows.integer(row, 10) == 1 { news.gone?.insert(other) }
            }
        }
        return lastFact
    }

    // MARK: shares

    /// Relays, and which of them are there.
    private static let sharing = Query(
        "shares-now",
        """
        SELECT node, shares, known, crowded, CASE WHEN draining THEN 1 ELSE 0 END::bigint,
            CASE WHEN node = $1 OR until > now() THEN 1 ELSE 0 END::bigint,
            CASE WHEN draining AND quiet THEN 1 ELSE 0 END::bigint
        FROM hoptop.nodes WHERE node = $1 OR NOT courier
        """)
    private static let crowded = Query(
        "shares-crowded",
        """
        SELECT crowded FROM hoptop.nodes
        WHERE node <> $1 AND NOT courier AND until > clock_timestamp() AND shares > 0 AND crowded <> ''
        """)

    public func sharing() async throws -> FleetSharing {
        let node = self.node
        return try await self.pool.read { connection in
            let rows = try connection.rows(Self.sharing, [.integer(node)])
            var sharing = FleetSharing()
            (sharing.live, sharing.known) = (0, rows.count)
            for row in 0..<rows.count where try rows.integer(row, 5) == 1 {
                if try rows.integer(row, 6) == 0 { sharing.live += 1 }
                let division = FleetDivision(
                    shares: try rows.number(row, 1), known: try rows.number(row, 2),
                    crowded: Self.sites(try rows.text(row, 3)))
                if try rows.integer(row, 0) == node {
                    (sharing.division, sharing.isDraining) = (division, try rows.integer(row, 4) == 1)
                } else if division.shares > 0 {
                    sharing.crowded.formUnion(division.crowded)
                }
            }
            return sharing
        }
    }

    private static func sites(_ text: String) -> Set<String> {
        Set(text.split(separator: "\n").map(String.init))
    }

    private static let shareLess = Query(
        "shares-less",
        """
        UPDATE hoptop.nodes SET shares = $3, known = $4, crowded = $5
        WHERE node = $1 AND token = $2 AND until > clock_timestamp() AND shares > 0 AND shares <= $3 AND known <= $4
        """)
    /// One node at a time, so that none takes a share that another one is just taking; nobody waits for that.
    private static let lockShares = Query(
        "shares-lock", "SELECT CASE WHEN pg_try_advisory_xact_lock(7235419, 258) THEN 1 ELSE 0 END::bigint")
    private static let share = Query(
        "shares",
        """
        WITH live AS (
            SELECT node, shares, known FROM hoptop.nodes
            WHERE node = $1 OR NOT courier AND until > clock_timestamp() AND NOT (draining AND quiet)),
        needed AS (SELECT (SELECT count(*) FROM live) AS shares,
            (SELECT count(*) FROM hoptop.nodes WHERE node = $1 OR NOT courier) AS known)
        UPDATE hoptop.nodes n SET shares = $3, known = $4, crowded = $5 FROM needed
        WHERE n.node = $1 AND n.token = $2 AND n.until > clock_timestamp() AND NOT (n.draining AND n.quiet)
            AND $3::bigint >= needed.shares AND $4::bigint >= needed.known AND NOT EXISTS (
                SELECT FROM live l WHERE l.node <> $1 AND l.shares > 0
                    AND (l.shares < needed.shares OR l.known < needed.known))
        """)

    public func divide(_ division: FleetDivision, under lease: Int64) async throws -> Set<String>? {
        let crowded = division.crowded.sorted().joined(separator: "\n")
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        return try await self.writer.submit(on: loop) { transaction -> Set<String>? in
            let connection = transaction.connection
            let values: [QueryValue] = [
                .integer(transaction.node), .integer(lease), .integer(division.shares), .integer(division.known),
                .text(crowded),
            ]
            var isSo = try connection.rows(Self.shareLess, values).affected > 0
            if !isSo, try connection.rows(Self.lockShares).integer(0, 0) == 1 {
                isSo = try connection.rows(Self.share, values).affected > 0
            }
            guard isSo else { return nil }
            // Who waits for its share, or for a site, need not wait until it asks.
            transaction.wakesOthers = true
            // What others had told before this share was given counts from the first connection on.
            let others = try connection.rows(Self.crowded, [.integer(transaction.node)])
            return try (0..<others.count).reduce(into: Set<String>()) { sites, row in
                sites.formUnion(Self.sites(try others.text(row, 0)))
            }
        }.get()
    }

    // MARK: who holds what

    private static let allHolders = Query(
        "fleet-holders", "SELECT id, generation, holder FROM hoptop.messages WHERE id > $1 ORDER BY id LIMIT $2")
    private static let some = Query(
        "fleet-messages",
        "SELECT \(SpooledMessage.columns), holder FROM hoptop.messages WHERE id = ANY ($1) ORDER BY id")

    public func holders(after id: QueueID?, count: Int) async throws -> [MessageHolder] {
        try await self.pool.read {
            try Self.holders(try $0.rows(Self.allHolders, [.integer(id?.rawValue ?? 0), .integer(count)]))
        }
    }

    /// - Parameter rows: message, generation, holder.
    private static func holders(_ rows: Rows) throws -> [MessageHolder] {
        try (0..<rows.count).map { row in
            MessageHolder(
                QueueID(rawValue: try rows.integer(row, 0)),
                generation: rows.integerIfPresent(row, 1).flatMap { UInt32(exactly: $0) },
                holder: rows.integerIfPresent(row, 2).flatMap { UInt8(exactly: $0) })
        }
    }

    public func messages(_ ids: [QueueID]) async throws -> [HeldMessage] {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.some, [.bigints(ids.map(\.rawValue))])
            return try (0..<rows.count).compactMap { row in
                guard let message = try? SpooledMessage(rows, row) else { return nil }
                return HeldMessage(message, holder: try rows.number(row, SpooledMessage.columnCount))
            }
        }
    }

    // MARK: taking over

    /// Those that have messages which are to be had. A node that was without the database for a while waits until others,
    /// which were too, had time to come back.
    private static let absent = Query(
        "fleet-absent",
        """
        SELECT node FROM hoptop.nodes n WHERE node <> $1 AND (draining AND quiet OR stopped OR $2::bigint = 1 AND until <= now())
            AND NOT (SELECT draining FROM hoptop.nodes WHERE node = $1)
            AND EXISTS (SELECT FROM hoptop.messages m WHERE m.holder = n.node)
        ORDER BY node FOR NO KEY UPDATE OF n SKIP LOCKED
        """)
    /// The holder as a range, so that the index of holders is what gives the order: by way of that of IDs each take would go
    /// past all that were taken before.
    private static let take = Query(
        "fleet-take",
        """
        WITH found AS (
            SELECT id FROM hoptop.messages WHERE holder >= $2 AND holder <= $2 ORDER BY holder, id LIMIT $3
            FOR NO KEY UPDATE SKIP LOCKED)
        UPDATE hoptop.messages m SET holder = $1 FROM found WHERE m.id = found.id
        RETURNING \(SpooledMessage.columns(of: "m"))
        """)
    private static let noteTaken = Query(
        "fleet-note-taken", "UPDATE hoptop.nodes SET taken = taken + $2 WHERE node = $1")

    public func takeOver(_ count: Int) async throws -> Lease {
        let isSettled = self.writer.term.isSettled
        return try await self.writer.submit(on: MultiThreadedEventLoopGroup.singleton.next()) { transaction in
            let (connection, node) = (transaction.connection, transaction.node)
            let absent = try connection.rows(Self.absent, [.integer(node), .integer(isSettled ? 1 : 0)])
            for row in 0..<absent.count {
                let former: UInt8 = try absent.number(row, 0)
                let rows = try connection.rows(Self.take, [.integer(node), .integer(former), .integer(count)])
                guard rows.count > 0 else { continue }
                try connection.add(Self.noteTaken, [.integer(node), .integer(rows.count)])
                var lease = try Lease(rows)
                lease.messages.sort { $0.id < $1.id }
                lease.former = former
                return lease
            }
            return Lease([])
        }.get()
    }

    // MARK: states

    /// A courier is among the nodes for as long as it works, or has mail; and one that was forgotten, for as long as it has mail.
    private static let isShown =
        "(NOT courier OR until > now() OR EXISTS (SELECT FROM hoptop.messages m WHERE m.holder = n.node))"
    /// A node renews its lease six times while it lasts; who has missed that is silent.
    private static let allNodes = Query(
        "fleet-nodes",
        """
        SELECT node, name, CASE WHEN stopped THEN 'stopped' WHEN until <= now() THEN 'gone'
                WHEN until <= now() + lease * 2 / 3 * interval '1 ms' THEN 'silent'
                WHEN draining THEN 'draining' ELSE 'up' END,
            CASE WHEN draining THEN 1 ELSE 0 END::bigint,
            greatest(0, extract(epoch FROM now() - until) * 1000 + CASE WHEN stopped THEN 0 ELSE lease END)::bigint,
            (SELECT count(*) FROM hoptop.messages m WHERE m.holder = n.node), software
        FROM hoptop.nodes n
        WHERE \(isShown)
        ORDER BY node
        """)

    public func nodes() async throws -> [FleetNode] {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.allNodes)
            return try (0..<rows.count).map { row in
                FleetNode(
                    node: try rows.number(row, 0), name: try rows.text(row, 1),
                    state: FleetNode.State(rawValue: try rows.text(row, 2)) ?? .gone,
                    isDrained: try rows.integer(row, 3) == 1, age: try rows.integer(row, 4),
                    messages: try rows.number(row, 5), software: try rows.text(row, 6))
            }
        }
    }

    private static let drainNode = Query(
        "fleet-drain", "UPDATE hoptop.nodes SET draining = ($2::bigint = 1), quiet = false WHERE node = $1")
    /// It has a share again when it drains no more, and the others have heard that.
    private static let quiet = Query(
        "fleet-quiet",
        """
        UPDATE hoptop.nodes SET quiet = true, shares = 0, crowded = '' WHERE node = $1 AND draining AND NOT quiet
        """)

    public func drain(
        _ node: UInt8, _ isDraining: Bool, as fact: Fact?, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Bool> {
        self.writer.submit(on: eventLoop) { transaction in
            transaction.wakesOthers = true
            let rows = try transaction.connection.rows(
                Self.drainNode, [.integer(node), .integer(isDraining ? 1 : 0)])
            guard rows.affected == 1 else { return false }
            if let fact { transaction.add(SharedFact(fact: fact)) }
            return true
        }
    }

    /// The row stays, as that of a courier does, with the number of its leases and the last of its queue IDs: a process that
    /// wakes up after all must not have a lease that it had before.
    private static let forgetNode = Query(
        "fleet-forget",
        """
        UPDATE hoptop.nodes SET courier = true, stopped = true, draining = false, quiet = false, shares = 0, crowded = '',
            until = CASE WHEN stopped THEN until ELSE until - lease * interval '1 ms' END
        WHERE node = $1
        """)
    /// It waits for nobody: who stands still in the midst of a transaction may have the row, and all mail of this node would wait
    /// as well.
    private static let nodeToForget = Query(
        "fleet-node-to-forget",
        """
        WITH found AS MATERIALIZED (SELECT until FROM hoptop.nodes n WHERE node = $1 AND \(isShown)),
            locked AS MATERIALIZED (SELECT until FROM hoptop.nodes WHERE node = $1 FOR NO KEY UPDATE SKIP LOCKED)
        SELECT CASE WHEN coalesce(l.until, f.until) > clock_timestamp() THEN 1 ELSE 0 END::bigint,
            CASE WHEN l.until IS NOT NULL AND pg_try_advisory_xact_lock(7235419, $1::bigint::int)
                THEN 1 ELSE 0 END::bigint
        FROM found f LEFT JOIN locked l ON true
        """)

    public func forget(
        _ node: UInt8, as fact: Fact, on eventLoop: any EventLoop
    ) -> EventLoopFuture<FleetForgetting> {
        self.writer.submit(on: eventLoop) { transaction in
            // Its own number this connection has.
            guard node != transaction.node else { return .live }
            let (connection, number) = (transaction.connection, QueryValue.integer(node))
            let found = try connection.rows(Self.nodeToForget, [number])
            guard found.count == 1 else { return .unknown }
            guard try found.integer(0, 0) == 0 else { return .live }
            guard try found.integer(0, 1) == 1 else { return .standing }
            _ = try connection.rows(Self.forgetNode, [number])
            // Its next start would do that.
            try UploadedContent.sweep(of: node, on: connection)
            for reader in FactReader.allCases { try transaction.forget(reader: reader.name(at: node)) }
            transaction.add(SharedFact(fact: fact))
            transaction.wakesOthers = true
            return .done
        }
    }

    public func letGo() async throws {
        try await self.writer.submit(on: MultiThreadedEventLoopGroup.singleton.next()) { transaction in
            transaction.wakesOthers =
                try transaction.connection.rows(
                    Self.quiet, [.integer(transaction.node)]
                ).affected > 0
        }.get()
    }
}
