import Foundation
import Mail
import Monitor
import SMTP
import Synchronization

/// A feed whose answers a test writes down; it remembers what was done to it.
final class ScriptedFeed: MonitorFeed {
    struct Script: Sendable {
        var rows: [QueueRow] = []
        var connections: [ConnectionRow] = []
        var destinations: [DestinationRow] = []
        var details: [String: MessageDetail] = [:]
        var transcripts: [SessionRef: [TranscriptLine]] = [:]
        var facts: [FactRow] = []
        var overview: Overview
        var performed: [String] = []
        /// What the next action or undo fails with.
        var failure: FeedError?
        /// Why the next action on mail does nothing.
        var skip: SkipReason?
        /// What the next action on mail says beside its counts.
        var remark: Receipt.Remark?
        /// Nothing of the node itself can be read.
        var isAway = false
        /// So many rows of the queue are found at once; the others only by who waits for them.
        var rowsAtOnce = Int.max
        /// How often less was answered than there is.
        var parts = 0
        var abilities = Set(FeedCapabilities.Ability.allCases)
        /// The nodes that share its queue.
        var sharing: [String]?
        /// Of frozen sets, touched sets and undo tokens.
        var serial = 6
        var dropped: [Int64: [QueueRow]] = [:]
        var rules: [RuleRow] = []
        /// Nodes that share its queue.
        var fleet: [FleetStatus.Node] = []
        /// Oldest first; without any there is no journal.
        var journal: [JournalEntry] = []
        /// So many entries are looked at for one window.
        var journalStep = Int.max
    }
    static let now = Timestamp(milliseconds: 1_795_510_800_000)  // 2026-11-24T09:00:00Z
    private let script: Mutex<Script>
    let node: String

    init(node: String = "mx1") {
        self.node = node
        self.script = Mutex(
            Script(
                overview: Overview(
                    node: node, started: Self.now.adding(milliseconds: -93_600_000), at: Self.now,
                    listening: ["127.0.0.1:2525"], sessionsInLimit: 1000)))
    }

    func write<Value: Sendable>(_ body: @Sendable (inout Script) throws -> Value) rethrows -> Value {
        try self.script.withLock { try body(&$0) }
    }
    var performed: [String] { self.write { $0.performed } }

    func capabilities() async throws -> FeedCapabilities {
        self.write { script in
            FeedCapabilities(
                node: self.node, software: "hoptop 0.1.0",
                areas: Set(FeedCapabilities.Area.allCases).subtracting(script.journal.isEmpty ? [.journal] : []),
                abilities: script.abilities, sharing: script.sharing)
        }
    }
    func overview() async throws -> Overview {
        // Who does not answer is found out later than what others answer.
        if self.write({ $0.isAway }) { try await Task.sleep(for: .milliseconds(20)) }
        return try self.write { script in
            try script.reachable().overview
        }
    }

    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        let (all, atOnce) = try self.write { (try $0.reachable().rows, $0.rowsAtOnce) }
        var found = all.filter { row in
            query.filter.matches(QueueRowSubject(row, at: Self.now))
        }
        let isPart = window.takesPart == true && found.count > atOnce
        if isPart { found = Array(found.prefix(atOnce)) }
        if isPart { self.write { $0.parts += 1 } }
        let sorted = found.sorted { left, right in
            let order =
                query.sort == .size
                ? (left.contentOctets ?? 0) < (right.contentOctets ?? 0) : left.arrived > right.arrived
            return query.descending ? !order : order
        }
        let shown = window.rows(of: sorted.count) { ref in sorted.firstIndex { $0.ref.id == ref.id } }
        return Window(
            rows: Array(sorted[shown]), first: shown.lowerBound, matched: sorted.count, total: all.count, at: Self.now,
            isPart: isPart ? true : nil)
    }

    func groups(_ query: QueueQuery, by grouping: QueueGrouping) async throws -> QueueGroups {
        query.groups(by: grouping, of: try self.write { try $0.reachable().rows }, at: Self.now)
    }

    func connections(
        _ query: ConnectionQuery, window: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> {
        let rows = try self.write { script in
            try script.reachable().connections.filter {
                (query.includesEnded || $0.ended == nil)
                    && query.filter.matches(ConnectionSubject($0, at: Self.now))
            }
        }
        let shown = window.rows(of: rows.count) { ref in rows.firstIndex { $0.ref == ref } }
        return Window(
            rows: Array(rows[shown]), first: shown.lowerBound, matched: rows.count, total: rows.count, at: Self.now)
    }

    func destinations(
        _ query: DestinationQuery, window: WindowRequest<DestinationRef>
    ) async throws -> Window<DestinationRow> {
        query.window(window, of: try self.write { try $0.reachable().destinations }, at: Self.now)
    }

    func route(_ address: String) async throws -> [RouteAnswer] {
        guard address.contains("@") else { throw FeedError(.invalid, "\(address) is no address") }
        var answer = RouteAnswer(node: self.node, address: address, domain: "example.com")
        guard address.hasSuffix("example.com") else {
            answer.problem = "add a [[route]]"
            return [answer]
        }
        answer.number = 2
        answer.rule = "*"
        answer.detour = "corp.example"
        answer.destination = self.write { $0.destinations.first { $0.name == "corp.example" } }
        answer.hosts = [
            RouteAnswer.Host(
                name: "mx1.corp.example:25", preference: 10, demand: "verified", policy: "dane", why: "TLSA 3 1 1"),
            RouteAnswer.Host(
                name: "mx2.corp.example:25", preference: 20, demand: "if-offered", policy: "route",
                why: "tls = \"opportunistic\""),
        ]
        return [answer]
    }
    func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        try self.write { script in
            let script = try script.reachable()
            guard let start = cursor.flatMap({ Int($0) }) else {
                return FactWindow(rows: script.facts.suffix(count), end: "\(script.facts.count)")
            }
            let rows = script.facts.dropFirst(start).prefix(count)
            return FactWindow(rows: Array(rows), end: "\(start + rows.count)")
        }
    }
    /// The place `n` lies behind the entry with that number.
    func journal(_ query: JournalQuery, window: JournalRequest) async throws -> JournalWindow {
        try self.write { script in
            let script = try script.reachable()
            let all = script.journal
            let place = window.place.flatMap { Int($0) } ?? (query.newestFirst ? all.count : 0)
            var end = place
            var looks = 0
            var rows: [JournalEntry] = []
            func isComplete() -> Bool { end == (query.newestFirst ? 0 : all.count) }
            while !isComplete(), rows.count < window.count, looks < script.journalStep {
                let entry = all[query.newestFirst ? end - 1 : end]
                end += query.newestFirst ? -1 : 1
                looks += 1
                let subject = JournalSubject(entry, at: Self.now)
                let isInTime =
                    query.since.map { entry.fact.at >= $0 } ?? true && query.until.map { entry.fact.at < $0 } ?? true
                if isInTime, query.filter.matches(subject), query.wanted.matches(subject) { rows.append(entry) }
            }
            return JournalWindow(
                rows: rows, start: "\(place)", end: "\(end)", isComplete: isComplete(),
                reached: looks == 0 ? nil : all[query.newestFirst ? end : end - 1].fact.at, total: all.count,
                at: Self.now)
        }
    }
    func journalStatus() async throws -> JournalStatus {
        self.write { script in
            JournalStatus(
                directory: "/var/spool/hoptop/journal", entries: script.journal.count,
                octets: script.journal.count * 252, octetsLimit: 2 << 30, ageLimit: 90 * 86_400_000,
                oldest: script.journal.first?.fact.at, newest: script.journal.last?.fact.at)
        }
    }
    func undoable() async throws -> [UndoOffer] {
        self.write { script in
            script.dropped.sorted { $0.key < $1.key }.map { token, rows in
                UndoOffer(
                    token: UndoToken(node: self.node, id: token), recipients: rows.count, messages: rows.count,
                    until: Self.now.adding(milliseconds: 600_000))
            }
        }
    }
    func message(_ id: String) async throws -> MessageDetail? { self.write { $0.details[id] } }
    /// A message of three pieces.
    func content(of ref: MessageRef, from offset: Int, count: Int) async throws -> ContentPage? {
        guard self.write({ $0.details[ref.id] != nil }) else { return nil }
        let pieces = ["Subject: the plan\r\n", "\r\n", "As agreed.\r\n"]
        return ContentPage(octets: Data(pieces[offset].utf8), next: offset < 2 ? offset + 1 : nil)
    }
    func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? {
        self.write { script in
            guard let lines = script.transcripts[session],
                let row = script.connections.first(where: { $0.ref == session })
            else { return nil }
            return TranscriptPage(
                session: row, lines: Array(lines.dropFirst(from).prefix(count)), end: lines.count, elided: 0)
        }
    }

    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        let rows = try await self.queue(query, window: WindowRequest(.row(number: 0), count: .max)).rows
        return search.rows(of: rows.count)
            .first { search.wanted.matches(QueueRowSubject(rows[$0], at: Self.now)) }
            .map { SearchHit(rows[$0].ref, row: $0) }
    }
    func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? {
        let rows = self.write { $0.connections }
        return search.rows(of: rows.count)
            .first { search.wanted.matches(ConnectionSubject(rows[$0], at: Self.now)) }
            .map { SearchHit(rows[$0].ref, row: $0) }
    }

    func find(_ search: SearchRequest, in query: DestinationQuery) async throws -> SearchHit<DestinationRef>? {
        query.find(search, among: self.write { $0.destinations }, at: Self.now)
    }

    func freeze(_ query: QueueQuery) async throws -> FrozenSet {
        let rows = try await self.queue(query, window: WindowRequest(.row(number: 0), count: .max)).rows
        return FrozenSet(
            id: self.write { $0.nextSet(self.node) }, recipients: rows.reduce(0) { $0 + $1.matching },
            messages: rows.count, sample: Array(rows.prefix(5)))
    }

    func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt {
        try self.write { script in
            _ = try script.reachable()
            try script.fail()
            let words = targets.named
            script.performed.append("\(action.rawValue) \(targets.words)" + (reason.map { " because \($0)" } ?? ""))
            if let reason = script.skip {
                script.skip = nil
                return Receipt(done: 0, messages: 0, skipped: [reason: words.count])
            }
            var receipt = Receipt(done: words.count, messages: words.count)
            if let remark = script.remark { receipt.remarks = [remark] }
            script.remark = nil
            switch action {
            case .drop:
                script.serial += 1
                let token = Int64(script.serial)
                script.dropped[token] = script.rows.filter { words.contains($0.ref.id) }
                script.rows.removeAll { words.contains($0.ref.id) }
                receipt.undo = UndoToken(node: self.node, id: token)
                receipt.undoUntil = Self.now.adding(milliseconds: 600_000)
            case .hold, .release, .retry: receipt.touched = script.nextSet(self.node)
            case .bounce: break
            }
            return receipt
        }
    }
    func undo(_ token: UndoToken) async throws -> Receipt {
        try self.write { script in
            try script.fail()
            script.performed.append("undo \(token.id)")
            guard let dropped = script.dropped.removeValue(forKey: token.id) else {
                return Receipt(done: 0, messages: 0)
            }
            script.rows += dropped
            return Receipt(done: 1, messages: 1, touched: script.nextSet(self.node))
        }
    }
    func purge(until end: Timestamp?, of recipients: Int?) async throws -> Receipt {
        try self.write { script in
            try script.fail()
            var receipt = Receipt(
                done: script.dropped.values.reduce(0) { $0 + $1.count },
                messages: script.dropped.values.reduce(0) { $0 + $1.count })
            receipt.undoUntil = script.dropped.isEmpty ? nil : Self.now.adding(milliseconds: 600_000)
            if end != nil {
                script.performed.append("purge")
                script.dropped = [:]
            }
            return receipt
        }
    }
    func shutDown(_ name: String) async throws {
        try self.write { script in
            try script.fail()
            script.performed.append("shut down \(name)")
        }
    }
    func rules() async throws -> [RuleRow] { self.write { $0.rules } }
    func fleet() async throws -> FleetStatus {
        let nodes = self.write { $0.fleet }
        guard !nodes.isEmpty else { throw FeedError(.unsupported, "no nodes that share one queue are known here") }
        return FleetStatus(nodes: nodes)
    }
    func drain(_ number: Int, _ isDrained: Bool) async throws -> FleetStatus {
        self.write { script in
            for index in script.fleet.indices where script.fleet[index].number == number {
                script.fleet[index].isDrained = isDrained
                script.fleet[index].state = isDrained ? .draining : .up
            }
        }
        return try await self.fleet()
    }
    func forget(_ number: Int) async throws -> FleetStatus {
        try self.write { script in
            guard script.fleet.contains(where: { $0.number == number && [.stopped, .gone].contains($0.state) }) else {
                throw FeedError(.invalid, "node \(number) is there")
            }
            script.fleet.removeAll { $0.number == number }
        }
        return try await self.fleet()
    }
    func preview(_ terms: StandingRule.Terms) async throws -> RulePreview {
        try self.write { script in
            try script.fail()
            let destinations = script.overview.destinations.map(\.destination)
            return RulePreview(
                terms: terms, recipients: 41, messages: 39, onHold: 3, sample: Array(script.rows.prefix(2)),
                replaces: terms.order.destination.flatMap { destination in
                    script.rules.first { $0.rule.terms.order.destination == destination }?.rule
                },
                isKnown: terms.order.destination.map(destinations.contains) ?? true)
        }
    }
    func perform(_ action: StandingAction) async throws -> Receipt {
        try self.write { script in
            try script.fail()
            var receipt = Receipt(done: 38, messages: 36)
            switch action {
            case .set(let terms):
                script.serial += 1
                let rule = StandingRule(id: Int64(script.serial), terms, at: Self.now, by: "ops")
                let ref = RuleRef(node: self.node, id: rule.id)
                script.rules.append(RuleRow(ref: ref, rule: rule))
                script.performed.append("set \(terms)")
                receipt.inverse = .end(rule: ref)
            case .end(let ref):
                script.performed.append("end \(ref.id)")
                receipt.inverse = script.rules.first { $0.ref == ref }.map { .set(terms: $0.rule.terms) }
                script.rules.removeAll { $0.ref == ref }
            case .limit(let destination, let connections):
                script.performed.append("limit \(destination) \(connections.map { "\($0)" } ?? "off")")
                receipt.inverse = .limit(destination: destination, connections: nil)
            }
            return receipt
        }
    }
    func reroute(_ targets: Targets, via: String?) async throws -> Receipt {
        try self.write { script in
            try script.fail()
            script.performed.append("reroute \(targets.named.joined(separator: " ")) to \(via ?? "route")")
            return Receipt(done: 1, messages: 1, touched: script.nextSet(self.node))
        }
    }
    func edit(_ targets: Targets, _ edit: RecipientEdit) async throws -> Receipt {
        try self.write { script in
            try script.fail()
            let words =
                switch edit {
                case .due(let time): "at \(time.rfc3339)"
                case .address(let address): "to \(address)"
                }
            script.performed.append("edit \(targets.words) \(words)")
            return Receipt(done: 1, messages: 1, touched: script.nextSet(self.node))
        }
    }
    func close(_ session: SessionRef) async throws -> Receipt {
        self.write { $0.performed.append("close \(session.id)") }
        return Receipt(done: 1, messages: 0)
    }
    func changes() -> AsyncStream<FeedChange> { AsyncStream { $0.finish() } }
}

extension Targets {
    /// What it names, one by one.
    fileprivate var named: [String] {
        switch self {
        case .messages(let references, _): references.map(\.id)
        case .recipients(let references): references.map { "\($0.message)/\($0.index)" }
        case .frozen(let set): ["set \(set.id)"]
        }
    }
    fileprivate var words: String {
        var words = self.named
        if case .messages(_, let filter) = self, !filter.matchesAll { words.append("matching \(filter.text)") }
        return words.joined(separator: " ")
    }
}

extension ScriptedFeed.Script {
    mutating func nextSet(_ node: String) -> FrozenSetID {
        self.serial += 1
        return FrozenSetID(node: node, id: self.serial)
    }
    func reachable() throws -> Self {
        if self.isAway { throw FeedError(.unavailable, "the relay does not answer") }
        return self
    }
    mutating func fail() throws {
        guard let failure = self.failure else { return }
        self.failure = nil
        throw failure
    }
}
