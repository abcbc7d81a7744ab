import Mail
import Monitor
import NIOCore
import SMTP
import Spool

/// What an operator does. Each order names its recipients by identity and generation; what changed meanwhile is skipped.
///
/// It is done part by part, each a transaction, so that an order for a million holds up nobody's mail and needs no memory
/// for all of them. All of it may be called from any thread.
struct Orders: Sendable {
    private static let recipientsInPart = 500
    /// What takes less, in milliseconds, is as good as done.
    private static let toldOf: Int64 = 5000

    let queue: Queue
    let selections: Selections

    /// How far an order is.
    private struct Progress: Sendable {
        var receipt = Receipt(done: 0, messages: 0)
        /// What was changed, as it is now.
        var touched: [RecipientTarget] = []
        /// Where what is due now goes.
        var destinations: Set<DestinationTable.Index> = []
        /// The first part's, which names the order in all of them.
        var number: Int?
        /// Some of a part was not done, and so nothing behind it is.
        var hasFailed = false

        mutating func add(_ part: Part) {
            self.receipt.done += part.done.values.reduce(0, +)
            self.receipt.messages += part.done.count
            self.receipt.skipped.merge(part.skipped, uniquingKeysWith: +)
            self.receipt.undo = part.undo ?? self.receipt.undo
            self.touched += part.touched
            if let failure = part.failure { self.failed(failure) }
        }

        mutating func failed(_ error: FeedError) {
            self.hasFailed = true
            self.receipt.remarks.append(.failed(error: error))
        }
    }

    /// What became of a part, which never splits a message.
    private struct Part: Sendable {
        /// Recipients of each message.
        var done: [QueueID: Int] = [:]
        var skipped: [SkipReason: Int] = [:]
        var touched: [RecipientTarget] = []
        var undo: UndoToken?
        /// Why some of it was not done, while the rest was.
        var failure: FeedError?

        init(_ applied: Applied, node: String) {
            self.undo = applied.undo.map { UndoToken(node: node, id: $0) }
            for (skip, count) in applied.skipped { self.skipped[SkipReason(skip), default: 0] += count }
            for change in applied.changes {
                self.done[change.message, default: 0] += 1
                guard !change.recipient.state.isSettled else { continue }
                self.touched.append(
                    RecipientTarget(
                        message: change.message, index: change.recipient.index,
                        generation: change.recipient.generation))
            }
        }

        init(done: [QueueID: Int], skipped: [SkipReason: Int]) {
            self.done = done
            self.skipped = skipped
        }

        init(failed count: Int, _ failure: FeedError) {
            self.skipped = [.failed: count]
            self.failure = failure
        }

        /// Of other messages, in one part.
        func joined(with other: Part) -> Part {
            var part = self
            part.done.merge(other.done, uniquingKeysWith: +)
            part.skipped.merge(other.skipped, uniquingKeysWith: +)
            part.touched += other.touched
            part.failure = self.failure ?? other.failure
            return part
        }
    }

    /// What is done to the recipients of a part.
    private enum Deed: Sendable {
        case order(Order.Action, reason: String? = nil)
        case drop
        case bounce(reason: String?)

        /// `nil` for a bounce, which is a settlement, and for a drop, which is taken back as a whole.
        var order: Order.Action? { if case .order(let action, _) = self { action } else { nil } }

        init(_ action: QueueAction, because reason: String?) {
            self =
                switch action {
                case .retry: .order(.retry)
                case .hold: .order(.hold, reason: reason)
                case .release: .order(.release)
                case .drop: .drop
                case .bounce: .bounce(reason: reason)
                }
        }
    }

    /// - Throws: ``FeedError`` `.invalid`: the action cannot be done for this reason.
    func perform(
        _ action: QueueAction, on targets: Targets, by name: String, because reason: String? = nil
    ) async throws -> Receipt {
        try action.check(reason)
        return try await self.perform(Deed(action, because: reason), on: targets, by: name)
    }

    /// Sends recipients to another next hop; `nil`: by their routes again.
    func reroute(_ targets: Targets, via detour: Detour?, by name: String) async throws -> Receipt {
        try await self.perform(.order(.reroute(via: detour?.description)), on: targets, by: name)
    }

    /// Changes recipients.
    ///
    /// - Throws: ``FeedError`` `.invalid`: what cannot be, and what would be right.
    func edit(_ targets: Targets, _ edit: RecipientEdit, by name: String) async throws -> Receipt {
        try edit.check(at: self.queue.now)
        let action: Order.Action =
            switch edit {
            case .due(let time): .postpone(until: time)
            case .address(let text): .readdress(to: try RecipientEdit.mailbox(text))
            }
        return try await self.perform(.order(action), on: targets, by: name)
    }

    /// Does what a standing rule asks for.
    func perform(
        _ action: Order.Action, on targets: [RecipientTarget], by name: String, reason: String
    ) async throws -> Receipt {
        try await self.perform(.order(action, reason: reason), on: targets, by: name)
    }

    private func perform(_ deed: Deed, on targets: Targets, by name: String) async throws -> Receipt {
        let (named, skipped) = try await self.queue.loop.submit {
            var skipped: [SkipReason: Int] = [:]
            let named = try self.selections.named(targets, skipped: &skipped)
            return (named, skipped)
        }.get()
        let set: FrozenSetID? = if case .frozen(let set) = targets { set } else { nil }
        var receipt = try await self.perform(deed, on: named, of: set, by: name)
        receipt.skipped.merge(skipped, uniquingKeysWith: +)
        return receipt
    }

    /// - Parameter set: the kept one that these are.
    private func perform(
        _ deed: Deed, on targets: [RecipientTarget], of set: FrozenSetID? = nil, by name: String
    ) async throws -> Receipt {
        var progress = Progress()
        var rest = targets[...]
        while !rest.isEmpty, !progress.hasFailed {
            let part = Self.part(of: rest)
            do {
                progress = try await self.queue.loop.flatSubmit { [progress] in
                    self.perform(deed, onPart: part, by: name, progress)
                }.get()
                rest = rest.dropFirst(part.count)
            } catch {
                guard progress.receipt.done > 0 else { throw error }
                // What was done is done, and can be taken back.
                progress.failed(FeedError(.unavailable, "\(error)"))
            }
        }
        if !rest.isEmpty { progress.receipt.skipped[.failed, default: 0] += rest.count }
        return await self.receipt(progress, deed.order, on: set, by: name)
    }

    /// - Parameters:
    ///   - order: what was done, where it was one.
    ///   - set: the kept one that it was done to.
    private func receipt(
        _ progress: Progress, _ order: Order.Action? = nil, on set: FrozenSetID? = nil, by name: String
    ) async -> Receipt {
        guard !progress.touched.isEmpty else { return progress.receipt }
        return await self.queue.onLoop {
            var receipt = progress.receipt
            if let order, let set { self.selections.ordered(order, on: set, touched: progress.touched) }
            receipt.touched = self.selections.keep(progress.touched, of: name, touchedBy: order)
            if let time = self.queue.scheduler.remaining(progress.destinations, at: self.queue.now),
                time >= Self.toldOf
            {
                receipt.remarks.append(.takes(milliseconds: time))
            }
            return receipt
        }
    }

    private static func part(of targets: ArraySlice<RecipientTarget>) -> ArraySlice<RecipientTarget> {
        let least = targets.prefix(self.recipientsInPart)
        return least + targets.dropFirst(least.count).prefix { $0.message == least.last?.message }
    }

    func undo(_ token: UndoToken, by name: String) async throws -> Receipt {
        let queue = self.queue
        var progress = Progress()
        var last: QueueID?
        repeat {
            let applied = try await queue.loop.flatSubmit { [last] in
                queue.spool.undo(token.id, after: last, at: queue.now, by: name, on: queue.loop).flatMap { applied in
                    self.selections.revived(applied.changes)
                    queue.signal.raise(.facts)
                    let read = Set(applied.changes.map(\.message)).map { queue.refresh($0) }
                    // Whoever takes back one thing after the other acts on what came back.
                    return EventLoopFuture.andAllComplete(read, on: queue.loop).map { applied }
                }
            }.get()
            progress.add(Part(applied, node: queue.node))
            last = applied.end
        } while last != nil
        return await self.receipt(progress, by: name)
    }

    /// Makes everything deferred due now, as a signal asks for it.
    func retryAll(by name: String) async throws -> Receipt {
        let all = try await self.queue.loop.flatSubmit { self.selections.select(.all) }.get()
        return try await self.perform(.order(.retry), on: all.targets, by: name)
    }

    /// What a client asks for with ETRN (RFC 1985): mail of that domain that waits is due now.
    ///
    /// - Returns: how many messages that were.
    func release(_ request: QueueRequest) -> EventLoopFuture<Int> {
        let queue = self.queue
        return queue.loop.makeFutureWithTask {
            guard let pattern = request.pattern else { throw FeedError(.invalid, "there are no named queues") }
            let waiting = try await queue.loop.flatSubmit {
                self.selections.select(.all) { queue.scheduler.waits($0, for: pattern) }
            }.get()
            return try await self.perform(.order(.retry), on: waiting.targets, by: "ETRN").messages
        }
    }

    // MARK: a part, on the queue's loop

    private func perform(
        _ deed: Deed, onPart targets: ArraySlice<RecipientTarget>, by name: String, _ before: Progress
    ) -> EventLoopFuture<Progress> {
        var progress = before
        let done: EventLoopFuture<Part> =
            switch deed {
            case .order(let action, let reason): self.apply(action, targets, by: name, reason: reason, &progress)
            case .drop: self.drop(targets, by: name, &progress)
            case .bounce(let reason): self.bounce(targets, by: name, reason: reason, &progress)
            }
        return done.map { [progress] part in
            self.queue.signal.raise(.facts)
            var progress = progress
            progress.add(part)
            return progress
        }
    }

    private func apply(
        _ action: Order.Action, _ targets: ArraySlice<RecipientTarget>, by name: String, reason: String? = nil,
        _ progress: inout Progress
    ) -> EventLoopFuture<Part> {
        let queue = self.queue
        let begun = queue.tell { scheduler, _ in scheduler.orderBegan(on: targets) }
        progress.number = progress.number ?? begun.number
        let retry = action == .retry ? progress.number : nil
        if action == .retry || action == .release { progress.destinations.formUnion(begun.destinations) }
        if action == .retry, progress.receipt.remarks.isEmpty {
            if let domain = begun.unroutedDomain { progress.receipt.remarks.append(.noRoute(domain: domain)) }
            if let destination = begun.suspendedDestination {
                progress.receipt.remarks.append(.suspended(destination: destination))
            }
        }
        let order = Order(action, at: queue.now, by: name, reason: reason)
        return queue.spool.apply(order, on: begun.targets, on: queue.loop).always { result in
            queue.ordered(try? result.get(), begun.number, retry: retry)
        }.map { applied in
            var part = Part(applied, node: queue.node)
            part.skipped.merge(begun.skipped, uniquingKeysWith: +)
            return part
        }
    }

    /// What another node has, it bounces: it alone knows whether it is handing it over.
    private func bounce(
        _ targets: ArraySlice<RecipientTarget>, by name: String, reason: String?, _ progress: inout Progress
    ) -> EventLoopFuture<Part> {
        let (own, elsewhere) = self.queue.tell { scheduler, _ in
            var parts: (own: [RecipientTarget], elsewhere: [RecipientTarget]) = ([], [])
            for target in targets {
                let isElsewhere = scheduler.isElsewhere(target.message)
                if isElsewhere { parts.elsewhere.append(target) } else { parts.own.append(target) }
            }
            return parts
        }
        guard !elsewhere.isEmpty else { return self.returned(own, by: name, reason) }
        let ordered = self.apply(.bounce, elsewhere[...], by: name, reason: reason, &progress)
        guard !own.isEmpty else { return ordered }
        // What is returned is told of also when the order fails.
        return self.returned(own, by: name, reason).and(
            ordered.recover { Part(failed: elsewhere.count, FeedError(.unavailable, "\($0)")) }
        ).map { $0.joined(with: $1) }
    }

    private func returned(
        _ targets: [RecipientTarget], by name: String, _ reason: String?
    ) -> EventLoopFuture<Part> {
        self.queue.bounce(targets, by: name, because: reason).map { Part(done: $0.done, skipped: $0.skipped) }
    }

    /// What is told is until when all parts can be taken back; the later ones can for a little longer.
    private func drop(
        _ targets: ArraySlice<RecipientTarget>, by name: String, _ progress: inout Progress
    ) -> EventLoopFuture<Part> {
        let until = self.queue.now.adding(milliseconds: self.queue.scheduler.configuration.undo)
        progress.receipt.undoUntil = progress.receipt.undoUntil ?? until
        let token = progress.receipt.undo?.id
        return self.apply(.drop(undoUntil: until, token: token), targets, by: name, &progress)
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
            case .alreadyThere: .alreadyThere
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
        case .all: DomainPattern("*")
        case .queue: nil
        }
    }
}
