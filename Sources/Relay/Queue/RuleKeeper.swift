import Logging
import Mail
import Monitor
import NIOCore
import Spool

/// Sets standing rules, ends them when their time is over, and tells the scheduler what they mean for destinations. What they
/// hold is ``RuledMail``'s. All of it may be called from any thread.
///
/// A rule is durable before it means anything, and what it holds names it: whatever a crash leaves half done, the next start
/// ends.
final class RuleKeeper: Sendable {
    private static let betweenTries = TimeAmount.seconds(5)
    /// The time of day may be set, so the end of a rule is looked at again at least so often.
    private static let longestSleep: Int64 = 30_000

    private struct State {
        /// Rules that are being ended since their time is over.
        var ending: Set<Int64> = []
        var timer: Scheduled<Void>?
    }
    private let queue: Queue
    private let mail: RuledMail
    private let orders: Orders
    private let rules: StandingRules
    private let refusals: RefusalFacts
    private let log: Logger
    private let state: NIOLoopBoundBox<State>

    init(
        _ queue: Queue, selections: Selections, orders: Orders, rules: StandingRules, refusals: RefusalFacts,
        log: Logger
    ) {
        self.queue = queue
        self.mail = RuledMail(queue: queue, selections: selections, orders: orders, rules: rules, log: log)
        self.orders = orders
        self.rules = rules
        self.refusals = refusals
        self.log = log
        self.state = .makeBoxSendingValue(State(), eventLoop: queue.loop)
    }

    // MARK: the start

    /// Takes up the rules that an earlier run left, before mail comes in.
    ///
    /// - Throws: when they cannot be read: mail would go out that they hold, to where they suspend.
    func load() async throws {
        let kept = try await self.queue.spool.rules()
        for rule in kept.rules { self.takeUp(rule) }
        self.tell(unreadable: kept.unreadable)
        await self.queue.onLoop { self.obey() }
    }

    private func tell(unreadable numbers: Set<Int64>) {
        for number in numbers.sorted() {
            self.log.error(
                "a standing rule cannot be read and is not obeyed; what it holds stays on hold until it is released by hand",
                metadata: ["rule": "\(number)"])
        }
    }

    private func takeUp(_ rule: StandingRule) {
        do throws(FeedError) { try self.rules.add(rule) } catch {
            self.log.error("a standing rule means nothing", metadata: ["rule": "\(rule)", "error": "\(error)"])
        }
    }

    /// The queue is there: what was left half done is done.
    func begin() async {
        for rule in self.rules.book.rules where !rule.isOver(at: self.queue.now) {
            if case .hold = rule.terms.order { await self.mail.tryHolding(rule) }
        }
        await self.letGoOfOrphans()
        await self.queue.onLoop { self.lookAtTheClock() }
    }

    /// Releases what rules hold that are there no more, and tries again when that fails: nothing else would release it before the
    /// next start.
    private func letGoOfOrphans() async {
        do { try await self.mail.letGoOfOrphans() } catch {
            self.log.error("mail is held by no rule", metadata: ["error": "\(error)"])
            self.queue.loop.scheduleTask(in: Self.betweenTries) {
                guard !self.queue.scheduler.isStopping else { return }
                Task { await self.letGoOfOrphans() }
            }
        }
    }

    /// Another node set rules, or ended some.
    func reload() async throws {
        // What is set or ended here while they are read is no news.
        let before = self.rules.book
        let kept = try await self.queue.spool.rules()
        let new = kept.rules.filter { !before.has($0.id) }
        // One whose row cannot be read any more goes on as it is known here.
        let numbers = kept.numbers
        let ended = before.rules.filter { !numbers.contains($0.id) }
        guard !new.isEmpty || !ended.isEmpty else { return }
        await self.queue.onLoop {
            for rule in ended { self.rules.remove(rule.id) }
            for rule in new { self.takeUp(rule) }
            self.obey()
            self.lookAtTheClock()
        }
        // Who set it holds what is queued; what came in here before it was heard of is left to this node.
        for rule in new { if case .hold = rule.terms.order { await self.mail.tryHolding(rule) } }
        if ended.contains(where: { if case .hold = $0.terms.order { true } else { false } }) {
            await self.letGoOfOrphans()
        }
    }

    // MARK: what an operator does

    /// Rules in force, with what they do.
    func rows() async -> [RuleRow] {
        let held = await self.queue.onLoop { self.queue.scheduler.index.heldByRule }
        let refused = self.rules.refused
        return self.rules.book.rules.map { rule in
            RuleRow(
                ref: RuleRef(node: self.queue.node, id: rule.id), rule: rule, held: held[rule.id] ?? 0,
                refused: refused[rule.id] ?? 0)
        }
    }

    func preview(_ terms: StandingRule.Terms) async throws -> RulePreview {
        let terms = try await self.checked(terms)
        let selection = try await self.mail.concerned(by: terms.order)
        let held = try await self.mail.concerned(by: terms.order) {
            self.queue.scheduler.index.states[Int($0)] == .hold
        }
        var preview = RulePreview(
            terms: terms, recipients: selection.targets.count, messages: selection.messages, onHold: held.targets.count,
            sample: selection.sample, replaces: self.rules.book.replaced(by: terms.order).last)
        if let destination = terms.order.destination {
            preview.isKnown = await self.queue.onLoop {
                self.names().contains(destination) || self.suspendsHost(terms.order)
                    || self.queue.scheduler.configuration.routes.contains {
                        $0.via == .exchangers && $0.pattern.matches(destination) && SocketEndpoint(destination) == nil
                    }
            }
        }
        return preview
    }

    func perform(_ action: StandingAction, by name: String) async throws -> Receipt {
        // What it replaces, or ends, may be another node's, and a moment old.
        if self.queue.fleet != nil { try await self.reload() }
        switch action {
        case .set(let terms): return try await self.set(terms, by: name)
        case .end(let rule): return try await self.end(rule.id, by: name)
        case .limit(let destination, let connections):
            return try await self.limit(destination, connections, by: name)
        }
    }

    private func set(_ terms: StandingRule.Terms, by name: String) async throws -> Receipt {
        let terms = try await self.checked(terms)
        let concerned = try await self.mail.concerned(by: terms.order)
        let rule = try await self.queue.loop.flatSubmit {
            self.queue.spool.set(terms, at: self.queue.now, by: name, on: self.queue.loop)
        }.get()
        // Of two that are set in the same moment the later one ends the earlier one, and not each the other.
        let replaced = self.rules.book.replaced(by: terms.order).filter { $0.id < rule.id }
        for old in replaced {
            _ = try await self.queue.spool.end(rule: old.id, at: rule.at, by: name, on: self.queue.loop).get()
        }
        try await self.queue.loop.submit {
            for old in replaced { self.rules.remove(old.id) }
            try self.rules.add(rule)
            self.obey()
            self.lookAtTheClock()
        }.get()
        var receipt = Receipt(done: 0, messages: 0)
        switch terms.order {
        case .hold:
            do { receipt = try await self.mail.hold(rule) } catch {
                // It is set all the same, and holds what comes.
                receipt.remarks.append(.failed(error: FeedError(.unavailable, "not all is on hold: \(error)")))
            }
        case .refuse: break
        case .suspend, .reroute, .limit:
            receipt.done = concerned.targets.count
            receipt.messages = concerned.messages
        }
        receipt.touched = nil
        receipt.inverse = .end(rule: RuleRef(node: self.queue.node, id: rule.id))
        return receipt
    }

    /// - Parameter name: `nil`: its time is over.
    private func end(_ id: Int64, by name: String?) async throws -> Receipt {
        // What it refused until now stands before its end.
        await self.refusals.tell()
        let rule = try await self.queue.loop.flatSubmit {
            self.queue.spool.end(rule: id, at: self.queue.now, by: name, on: self.queue.loop)
        }.get()
        guard let rule else { throw FeedError(.gone, "rule \(id) has ended already") }
        var receipt = Receipt(done: 0, messages: 0)
        if rule.terms.order.destination != nil {
            let concerned = try await self.mail.concerned(by: rule.terms.order)
            (receipt.done, receipt.messages) = (concerned.targets.count, concerned.messages)
        }
        await self.queue.onLoop {
            self.rules.remove(id)
            self.obey()
        }
        if case .hold = rule.terms.order {
            do { receipt = try await self.mail.letGo(of: rule, by: name) } catch {
                receipt.remarks.append(.failed(error: FeedError(.unavailable, "\(error)")))
            }
            // The rule has ended, and what it still holds nobody else releases.
            if receipt.failure != nil { await self.letGoOfOrphans() }
        }
        receipt.touched = nil
        receipt.inverse = rule.isOver(at: self.queue.now) ? nil : .set(terms: rule.terms)
        return receipt
    }

    /// - Parameter connections: `nil`: as configured.
    private func limit(_ destination: String, _ connections: Int?, by actor: String) async throws -> Receipt {
        let name = await self.queue.onLoop { self.name(destination) }
        let before = self.rules.book.replaced(by: .limit(destination: name, connections: 1))
        if let connections {
            let terms = StandingRule.Terms(.limit(destination: name, connections: connections))
            var receipt = try await self.set(terms, by: actor)
            if let last = before.last, !last.isOver(at: self.queue.now) { receipt.inverse = .set(terms: last.terms) }
            return receipt
        }
        guard let last = before.last else {
            throw FeedError(.gone, "\(name) has no limit of its own: it has as many connections as configured")
        }
        for rule in before.dropLast() { _ = try await self.end(rule.id, by: actor) }
        return try await self.end(last.id, by: actor)
    }

    func reroute(_ targets: Targets, via text: String?, by name: String) async throws -> Receipt {
        guard let text else { return try await self.orders.reroute(targets, via: nil, by: name) }
        guard let detour = Detour(text) else { throw FeedError.noDetour(text) }
        return try await self.orders.reroute(targets, via: detour, by: name)
    }

    // MARK: terms

    private func checked(_ terms: StandingRule.Terms) async throws -> StandingRule.Terms {
        var terms = terms
        switch terms.order {
        case .hold, .refuse: break
        case .suspend(let destination):
            terms.order = .suspend(destination: await self.queue.onLoop { self.name(destination) })
        case .reroute(let destination, let via):
            terms.order = .reroute(
                destination: await self.queue.onLoop { self.name(destination) }, via: Detour(via)?.description ?? via)
        case .limit(let destination, let connections):
            terms.order = .limit(
                destination: await self.queue.onLoop { self.name(destination) }, connections: connections)
        }
        try RuleBook.check(terms, at: self.queue.now)
        return terms
    }

    /// The destination or host that is meant: a port may be left out where there is one such host, and case does not matter.
    private func name(_ text: String) -> String {
        let names = self.names()
        guard !names.contains(text) else { return text }
        let plain = text.lowercased()
        if let spelt = names.first(where: { $0.lowercased() == plain }) { return spelt }
        let meant = names.filter { $0.lowercased().hasPrefix("\(plain):") }
        return meant.count == 1 ? meant.first ?? plain : plain
    }

    /// Destinations that have mail, and all hosts that routes name.
    private func names() -> Set<String> {
        let scheduler = self.queue.scheduler
        return Set(scheduler.configuration.routes.flatMap { $0.nextHop(for: "").hosts.map(\.description) }).union(
            scheduler.destinations.all.map { scheduler.destinations[$0].nextHop.description })
    }

    /// A message came into the queue, or its recipients wait again: they may have been on their way when a rule was set, or
    /// ended.
    func look(at id: QueueID) { self.mail.look(at: id) }

    // MARK: on the queue's loop

    /// A mail exchanger that mail goes to now is no destination, and may be suspended.
    private func suspendsHost(_ order: StandingOrder) -> Bool {
        guard case .suspend(let name) = order else { return false }
        let orders = DestinationOrders().suspending(name.lowercased())
        let gates = self.queue.scheduler.backlog.gates
        return gates.all.contains { gate in
            gates[gate].key.site.hosts.contains { orders.nameSuspending($0.endpoint) != nil }
        }
    }

    /// The scheduler learns what was ordered about destinations.
    private func obey() {
        var orders = DestinationOrders()
        for rule in self.rules.book.rules {
            guard let name = rule.terms.order.destination?.lowercased() else { continue }
            switch rule.terms.order {
            case .suspend:
                orders.suspensions[name] = Suspension(
                    by: rule.by, until: rule.terms.until, reason: rule.terms.reason)
            case .reroute(_, let via): orders.detours[name] = Detour(via)
            case .limit(_, let connections): orders.limits[name] = connections
            case .hold, .refuse: continue
            }
        }
        self.queue.signal.raise(.facts)
        guard orders != self.queue.scheduler.destinations.orders else { return }
        self.queue.tell { $0.destinationsOrdered(orders, at: $1) }
        self.queue.signal.raise(.queue)
    }

    /// Ends the rules whose time is over, and sleeps until the next one's is.
    private func lookAtTheClock() {
        self.state.value.timer?.cancel()
        self.state.value.timer = nil
        guard !self.queue.scheduler.isStopping else { return }
        let now = self.queue.now
        let ends = self.rules.book.rules.compactMap { rule in rule.terms.until.map { (id: rule.id, at: $0) } }
        for end in ends where end.at <= now && self.state.value.ending.insert(end.id).inserted {
            self.endInTime(end.id)
        }
        guard let next = ends.map(\.at).filter({ $0 > now }).min() else { return }
        let wait = min(next.since(now), Self.longestSleep)
        self.state.value.timer = self.queue.loop.scheduleTask(in: .milliseconds(wait)) {
            self.lookAtTheClock()
        }
    }

    private func endInTime(_ id: Int64) {
        self.queue.loop.makeFutureWithTask { try await self.end(id, by: nil) }.whenComplete { result in
            switch result {
            case .success: self.state.value.ending.remove(id)
            case .failure(let error as FeedError) where error.code == .gone:
                self.state.value.ending.remove(id)
            case .failure(let error):
                self.log.error("a standing rule could not be ended", metadata: ["rule": "\(id)", "error": "\(error)"])
                self.queue.loop.scheduleTask(in: Self.betweenTries) {
                    self.state.value.ending.remove(id)
                    self.lookAtTheClock()
                }
            }
        }
    }
}
