import Logging
import Mail
import Monitor
import NIOCore
import SMTP
import Spool

/// The mail in the queue that standing rules are about: which it is, and what they hold of it. All of it may be called from any
/// thread.
struct RuledMail: Sendable {
    let queue: Queue
    let selections: Selections
    let orders: Orders
    let rules: StandingRules
    let log: Logger

    // MARK: which it is

    private func select(
        _ filter: FilterExpression = .all, where isWanted: @escaping @Sendable (QueueIndex.Row) -> Bool
    ) async throws -> Selection {
        try await self.queue.loop.flatSubmit { self.selections.select(filter, where: isWanted) }.get()
    }

    /// Unsettled recipients in the queue that an order is about.
    func concerned(
        by order: StandingOrder, where isWanted: @escaping @Sendable (QueueIndex.Row) -> Bool = { _ in true }
    ) async throws -> Selection {
        switch order {
        case .suspend(let destination):
            return try await self.select(where: isWanted, keptBackBy: destination.lowercased())
        case .reroute(let destination, _), .limit(let destination, _):
            return try await self.select(FilterExpression(.dest, is: destination), where: isWanted)
        case .hold(let mail), .refuse(let mail, _):
            let matcher = try MailMatcher(mail)
            let found = matcher.isAboutClient ? try await self.messages(matching: matcher) : []
            return try await self.select { row in
                isWanted(row)
                    && (found.contains(self.queue.scheduler.index.id(ofRow: row))
                        || self.matches(row, matcher))
            }
        }
    }

    /// What a suspension keeps back, or would: mail of the destination of that name, and of those all whose hosts are suspended
    /// with it.
    private func select(
        where isWanted: @escaping @Sendable (QueueIndex.Row) -> Bool, keptBackBy name: String
    ) async throws -> Selection {
        let kept: Set<Int> = await self.queue.onLoop {
            let orders = self.queue.scheduler.destinations.orders.suspending(name)
            let all = self.queue.scheduler.destinations.all
            return Set(
                all.filter { self.queue.scheduler.backlog.isKeptBack($0, by: name, orders) }
                    .map { self.queue.scheduler.destinations[$0].number })
        }
        return try await self.select { row in
            let destination = self.queue.scheduler.index.destinations[Int(row)]
            return destination >= 0 && kept.contains(self.queue.scheduler.destinations[destination].number)
                && isWanted(row)
        }
    }

    private func matches(_ row: QueueIndex.Row, _ matcher: MailMatcher) -> Bool {
        // Nothing of the index is copied: it would cost more than what is done with it.
        switch matcher {
        case .recipient(let pattern):
            let text = self.queue.scheduler.index.forwardPath(row)
            return (try? ForwardPath(parsing: text, utf8: true)).map(pattern.matches) ?? false
        case .sender(let pattern):
            let text = self.queue.scheduler.index.reversePath(
                self.queue.scheduler.index.rowSlot[Int(row)])
            return (try? ReversePath(parsing: text, utf8: true)).map(pattern.matches) ?? false
        case .user, .client: return false
        }
    }

    /// Who handed a message over is known to the spool alone: it is read through, page by page.
    private func messages(matching matcher: MailMatcher) async throws -> Set<QueueID> {
        var found: Set<QueueID> = []
        var last: QueueID?
        repeat {
            let page = try await self.queue.spool.all(after: last, count: 1000)
            for message in page.messages where matcher.matches(MailOrigin(message)) { found.insert(message.id) }
            last = page.end
        } while last != nil
        return found
    }

    // MARK: holding, and letting go

    func tryHolding(_ rule: StandingRule) async {
        do { _ = try await self.hold(rule) } catch {
            self.log.error("a standing rule holds only a part", metadata: ["rule": "\(rule)", "error": "\(error)"])
        }
    }

    /// Releases what rules hold that are there no more: their end, or an undo, came too late for it. What a rule holds that is there
    /// and cannot be read stays.
    ///
    /// - Throws: when not all of it is released.
    func letGoOfOrphans() async throws {
        let book = self.rules.book
        let unknown = await self.queue.onLoop { self.queue.scheduler.index.heldByRule.keys.filter { !book.has($0) } }
        guard !unknown.isEmpty else { return }
        // Asked after that: another node sets a rule before it holds anything.
        let ended = Set(unknown).subtracting(try await self.queue.spool.rules().numbers)
        let receipt = try await self.letGo(of: ended, by: "rule", reason: "the rule that held it has ended")
        if let failure = receipt.failure { throw failure }
    }

    func hold(_ rule: StandingRule) async throws -> Receipt {
        // What somebody released by hand it holds no more.
        let targets = try await self.concerned(by: rule.terms.order) { row in
            self.queue.scheduler.index.states[Int(row)] != .hold
                && self.queue.scheduler.index.heldUnder(row) != rule.id
        }.targets
        let receipt = try await self.orders.perform(
            .holdUnder(rule: rule.id), on: targets, by: rule.by, reason: rule.description)
        // It may have ended meanwhile.
        if !self.rules.book.has(rule.id) { _ = try await self.letGo(of: rule, by: nil) }
        return receipt
    }

    /// Releases what a rule holds, which has ended.
    func letGo(of rule: StandingRule, by name: String?) async throws -> Receipt {
        try await self.letGo(of: [rule.id], by: name ?? "rule \(rule.id)", reason: "\(rule) ended")
    }

    /// Releases what rules hold, but for what another one holds too: that goes over to it.
    private func letGo(of ended: Set<Int64>, by name: String, reason: String) async throws -> Receipt {
        let held = try await self.select { row in
            self.queue.scheduler.index.states[Int(row)] == .hold
                && self.queue.scheduler.index.heldUnder(row).map(ended.contains) ?? false
        }.targets
        var free: [RecipientTarget] = []
        var others: [Int64: (rule: StandingRule, targets: [RecipientTarget])] = [:]
        let book = self.rules.book
        if book.hasHolds {
            var message: SpooledMessage?
            for target in held {
                if message?.id != target.message { message = try await self.queue.spool.message(target.message) }
                if let other = message.flatMap({ book.hold(target.index, of: $0, at: self.queue.now) }) {
                    others[other.id, default: (other, [])].targets.append(target)
                } else {
                    free.append(target)
                }
            }
        } else {
            free = held
        }
        var failures: [Receipt.Remark] = []
        for (other, targets) in others.values {
            let receipt = try await self.orders.perform(
                .holdUnder(rule: other.id), on: targets, by: other.by, reason: other.description)
            failures += receipt.remarks.filter { if case .failed = $0 { true } else { false } }
        }
        var receipt = try await self.orders.perform(.release, on: free, by: name, reason: reason)
        receipt.remarks += failures
        return receipt
    }

    /// A message came into the queue, or its recipients wait again: they may have been on their way when a rule was set, or
    /// ended.
    func look(at id: QueueID) {
        self.queue.loop.makeFutureWithTask { try await self.queue.spool.message(id) }.whenSuccess { message in
            guard let message, let slot = self.queue.scheduler.index.slot(of: id) else { return }
            let (book, origin, now) = (self.rules.book, MailOrigin(message), self.queue.now)
            for row in self.queue.scheduler.index.rows(of: slot) {
                let index = Int(self.queue.scheduler.index.rowIndex[Int(row)])
                let target = RecipientTarget(
                    message: id, index: index, generation: self.queue.scheduler.index.rowGenerations[Int(row)])
                switch self.queue.scheduler.index.states[Int(row)] {
                case .queued, .deferred:
                    guard let recipient = message.recipients.first(where: { $0.index == index }),
                        let rule = book.missed(recipient, of: origin, at: now)
                    else { continue }
                    self.perform(.holdUnder(rule: rule.id), on: target, by: rule.by, reason: rule.description)
                case .hold:
                    guard let rule = self.queue.scheduler.index.heldUnder(row), !book.has(rule) else { continue }
                    self.releaseOrphan(target, of: rule)
                case .active, .relayed, .bounced, .expired, .dropped: continue
                }
            }
        }
    }

    private func releaseOrphan(_ target: RecipientTarget, of rule: Int64) {
        self.queue.loop.makeFutureWithTask { try await self.queue.spool.rules().numbers }.whenSuccess { numbers in
            guard !numbers.contains(rule) else { return }
            self.perform(.release, on: target, by: "rule \(rule)", reason: "the rule that held it has ended")
        }
    }

    private func perform(_ action: Order.Action, on target: RecipientTarget, by name: String, reason: String) {
        Task {
            do { _ = try await self.orders.perform(action, on: [target], by: name, reason: reason) } catch {
                self.log.error(
                    "a standing rule missed mail", metadata: ["message": "\(target.message)", "error": "\(error)"])
            }
        }
    }
}

extension RuleBook {
    /// The rule that holds a recipient of a message.
    fileprivate func hold(_ index: Int, of message: SpooledMessage, at now: Timestamp) -> StandingRule? {
        message.recipients.first { $0.index == index }.flatMap {
            self.hold(of: MailOrigin(message), for: $0.forwardPath, at: now)
        }
    }
}

extension Receipt {
    /// Why not all was done; `nil`: all was, but for what was left alone.
    var failure: FeedError? {
        for case .failed(let error) in self.remarks { return error }
        return nil
    }
}
