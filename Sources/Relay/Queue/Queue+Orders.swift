import Mail
import Monitor
import NIOCore
import SMTP
import Spool

/// What an operator does. Each order names its recipients by identity and generation; what changed meanwhile is skipped.
extension Queue {
    /// From any thread.
    func freeze(_ query: QueueQuery) async throws -> FrozenSet {
        try await self.loop.flatSubmit {
            self.matching(query.filter).map { slots in
                var targets: [RecipientTarget] = []
                for slot in slots { targets += self.index.rows(of: slot).compactMap { self.target($0) } }
                let id = self.frozen.keep(targets)
                return FrozenSet(
                    id: FrozenSetID(node: self.node, id: id), recipients: targets.count,
                    messages: slots.count, sample: slots.prefix(5).map { self.queueRow($0) })
            }
        }.get()
    }

    /// From any thread.
    func perform(_ action: QueueAction, on targets: Targets, by name: String) async throws -> Receipt {
        try await self.loop.flatSubmit {
            var skipped: [String: Int] = [:]
            let found: [RecipientTarget]
            do { found = try self.resolve(targets, skipped: &skipped) } catch {
                return self.loop.makeFailedFuture(error)
            }
            let rows = UncheckedTransfer(self.keepBack(found))
            let receipt: EventLoopFuture<Receipt> =
                switch action {
                case .retry: self.apply(.retry, found, by: name)
                case .hold: self.apply(.hold, found, by: name)
                case .release: self.apply(.release, found, by: name)
                case .drop:
                    self.apply(
                        .drop(undoUntil: self.now.adding(milliseconds: self.configuration.undo)), found, by: name)
                case .bounce: self.bounce(found, by: name)
                }
            let before = skipped
            return receipt.always { _ in self.letGo(rows.value) }.map { receipt in
                var receipt = receipt
                receipt.skipped.merge(before, uniquingKeysWith: +)
                self.signal.raise(.queue)
                self.signal.raise(.facts)
                return receipt
            }
        }.get()
    }

    /// From any thread.
    func undo(_ token: UndoToken) async throws -> Receipt {
        try await self.loop.flatSubmit {
            self.spool.undo(token.id, at: self.now, on: self.loop).map { applied in
                for id in Set(applied.changes.map(\.message)) { self.refresh(id) }
                self.signal.raise(.facts)
                return self.receipt(of: applied)
            }
        }.get()
    }

    /// Makes everything deferred due now, as a signal asks for it.
    func retryAll(by name: String) async throws -> Receipt {
        let all = try await self.freeze(QueueQuery())
        return try await self.perform(.retry, on: .frozen(all.id), by: name)
    }

    /// What a client asks for with ETRN (RFC 1985): mail of that domain that waits is due now. From any thread.
    ///
    /// - Returns: how many recipients that were.
    func release(_ request: QueueRequest) -> EventLoopFuture<Int> {
        self.loop.flatSubmit {
            guard let pattern = request.pattern else {
                return self.loop.makeFailedFuture(FeedError(.invalid, "there are no named queues"))
            }
            let found = UncheckedTransfer(SlotList())
            return self.scan { slot in found.value.slots.append(slot) }.flatMap {
                let targets = found.value.slots.flatMap { Array(self.index.rows(of: $0)) }.filter { row in
                    let state = self.index.states[Int(row)]
                    guard state == .deferred || state == .queued, !self.ordered.contains(row),
                        let path = try? ForwardPath(parsing: self.index.forwardPath(row), utf8: true)
                    else { return false }
                    return pattern.matches(
                        RouteTable.routedDomain(of: path, hostname: self.configuration.hostname))
                }.compactMap { self.target($0) }
                let rows = UncheckedTransfer(self.keepBack(targets))
                return self.apply(.retry, targets, by: "ETRN").always { _ in self.letGo(rows.value) }.map(\.done)
            }
        }
    }

    // MARK: targets

    private func target(_ row: QueueIndex.Row) -> RecipientTarget? {
        guard !self.index.states[Int(row)].isSettled else { return nil }
        return RecipientTarget(
            message: self.index.id(self.index.rowSlot[Int(row)]), index: Int(self.index.rowIndex[Int(row)]),
            generation: self.index.rowGenerations[Int(row)])
    }

    /// The recipients that are as the targets name them and are not being tried at this moment.
    private func resolve(_ targets: Targets, skipped: inout [String: Int]) throws -> [RecipientTarget] {
        var named: [RecipientTarget] = []
        switch targets {
        case .messages(let references):
            for reference in references {
                guard let slot = QueueID(reference.id).flatMap({ self.index.slot(of: $0) }) else {
                    skipped["no longer in the queue", default: 0] += 1
                    continue
                }
                let rows = self.index.rows(of: slot).compactMap { self.target($0) }
                if Int(self.index.generations[Int(slot)]) == reference.generation {
                    named += rows
                } else {
                    skipped["changed meanwhile", default: 0] += max(rows.count, 1)
                }
            }
        case .recipients(let references):
            named = references.compactMap { reference in
                QueueID(reference.message).map {
                    RecipientTarget(
                        message: $0, index: reference.index, generation: UInt32(clamping: reference.generation))
                }
            }
        case .frozen(let id):
            guard let kept = self.frozen.targets(id.id) else {
                throw FeedError(.gone, "what was selected is no longer known: select again")
            }
            named = kept
        }
        return named.filter { target in
            guard let slot = self.index.slot(of: target.message),
                let row = self.index.row(of: slot, index: target.index)
            else {
                skipped["no longer in the queue", default: 0] += 1
                return false
            }
            if self.index.states[Int(row)] == .active {
                skipped["an attempt is under way", default: 0] += 1
                return false
            }
            if self.ordered.contains(row) {
                skipped["another order is under way", default: 0] += 1
                return false
            }
            return true
        }
    }

    /// While the spool writes an order no attempt may begin for its recipients: it would end in what the order changed.
    private func keepBack(_ targets: [RecipientTarget]) -> [QueueIndex.Row] {
        let rows = targets.compactMap { target in
            self.index.slot(of: target.message).flatMap { self.index.row(of: $0, index: target.index) }
        }
        self.ordered.formUnion(rows)
        return rows
    }

    private func letGo(_ rows: [QueueIndex.Row]) {
        self.ordered.subtract(rows)
        // Their turn may have come meanwhile, and was passed over.
        for row in rows where self.index.rowSlot[Int(row)] >= 0 { self.plan(row) }
    }

    // MARK: doing

    private func apply(
        _ action: Order.Action, _ targets: [RecipientTarget], by name: String
    ) -> EventLoopFuture<Receipt> {
        guard !targets.isEmpty else { return self.loop.makeSucceededFuture(Receipt(done: 0, messages: 0)) }
        let order = Order(action, at: self.now, by: name)
        return self.spool.apply(order, on: targets, on: self.loop).map { applied in
            for change in applied.changes { self.take(change) }
            var receipt = self.receipt(of: applied)
            if case .drop(let until) = action, applied.undo != nil { receipt.undoUntil = until }
            if case .retry = action { receipt.remark = self.probe(targets) }
            return receipt
        }
    }

    private func take(_ change: Applied.Change) {
        guard let slot = self.index.slot(of: change.message),
            let row = self.index.row(of: slot, index: change.recipient.index)
        else { return }
        self.index.update(row, to: change.recipient, messageGeneration: change.generation)
        if self.index.rows(of: slot).allSatisfy({ self.index.states[Int($0)].isSettled }) {
            self.index.remove(slot)
            self.fresh.remove(change.message)
        } else {
            self.plan(row)
        }
    }

    /// Lets one session through the back-off of each destination that was asked for.
    /// - Returns: what an operator has to know beside the counts.
    private func probe(_ targets: [RecipientTarget]) -> String? {
        var remark: String?
        var seen: Set<QueueIndex.DestinationIndex> = []
        for target in targets {
            guard let slot = self.index.slot(of: target.message),
                let row = self.index.row(of: slot, index: target.index)
            else { continue }
            if let destination = self.destination(of: row) {
                guard seen.insert(destination.index).inserted else { continue }
                destination.mayProbe = true
                self.pump(destination)
            } else {
                remark = remark ?? self.missingRoute(row)
            }
        }
        return remark
    }

    private func receipt(of applied: Applied) -> Receipt {
        Receipt(
            done: applied.changes.count, messages: Set(applied.changes.map(\.message)).count,
            skipped: applied.skipped, undo: applied.undo.map { UndoToken(node: self.node, id: $0) })
    }

    /// Report by report: each is one transaction with what it tells.
    private func bounce(_ targets: [RecipientTarget], by name: String) -> EventLoopFuture<Receipt> {
        let messages = Dictionary(grouping: targets, by: \.message).sorted { $0.key < $1.key }
        let parts = messages.flatMap { _, targets in
            stride(from: 0, to: targets.count, by: Self.recipientsInReport).map { start in
                Array(targets[start..<min(start + Self.recipientsInReport, targets.count)])
            }
        }
        return self.bounce(parts[...], by: name, into: Receipt(done: 0, messages: 0))
            .map { receipt in
                var receipt = receipt
                receipt.messages = receipt.done == 0 ? 0 : messages.count
                return receipt
            }
    }

    private func bounce(
        _ parts: ArraySlice<[RecipientTarget]>, by name: String, into receipt: Receipt
    ) -> EventLoopFuture<Receipt> {
        let batch = parts.prefix(100)
        guard !batch.isEmpty else { return self.loop.makeSucceededFuture(receipt) }
        let settled = batch.map { targets -> EventLoopFuture<(Int, Bool)> in
            let id = targets[0].message
            let outcomes = targets.map {
                Settlement.Outcome(
                    index: $0.index, generation: $0.generation, state: .bounced, countsAsTry: false,
                    reply: "bounced by the operator (\(name))")
            }
            let promise = self.loop.makePromise(of: (Int, Bool).self)
            self.settle(outcomes, of: id) { isDone in
                if !isDone { self.refresh(id) }
                promise.succeed((targets.count, isDone))
            }
            return promise.futureResult
        }
        return EventLoopFuture.whenAllSucceed(settled, on: self.loop).flatMap { results in
            var receipt = receipt
            for (count, isDone) in results {
                if isDone {
                    receipt.done += count
                } else {
                    receipt.skipped["changed meanwhile", default: 0] += count
                }
            }
            return self.bounce(parts.dropFirst(100), by: name, into: receipt)
        }
    }
}

extension QueueRequest {
    /// The domains it is about; `nil` for a name that nobody agreed on.
    fileprivate var pattern: DomainPattern? {
        switch self {
        case .domain(let domain): DomainPattern(domain.text)
        case .subdomains(let domain): DomainPattern("*.\(domain.text)")
        case .queue: nil
        }
    }
}

/// What was frozen for an order that waits for a person, the latest few.
struct FrozenTargets {
    private static let limit = 8
    private var sets: [(id: Int, targets: [RecipientTarget])] = []
    private var last = 0

    mutating func keep(_ targets: [RecipientTarget]) -> Int {
        self.last += 1
        self.sets.append((self.last, targets))
        if self.sets.count > Self.limit { self.sets.removeFirst() }
        return self.last
    }
    func targets(_ id: Int) -> [RecipientTarget]? { self.sets.first { $0.id == id }?.targets }
}
