import DequeModule
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
            .compactMap { self.backlog.suspendedName($0) }.first
    }

    /// The spool did this, or nothing, and the order has ended.
    ///
    /// - Parameters:
    ///   - hasMissed: the spool found some of its recipients other than they are known here.
    ///   - retry: names an order for which one session may be tried in spite of each destination's back-off.
    mutating func orderEnded(
        _ number: Int, _ changes: [Applied.Change], hasMissed: Bool = false, retry: Int? = nil, at now: Timestamp
    ) {
        if hasMissed { self.readWhatIsNot(among: changes, of: number) }
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
            if let retry, let destination = self.backlog.destination(of: row),
                self.backlog.allowProbe(destination, for: retry)
            {
                self.backlog.tryFirst(row, at: now)
            }
            self.forgetIfSettled(slot, at: now)
        }
        for row in claim.rows where self.backlog.index.rowSlot[Int(row)] >= 0 {
            self.resume(row, after: claim, at: now)
            if let destination = self.backlog.destination(of: row) { destinations.insert(destination) }
        }
        self.backlog.forgetStale(destinations)
    }

    private mutating func readWhatIsNot(among changes: [Applied.Change], of number: Int) {
        let changed = Dictionary(grouping: changes, by: \.message).mapValues { Set($0.map(\.recipient.index)) }
        let missed = self.backlog.claims[number]?.rows.filter { row in
            changed[self.index.id(ofRow: row)]?.contains(Int(self.index.rowIndex[Int(row)])) != true
        }
        for id in Set((missed ?? []).map { self.index.id(ofRow: $0) }).sorted() { self.read(id) }
    }

    /// The operator returns mail to its sender: what is free of it is settled with a report.
    ///
    /// - Returns: what is written down for that, and how many were left alone.
    mutating func bounceOrdered(
        on targets: some Sequence<RecipientTarget>, by name: String, because reason: String? = nil
    ) -> (settlements: [BegunSettlement], skipped: [SkipReason: Int]) {
        let (free, rows, skipped) = self.backlog.free(targets)
        var settlements: [BegunSettlement] = []
        var start = 0
        while start < rows.count {
            let end = free[start...].firstIndex { $0.message != free[start].message } ?? rows.count
            let outcomes = free[start..<end].map {
                Settlement.Outcome(bouncedBy: name, because: reason, index: $0.index, generation: $0.generation)
            }
            settlements += self.settle(Array(rows[start..<end]), outcomes)
            start = end
        }
        return (settlements, skipped)
    }

    /// Somebody at another node may have ordered that it is bounced.
    mutating func bounceIfOrdered(_ row: QueueIndex.Row) {
        guard self.isToBeBounced(row) else { return }
        let id = self.index.id(ofRow: row)
        if self.bouncing.last != id { self.bouncing.append(id) }
    }

    private func isToBeBounced(_ row: QueueIndex.Row) -> Bool {
        self.index.returnedBy(row) != nil && self.index.states[Int(row)] == .hold && self.index.isOurs(row)
            && !self.backlog.claims.has(row)
    }

    /// What was ordered so at another node is bounced, the recipients of a message together: its sender gets one report.
    mutating func goOnBouncing() {
        while self.mayBegin, !self.isStopping, self.backlog.claims.settlements < Self.settlementsAtOnce,
            let id = self.bouncing.popFirst()
        {
            guard let slot = self.index.slot(of: id) else { continue }
            let rows = self.index.rows(of: slot).filter { self.isToBeBounced($0) }
            let outcomes = rows.map { row in
                Settlement.Outcome(
                    bouncedBy: self.index.returnedBy(row) ?? "", because: nil,
                    index: Int(self.index.rowIndex[Int(row)]), generation: self.index.rowGenerations[Int(row)])
            }
            self.settle(rows, outcomes)
        }
    }

    // MARK: what the operator ordered about destinations

    /// What is under way ends as it does; what waits obeys.
    mutating func destinationsOrdered(_ orders: DestinationOrders, at now: Timestamp) {
        let before = self.backlog.destinations.orders
        if self.backlog.ordered(orders) { self.rerouting = Walk(since: now) }
        for gate in self.backlog.gates.all {
            self.endSurplus(gate)
            // The host may be the one of the site that answers.
            let isBackedOff = self.backlog.gates[gate].backOff.isOn(at: now)
            if isBackedOff, self.backlog.gates[gate].gains(by: orders, after: before) {
                self.backlog.gates[gate].allowProbe(for: nil)
            }
        }
        for destination in self.backlog.destinations.all { self.serve(destination, at: now) }
    }

    mutating func endSurplus(_ gate: GateTable.Index) {
        let configured = self.configuration.delivery.connections
        while let session = self.backlog.gates[gate].takeSurplus(configured: configured) {
            self.actions.append(.quit(session: session))
        }
        if self.backlog.gates[gate].sessions > 0 { self.countSessions(gate) }
    }
}

extension Settlement.Outcome {
    fileprivate init(bouncedBy name: String, because reason: String?, index: Int, generation: UInt32) {
        self.init(
            index: index, generation: generation, state: .bounced, countsAsTry: false,
            reply: "bounced by the operator" + (reason.map { ": \($0)" } ?? ""), actor: name)
    }
}
