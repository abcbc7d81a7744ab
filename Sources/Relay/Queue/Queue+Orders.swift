import Mail
import Monitor
import NIOCore
import SMTP
import Spool

/// What an operator does. Each order names its recipients by identity and generation; what changed meanwhile is skipped.
///
/// It is done part by part, each a transaction, so that an order for a million holds up nobody's mail and needs no memory
/// for all of them.
extension Queue {
    private static let recipientsInPart = 500

    /// How far an order is.
    private struct Progress: Sendable {
        var receipt = Receipt(done: 0, messages: 0)
        /// What was changed, as it is now.
        var touched: [RecipientTarget] = []
        var probed: Set<QueueIndex.DestinationIndex> = []

        mutating func add(_ part: Part) {
            self.receipt.done += part.done.values.reduce(0, +)
            self.receipt.messages += part.done.count
            self.receipt.skipped.merge(part.skipped, uniquingKeysWith: +)
            self.receipt.undo = part.undo ?? self.receipt.undo
            self.touched += part.touched
        }
    }

    /// What became of a part, which never splits a message.
    private struct Part: Sendable {
        /// Recipients of each message.
        var done: [QueueID: Int] = [:]
        var skipped: [SkipReason: Int] = [:]
        var touched: [RecipientTarget] = []
        var undo: UndoToken?
    }

    /// From any thread.
    func perform(_ action: QueueAction, on targets: Targets, by name: String) async throws -> Receipt {
        let (named, skipped) = try await self.loop.submit {
            var skipped: [SkipReason: Int] = [:]
            let named = try self.named(targets, skipped: &skipped)
            return (named, skipped)
        }.get()
        var receipt = try await self.perform(action, on: named, by: name)
        receipt.skipped.merge(skipped, uniquingKeysWith: +)
        return receipt
    }

    private func perform(
        _ action: QueueAction, on targets: [RecipientTarget], by name: String
    ) async throws -> Receipt {
        var progress = Progress()
        var rest = targets[...]
        while !rest.isEmpty {
            let part = Self.part(of: rest)
            do {
                progress = try await self.loop.flatSubmit { [progress] in
                    self.perform(action, onPart: part, by: name, progress)
                }.get()
            } catch {
                guard progress.receipt.done > 0 else { throw error }
                // What was done is done, and can be taken back.
                progress.receipt.skipped[.failed, default: 0] += rest.count
                progress.receipt.remarks.append(.failed(error: FeedError(.unavailable, "\(error)")))
                break
            }
            rest = rest.dropFirst(part.count)
        }
        return await self.receipt(progress)
    }

    private func receipt(_ progress: Progress) async -> Receipt {
        guard !progress.touched.isEmpty else { return progress.receipt }
        var receipt = progress.receipt
        receipt.touched = await self.onLoop { self.keep(progress.touched) }
        return receipt
    }

    private static func part(of targets: ArraySlice<RecipientTarget>) -> ArraySlice<RecipientTarget> {
        let least = targets.prefix(self.recipientsInPart)
        return least + targets.dropFirst(least.count).prefix { $0.message == least.last?.message }
    }

    /// From any thread.
    func undo(_ token: UndoToken, by name: String) async throws -> Receipt {
        var progress = Progress()
        var last: QueueID?
        repeat {
            let applied = try await self.loop.flatSubmit { [last] in
                self.spool.undo(token.id, after: last, at: self.now, by: name, on: self.loop).map { applied in
                    for id in Set(applied.changes.map(\.message)) { self.refresh(id) }
                    self.signal.raise(.facts)
                    return applied
                }
            }.get()
            progress.add(self.part(applied))
            last = applied.end
        } while last != nil
        return await self.receipt(progress)
    }

    /// Makes everything deferred due now, as a signal asks for it.
    func retryAll(by name: String) async throws -> Receipt {
        let all = try await self.loop.flatSubmit { self.select(.all) }.get()
        return try await self.perform(.retry, on: all.targets, by: name)
    }

    /// What a client asks for with ETRN (RFC 1985): mail of that domain that waits is due now. From any thread.
    ///
    /// - Returns: how many recipients that were.
    func release(_ request: QueueRequest) -> EventLoopFuture<Int> {
        self.loop.makeFutureWithTask {
            guard let pattern = request.pattern else { throw FeedError(.invalid, "there are no named queues") }
            let waiting = try await self.loop.flatSubmit { self.select(.all) { self.waits($0, for: pattern) } }
                .get()
            return try await self.perform(.retry, on: waiting.targets, by: "ETRN").done
        }
    }

    private func waits(_ row: QueueIndex.Row, for pattern: DomainPattern) -> Bool {
        let state = self.index.states[Int(row)]
        guard state == .deferred || state == .queued,
            let path = try? ForwardPath(parsing: self.index.forwardPath(row), utf8: true)
        else { return false }
        return pattern.matches(RouteTable.routedDomain(of: path, hostname: self.configuration.hostname))
    }

    // MARK: a part

    private func perform(
        _ action: QueueAction, onPart targets: ArraySlice<RecipientTarget>, by name: String, _ progress: Progress
    ) -> EventLoopFuture<Progress> {
        var progress = progress
        let found = self.free(targets, skipped: &progress.receipt.skipped)
        guard !found.isEmpty else { return self.loop.makeSucceededFuture(progress) }
        let rows = found.compactMap { self.row(of: $0) }
        // While the spool writes an order no attempt may begin for its recipients: it would end in what the order changed.
        self.ordered.formUnion(rows)
        let done: EventLoopFuture<Part> =
            switch action {
            case .retry: self.apply(.retry, found, by: name)
            case .hold: self.apply(.hold, found, by: name)
            case .release: self.apply(.release, found, by: name)
            case .drop: self.drop(found, by: name, &progress)
            case .bounce: self.bounce(found, by: name)
            }
        if action == .retry { self.allowProbes(rows, &progress) }
        let before = progress
        return done.always { _ in
            self.letGo(rows)
            self.signal.raise(.queue)
            self.signal.raise(.facts)
        }.map { part in
            var progress = before
            progress.add(part)
            return progress
        }
    }

    private func letGo(_ rows: [QueueIndex.Row]) {
        self.ordered.subtract(rows)
        for row in rows where self.index.rowSlot[Int(row)] >= 0 { self.plan(row) }
        for index in Set(rows.map { self.index.destinations[Int($0)] }) where index >= 0 {
            let waiting = self.index.countsByDestination[Int(index)].unsettled
            self.destinations[Int(index)].forgetStale(beyond: 2 * waiting) {
                self.index.stamps[Int($0.row)] == $0.stamp
            }
        }
    }

    private func apply(
        _ action: Order.Action, _ targets: [RecipientTarget], by name: String
    ) -> EventLoopFuture<Part> {
        self.spool.apply(Order(action, at: self.now, by: name), on: targets, on: self.loop).map { applied in
            for change in applied.changes { self.take(change) }
            return self.part(applied)
        }
    }

    private func part(_ applied: Applied) -> Part {
        var part = Part(undo: applied.undo.map { UndoToken(node: self.node, id: $0) })
        for (skip, count) in applied.skipped { part.skipped[SkipReason(skip), default: 0] += count }
        for change in applied.changes {
            part.done[change.message, default: 0] += 1
            if !change.recipient.state.isSettled {
                part.touched.append(
                    RecipientTarget(
                        message: change.message, index: change.recipient.index,
                        generation: change.recipient.generation))
            }
        }
        return part
    }

    private func take(_ change: Applied.Change) {
        guard let slot = self.index.slot(of: change.message),
            let row = self.index.row(of: slot, index: change.recipient.index)
        else { return }
        self.index.update(row, to: change.recipient, messageGeneration: change.generation)
        if change.recipient.state != .hold { self.spoolWatch.damagedMail.isOver(change.message) }
        if self.index.rows(of: slot).allSatisfy({ self.index.states[Int($0)].isSettled }) { self.forget(slot) }
    }

    /// What is told is until when all parts can be taken back; the later ones can for a little longer.
    private func drop(
        _ targets: [RecipientTarget], by name: String, _ progress: inout Progress
    ) -> EventLoopFuture<Part> {
        let until = self.now.adding(milliseconds: self.configuration.undo)
        progress.receipt.undoUntil = progress.receipt.undoUntil ?? until
        return self.apply(.drop(undoUntil: until, token: progress.receipt.undo?.id), targets, by: name)
    }

    /// Lets one session through the back-off of each destination that was asked for.
    private func allowProbes(_ rows: [QueueIndex.Row], _ progress: inout Progress) {
        for row in rows {
            guard let destination = self.destination(of: row) else {
                if progress.receipt.remarks.isEmpty, let domain = self.unroutedDomain(row) {
                    progress.receipt.remarks.append(.noRoute(domain: domain))
                }
                continue
            }
            if progress.probed.insert(destination.index).inserted { destination.mayProbe = true }
        }
    }

    /// Report by report: each is one transaction with what it tells.
    private func bounce(_ targets: [RecipientTarget], by name: String) -> EventLoopFuture<Part> {
        let settled = Dictionary(grouping: targets, by: \.message).map { id, targets in
            let outcomes = targets.map {
                Settlement.Outcome(
                    index: $0.index, generation: $0.generation, state: .bounced, countsAsTry: false,
                    reply: "bounced by the operator (\(name))", actor: name)
            }
            return self.settleInReports(outcomes, of: id).map { (id, done: $0, changed: targets.count - $0) }
        }
        return EventLoopFuture.whenAllSucceed(settled, on: self.loop).map { messages in
            var part = Part()
            for (id, done, changed) in messages {
                if done > 0 { part.done[id] = done }
                if changed > 0 { part.skipped[.changed, default: 0] += changed }
            }
            return part
        }
    }
}

extension SkipReason {
    fileprivate init(_ skip: Skip) {
        self =
            switch skip {
            case .gone: .gone
            case .changed: .changed
            case .settled: .settled
            case .onHold, .alreadyOnHold: .onHold
            case .notOnHold: .notOnHold
            case .tooLate: .tooLate
            case .damaged: .damaged
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
