import Mail
import Monitor
import NIOCore

/// The destinations as a list of their own.
extension QueueOverview {
    /// All there are: those with mail, sessions, a back-off or an order of the operator, and the hosts of the routes. From
    /// any thread.
    func destinations() async throws -> (rows: [DestinationRow], at: Timestamp) {
        try await self.queue.loop.flatSubmit { self.censusNow().map { (self.rows($0), self.queue.now) } }.get()
    }

    /// The one that a route leads to, also where nothing goes there now.
    func destination(_ hop: NextHop) async throws -> DestinationRow {
        let terms = DestinationTerms(hop)
        let others = hop.hosts.dropFirst().map(\.description)
        let known = try await self.destinations().rows.first {
            $0.name == hop.description && $0.terms == terms && $0.otherHosts == others
        }
        if let known { return known }
        return try await self.queue.loop.submit { self.idle(hop.description, hop) }.get()
    }

    /// How a destination is doing, and why and until when.
    func state(
        of index: DestinationTable.Index, _ counted: QueueCensus.Group?, at now: Timestamp
    ) -> (condition: DestinationAges.Condition, reason: String?, until: Timestamp?) {
        let counts = self.scheduler.index.countsByDestination[Int(index)]
        if let suspension = self.scheduler.destinations[index].suspension {
            return (.suspended, suspension.reason, suspension.until)
        }
        if let backOff = self.scheduler.backOff(of: index) {
            return (.backoff, backOff.reason, backOff.isOn(at: now) ? backOff.until : nil)
        }
        if counts[.deferred] > 0 { return (.deferring, counted?.reply, nil) }
        return (counts.unsettled > 0 && counts[.hold] == counts.unsettled ? .hold : .ok, nil, nil)
    }

    private func rows(_ census: QueueCensus) -> [DestinationRow] {
        var rows: [(hop: NextHop?, row: DestinationRow)] = []
        var known: Set<NextHop> = []
        for index in self.scheduler.destinations.all {
            let row = self.row(index, census)
            let hop = self.scheduler.destinations[index].nextHop
            let isOrdered = row.condition == .suspended || row.isLimited
            guard row.waiting > 0 || row.connections > 0 || row.condition == .backoff || isOrdered else { continue }
            known.insert(hop)
            rows.append((hop, row))
        }
        for route in self.scheduler.configuration.routes {
            guard case .hosts = route.via else { continue }
            let hop = route.nextHop(for: "")
            if known.insert(hop).inserted { rows.append((hop, self.idle(hop.description, hop))) }
        }
        // What was ordered about a name that no mail and no route has may have been forgotten.
        let orders = self.scheduler.destinations.orders
        let names = Set(rows.map { $0.row.name.lowercased() })
        for name in Set(orders.suspensions.keys).union(orders.limits.keys).subtracting(names).sorted() {
            rows.append((nil, self.idle(name, nil)))
        }
        if let unrouted = census.byDestination[QueueIndex.unrouted] {
            var row = self.idle(noRoute, nil)
            row.condition = .unrouted
            row.reason = census.unroutedDomains.count == 1 ? census.unroutedDomains.example : nil
            row.recipients = self.unrouted
            row.oldest = unrouted.oldest
            (row.connectionLimit, row.isLimitOfAll) = (0, nil)
            rows.append((nil, row))
        }
        return Self.named(rows)
    }

    private var scheduler: Scheduler { _read { yield self.queue.scheduler } }

    /// Unsettled recipients that no route takes: those that no destination has.
    private var unrouted: RecipientCounts {
        var counts = RecipientCounts()
        for state in RecipientState.allCases where !state.isSettled {
            let routed = self.scheduler.destinations.all.reduce(0) {
                $0 + self.scheduler.index.countsByDestination[Int($1)][state]
            }
            counts[state] = self.scheduler.index.counts[state] - routed
        }
        return counts
    }

    private func row(_ index: DestinationTable.Index, _ census: QueueCensus) -> DestinationRow {
        let now = self.queue.now
        let destination = self.scheduler.destinations[index]
        // A count that was made before the destination was is another one's.
        let counted = destination.number <= census.newest ? census.byDestination[index] : nil
        let counts = self.scheduler.index.countsByDestination[Int(index)]
        let gate = self.scheduler.gate(of: index)
        let state = self.state(of: index, counted, at: now)
        var row = self.idle(destination.nextHop.description, destination.nextHop)
        row.condition = state.condition
        row.reason = state.reason
        row.until = state.until
        row.by = destination.suspension?.by
        row.suspendedName = self.scheduler.backlog.suspendedName(index)
        row.failures = self.scheduler.backOff(of: index)?.failures ?? 0
        for state in RecipientState.allCases where !state.isSettled { row.recipients[state] = counts[state] }
        row.oldest = row.waiting > 0 ? counted?.oldest : nil
        row.connections = gate?.sessions ?? 0
        row.limit(self.scheduler.limit(ofDestination: index))
        row.isLimited = gate?.limitForNow != nil || row.isLimited
        row.window = gate?.window
        if counts[.queued] > 0 { row.remaining = self.scheduler.remaining(CollectionOfOne(index), at: now) }
        row.lastReply = counted?.reply ?? (state.condition == .backoff ? state.reason : nil)
        return row
    }

    /// One to which nothing goes.
    ///
    /// - Parameter hop: `nil`: it is a name only.
    private func idle(_ name: String, _ hop: NextHop?) -> DestinationRow {
        let orders = self.scheduler.destinations.orders
        let ownName = name.lowercased()
        let suspendedName =
            orders.suspensions[ownName] != nil ? name : hop.flatMap { orders.nameSuspending(all: $0.hosts) }
        let suspension = suspendedName.flatMap { orders.suspensions[$0.lowercased()] }
        let limit = orders.limits[ownName]
        var row = DestinationRow(
            ref: DestinationRef(node: self.queue.node, id: name), name: name,
            otherHosts: hop?.hosts.dropFirst().map(\.description) ?? [], terms: hop.map(DestinationTerms.init),
            condition: suspension == nil ? .ok : .suspended, reason: suspension?.reason, until: suspension?.until,
            by: suspension?.by, isLimited: limit != nil)
        row.suspendedName = suspendedName
        row.limit(
            self.scheduler.share(
                of: limit ?? hop?.limits.connections ?? self.scheduler.configuration.delivery.connections))
        return row
    }

    /// Namesakes are numbered in an order that stays the same when one of them gets mail.
    private static func named(_ rows: [(hop: NextHop?, row: DestinationRow)]) -> [DestinationRow] {
        let groups = Dictionary(grouping: rows) { $0.row.name }
        return groups.values.flatMap { group in
            guard group.count > 1 else { return group.map(\.row) }
            let sorted = group.sorted { left, right in Self.place(left) < Self.place(right) }
            return sorted.enumerated().map { number, entry in
                var row = entry.row
                if number > 0 { row.ref.id += "#\(number + 1)" }
                return row
            }
        }
    }

    private static func place(_ entry: (hop: NextHop?, row: DestinationRow)) -> String {
        let retry = entry.hop.map { "\($0.retry) \($0.limits)" } ?? ""
        return [entry.row.otherHosts.joined(separator: " "), entry.row.terms?.words ?? "", retry].joined(separator: "|")
    }
}

extension DestinationTerms {
    init(_ hop: NextHop) {
        self.init(
            tls: hop.security.tls.rawValue, isImplicit: hop.security.isImplicit,
            isPinned: hop.security.fingerprint != nil, user: hop.security.login?.user,
            messagesPerConnection: hop.limits.messagesPerConnection,
            rate: hop.limits.rate.map { Rate(messages: $0.messages, milliseconds: $0.milliseconds) },
            rewritesSenders: hop.srs != nil)
    }
}

extension DestinationRow {
    fileprivate mutating func limit(_ limit: (sessions: Int, isOfAll: Bool)) {
        (self.connectionLimit, self.isLimitOfAll) = (limit.sessions, limit.isOfAll ? true : nil)
    }
}
