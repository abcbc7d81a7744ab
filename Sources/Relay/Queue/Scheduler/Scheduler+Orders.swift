import Mail
import Monitor
import SMTP
import Spool

// What operators order.
extension Scheduler {
    /// An operator's order names recipients.
    ///
    /// - Parameter targets: those of one message stand together.
    mutating func orderBegan(on targets: some Sequence<RecipientTarget>) -> BegunOrder {
        let (free, rows, skipped) = self.backlog.free(targets)
        let number = self.backlog.claims.take(
            rows, for: .order, routing: self.backlog.destinations.routing)
        return BegunOrder(
            number: number, targets: free, skipped: skipped,
            destinations: Set(rows.compactMap { self.backlog.destination(of: $0) }),
            unroutedDomain: rows.first { self.backlog.destination(of: $0) == nil }.flatMap {
                self.unroutedDomain($0)
            }, suspendedDestination: self.suspendedDestination(rows))
    }

    private func suspendedDestination(_ rows: [QueueIndex.Row]) -> String? {
        guard !self.backlog.destinations.orders.suspensions.isEmpty else { return nil }
        return rows.lazy.compactMap { self.backlog.destination(of: $0) }
            .first { self.backlog.destinations[$0].suspension != nil }
            .map { self.backlog.destinations[$0].nextHop.description }
    }

    /// The spool did this, or nothing, and the order has ended.
    ///
    /// - Parameter retry: names an order for which one session may be tried in spite of each destination's back-off.
    mutating func orderEnded(
        _ number: Int, _ changes: [Applied.Change], retry: Int? = nil, at now: Timestamp
    ) {
        guard let claim = self.backlog.claims.release(number) else { return }
        var destinations: Set<QueueIndex.DestinationIndex> = []
        for change in changes {
            guard let slot = self.backlog.index.slot(of: change.message),
                let row = self.backlog.index.row(of: slot, index: change.recipient.index)
            else { continue }
            self.readIfChanged(slot, to: change.generation)
            let mayGoElsewhere = self.backlog.index.update(
                row, to: change.recipient, messageGeneration: change.generation)
            if mayGoElsewhere { self.backlog.reroute(row, at: now) }
            if let retry, let destination = self.backlog.destination(of: row) {
                self.backlog.allowProbe(destination, for: retry)
            }
            self.forgetIfSettled(slot, at: now)
        }
        for row in claim.rows where self.backlog.index.rowSlot[Int(row)] >= 0 {
            self.resume(row, after: claim, at: now)
            if let destination = self.backlog.destination(of: row) { destinations.insert(destination) }
        }
        self.backlog.forgetStale(destinations)
    }

    /// The operator returns mail to its sender: what is free of it is settled with a report.
    ///
    /// - Returns: what is written down for that, and how many were left alone.
    mutating func bounceOrdered(
        on targets: some Sequence<RecipientTarget>, by name: String
    ) -> (settlements: [BegunSettlement], skipped: [SkipReason: Int]) {
        let (free, rows, skipped) = self.backlog.free(targets)
        var settlements: [BegunSettlement] = []
        var start = 0
        while start < rows.count {
            let end = free[start...].firstIndex { $0.message != free[start].message } ?? rows.count
            let outcomes = free[start..<end].map {
                Settlement.Outcome(bouncedBy: name, index: $0.index, generation: $0.generation)
            }
            settlements += self.settle(Array(rows[start..<end]), outcomes)
            start = end
        }
        return (settlements, skipped)
    }

    /// Whether it is being bounced, since somebody ordered that at another node; nothing else is under way with it now.
    mutating func isReturned(_ row: QueueIndex.Row) -> Bool {
        guard let name = self.index.returnedBy(row), self.index.states[Int(row)] == .hold, self.index.isOurs(row),
            !self.isStopping, !self.backlog.claims.has(row)
        else { return false }
        let outcome = Settlement.Outcome(
            bouncedBy: name, index: Int(self.index.rowIndex[Int(row)]), generation: self.index.rowGenerations[Int(row)])
        self.settle([row], [outcome])
        return true
    }

    // MARK: what the operator ordered about destinations

    /// What is under way ends as it does; what waits obeys.
    mutating func destinationsOrdered(_ orders: DestinationOrders, at now: Timestamp) {
        if self.backlog.ordered(orders) { self.rerouting = Walk(since: now) }
        for gate in self.backlog.gates.all { self.endSurplus(gate) }
        for destination in self.backlog.destinations.all { self.serve(destination, at: now) }
    }

    mutating func endSurplus(_ gate: GateTable.Index) {
        while let session = self.backlog.gates[gate].takeSurplus() { self.actions.append(.quit(session: session)) }
    }
}

extension Settlement.Outcome {
    fileprivate init(bouncedBy name: String, index: Int, generation: UInt32) {
        self.init(
            index: index, generation: generation, state: .bounced, countsAsTry: false,
            reply: "bounced by the operator (\(name))", actor: name)
    }
}
