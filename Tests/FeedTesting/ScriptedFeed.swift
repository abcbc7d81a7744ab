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
        /// Nothing of the node itself can be read.
        var isAway = false
        var abilities = Set(FeedCapabilities.Ability.allCases)
        /// Of frozen sets, touched sets and undo tokens.
        var serial = 6
        var dropped: [Int64: [QueueRow]] = [:]
        var rules: [RuleRow] = []
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
                abilities: script.abilities)
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
        let all = try self.write { try $0.reachable().rows }
        let found = all.filter { row in
            query.filter.matches(QueueRowSubject(row, at: Self.now))
        }
        let sorted = found.sorted { left, right in
            let order =
                query.sort == .size
                ? (left.contentOctets ?? 0) < (right.contentOctets ?? 0) : left.arrived > right.arrived
            return query.descending ? !order : order
        }
        let shown = window.rows(of: sorted.count) { ref in sorted.firstIndex { $0.ref.id == ref.id } }
        return Window(
            rows: Array(sorted[shown]), first: shown.lowerBound, matched: sorted.count, total: all.count, at: Self.now)
    }

    func connections(
        _ query: ConnectionQuery, window: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> {
        let rows = try self.write { script in
            try script.reachable().connections.filter { query.includesEnded || $0.ended == nil }
        }
        return Window(rows: rows, first: 0, matched: rows.count, total: rows.count, at: Self.now)
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
                if query.filter.matches(subject), query.wanted.matches(subject) { rows.append(entry) }
            }
            return JournalWindow(
                rows: rows, start: "\(place)", end: "\(end)", isComplete: isComplete(),
                reached: looks == 0 ? nil : all[query.newestFirst ? end : end - 1].fact.at, total: all.count,
                at: Self.now)
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

    func perform(_ action: QueueAction, on targets: Targets) async throws -> Receipt {
        try self.write { script in
            _ = try script.reachable()
            try script.fail()
            var words: [String]
            switch targets {
            case .messages(let references, let filter):
                words = references.map(\.id)
                if !filter.matchesAll { words.append("matching \(filter.text)") }
            case .recipients(let references): words = references.map { "\($0.message)/\($0.index)" }
            case .frozen(let set): words = ["set \(set.id)"]
            }
            script.performed.append("\(action.rawValue) \(words.joined(separator: " "))")
            var receipt = Receipt(done: words.count, messages: words.count)
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
            script.rows += script.dropped.removeValue(forKey: token.id) ?? []
            return Receipt(done: 1, messages: 1, touched: script.nextSet(self.node))
        }
    }
    func rules() async throws -> [RuleRow] { self.write { $0.rules } }
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
            let words =
                switch targets {
                case .messages(let references, _): references.map(\.id).joined(separator: " ")
                case .recipients(let references): references.map { "\($0.message)/\($0.index)" }.joined(separator: " ")
                case .frozen(let set): "set \(set.id)"
                }
            script.performed.append("reroute \(words) to \(via ?? "route")")
            return Receipt(done: 1, messages: 1, touched: script.nextSet(self.node))
        }
    }
    func close(_ session: SessionRef) async throws -> Receipt {
        self.write { $0.performed.append("close \(session.id)") }
        return Receipt(done: 1, messages: 0)
    }
    func changes() -> AsyncStream<FeedChange> { AsyncStream { $0.finish() } }
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

// MARK: what stands in it

extension ScriptedFeed {
    @discardableResult
    func queued(
        _ id: String, from: String, to: String, state: RecipientState = .queued, age minutes: Int64 = 1,
        octets: Int = 4096, reply: String? = nil, next seconds: Int64? = nil, recipients: Int = 1,
        progress: DeliveryProgress? = nil
    ) -> QueueRow {
        var counts = RecipientCounts()
        counts[state] = recipients
        let row = QueueRow(
            ref: MessageRef(node: self.node, id: id, generation: 0),
            arrived: Self.now.adding(milliseconds: -minutes * 60_000), contentOctets: octets, state: state,
            recipients: counts, from: "<\(from)>", to: "<\(to)>", tries: reply == nil ? 0 : 1,
            nextAttempt: seconds.map { Self.now.adding(milliseconds: $0 * 1000) }, destination: "mx.example.org:25",
            lastReply: reply, progress: progress)
        self.write { script in
            script.rows.append(row)
            script.overview.queuedMessages = script.rows.count
            script.overview.queuedOctets += octets
            script.overview.recipients[state] += recipients
        }
        return row
    }

    /// An entry of the journal, newer than those before.
    func journaled(
        _ kind: FactRow.Kind, _ message: String?, before seconds: Int64, from: String? = nil, to: String? = nil,
        nextHop: String? = nil, text: String? = nil, session: String? = nil, actor: String? = nil
    ) {
        self.write { script in
            let isOurs = kind == .accepted
            script.journal.append(
                JournalEntry(
                    ref: JournalRef(node: self.node, number: Int64(script.journal.count + 1)),
                    fact: FactRow(
                        at: Self.now.adding(milliseconds: -seconds * 1000), kind: kind, message: message,
                        from: from.map { "<\($0)>" }, recipient: to == nil ? nil : 0, to: to.map { "<\($0)>" },
                        nextHop: nextHop, remoteID: kind == .relayed ? "7T" : nil, text: text,
                        session: session.map { SessionRef(node: self.node, id: $0) }, actor: actor,
                        contentOctets: isOurs ? 4096 : nil, milliseconds: nextHop == nil ? nil : 81),
                    messageID: isOurs ? "<1@example.net>" : nil, subject: isOurs ? "the plan" : nil,
                    peer: isOurs ? "192.0.2.7:40112" : nil, hello: isOurs ? "client.example" : nil,
                    with: isOurs ? "ESMTPSA" : nil, user: isOurs ? "shop-app" : nil))
        }
    }

    /// What is said in a session, a line every 20 ms.
    func said(_ session: SessionRef, before seconds: Int64, _ lines: [(TranscriptLine.Speaker, String)]) {
        self.write { script in
            script.transcripts[session] = lines.enumerated().map { index, line in
                TranscriptLine(
                    number: index, at: Self.now.adding(milliseconds: Int64(index * 20) - seconds * 1000),
                    speaker: line.0, text: line.1)
            }
        }
    }

    /// A message of one recipient in full.
    func detail(
        _ row: QueueRow, _ states: [RecipientState], reply: String? = nil, progress: DeliveryProgress? = nil,
        attempts: [AttemptRow] = []
    ) -> MessageDetail {
        let why: [RecipientState: WaitReason] = [
            .queued: .due, .active: .active, .deferred: .retryTime, .hold: .held(by: nil),
        ]
        return MessageDetail(
            ref: row.ref, arrived: row.arrived, contentOctets: row.contentOctets, from: row.from,
            isSettled: states.allSatisfy(\.isSettled), peer: "192.0.2.7:40112", hello: "client.example", with: "ESMTP",
            session: SessionRef(node: self.node, id: "in#41"), subject: "the plan",
            header: "Subject: the plan\nTo: dan@example.com\n", text: "As agreed.\n",
            recipients: states.enumerated().map { index, state in
                RecipientDetail(
                    ref: RecipientRef(node: self.node, message: row.ref.id, index: index, generation: 1),
                    forwardPath: index == 0 ? row.to : "<user\(index)@example.com>", state: state, tries: row.tries,
                    nextAttempt: state == .deferred ? row.nextAttempt : nil, lastReply: reply ?? row.lastReply,
                    why: why[state] ?? .settled,
                    nextHops: ["mx.example.org:25"], ahead: ["example.com"],
                    relayedTo: state == .relayed ? "192.0.2.1:25" : nil,
                    progress: state == .active ? progress : nil,
                    destination: state.isSettled ? nil : "mx.example.org:25")
            }, attempts: attempts, expires: Self.now.adding(milliseconds: 4 * 86_400_000))
    }

    /// A node with a bit of everything.
    static var busy: ScriptedFeed { self.busy() }
    static func busy(_ node: String = "mx1") -> ScriptedFeed {
        let feed = ScriptedFeed(node: node)
        let session = SessionRef(node: node, id: "out#9")
        let progress = DeliveryProgress(
            session: session, phase: .content, contentOctetsSent: 2560, contentOctets: 4096, phases: Self.phases)
        let sending = feed.queued(
            "4Q7K", from: "ann@example.net", to: "bob@example.org", state: .active, progress: progress)
        let deferred = feed.queued(
            "4Q6A", from: "cat@example.net", to: "dan@example.com", state: .deferred, age: 20, octets: 220_000,
            reply: "450 4.2.0 greylisted", next: 900)
        let held = feed.queued("4Q5B", from: "", to: "eve@example.net", state: .hold, age: 300, octets: 1500)
        feed.said(
            session, before: 12,
            [
                (.relay, "connected 192.0.2.9:40000 -> 192.0.2.1:25"), (.server, "220 mx.example.org ESMTP"),
                (.client, "EHLO mx1"), (.server, "250 mx.example.org"), (.client, "MAIL FROM:<ann@example.net>"),
                (.server, "250 2.1.0 Ok"),
            ])
        let over = SessionRef(node: node, id: "out#8")
        feed.said(
            over, before: 700,
            [
                (.relay, "connected 192.0.2.9:40001 -> 192.0.2.1:25"), (.server, "220 mx.example.org ESMTP"),
                (.client, "EHLO mx1"), (.server, "250 mx.example.org"), (.client, "MAIL FROM:<fay@example.net>"),
                (.server, "250 2.1.0 Ok"), (.client, "RCPT TO:<gus@example.com>"), (.server, "550 5.1.1 no such user"),
                (.client, "RSET"), (.server, "250 2.0.0 Ok"), (.client, "MAIL FROM:<cat@example.net>"),
                (.server, "250 2.1.0 Ok"), (.client, "RCPT TO:<dan@example.com>"), (.server, "450 4.2.0 greylisted"),
                (.client, "QUIT"), (.server, "221 2.0.0 Bye"),
            ])
        let attempt = AttemptRow(
            recipientIndex: 0, at: Self.now.adding(milliseconds: -600_000), milliseconds: 320,
            nextHop: "mx.example.org:25", outcome: .deferred, reply: "450 4.2.0 greylisted", session: over,
            security: SessionSecurity(
                tls: "TLSv1.3", isVerified: true,
                policy: "DANE: TLSA 3 1 1 0a1b2c3d… at _25._tcp.mx.example.org"))
        let details = [
            feed.detail(sending, [.active], progress: progress),
            feed.detail(deferred, [.deferred], attempts: [attempt]), feed.detail(held, [.hold]),
        ]
        feed.write { script in
            for detail in details { script.details[detail.ref.id] = detail }
            var row = ConnectionRow(
                ref: session, direction: .outbound, peer: "192.0.2.1:25", name: "mx.example.org:25", phase: .content,
                started: Self.now.adding(milliseconds: -12_000), lastActivity: Self.now, message: "4Q7K",
                contentOctetsDone: 2560, contentOctets: 4096)
            row.messages = 3
            row.phases = Self.phases
            script.connections = [
                row,
                ConnectionRow(
                    ref: SessionRef(node: node, id: "in#41"), direction: .inbound, peer: "192.0.2.7:40112",
                    name: "client.example", phase: .rcpt, started: Self.now.adding(milliseconds: -3000),
                    lastActivity: Self.now.adding(milliseconds: -1000), messages: 0),
                ConnectionRow(
                    ref: over, direction: .outbound, peer: "192.0.2.1:25", name: "mx.example.org:25", phase: .closed,
                    started: Self.now.adding(milliseconds: -700_000), ended: Self.now.adding(milliseconds: -600_000),
                    lastActivity: Self.now.adding(milliseconds: -600_000), messages: 0),
            ]
            script.destinations = Self.nextHops(node)
            script.overview.attention = [
                Attention(
                    .warning, .backoff(destination: "mx.example.org:25", reason: "connection refused", until: nil),
                    count: 1, door: FilterExpression(.dest, is: "mx.example.org:25"))
            ]
            script.overview.destinations = [
                DestinationAges(
                    destination: "mx.example.org:25", condition: .backoff, reason: "connection refused",
                    until: Self.now.adding(milliseconds: 120_000), total: 3,
                    ages: AgeCounts([1, 0, 0, 1, 0, 0, 1, 0, 0, 0]))
            ]
            script.overview.durability = Overview.Durability(
                syncs: 12.4, changes: 42, replyP50: 3, replyP99: 21, pendingOctets: 6144, freeOctets: 31 << 30)
            script.overview.receiveP50 = 3
            script.overview.receiveP95 = 12
            script.overview.relayP50 = 80
            script.overview.relayP95 = 1400
            var domain = DestinationAges(
                destination: "example.org", condition: .backoff, until: Self.now.adding(milliseconds: 120_000),
                total: 2, ages: AgeCounts([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
            domain.via = "mx.example.org:25"
            var other = domain
            other.destination = "example.com"
            other.total = 1
            other.ages = AgeCounts([0, 0, 0, 0, 0, 0, 1, 0, 0, 0])
            script.overview.domains = [domain, other]
            script.overview.received = (0..<60).map { $0 % 7 }
            script.overview.relayed = (0..<60).map { $0 % 5 }
            script.overview.totals = Overview.Totals(received: 325, relayed: 318, bounced: 2)
            script.facts = [
                FactRow(
                    at: Self.now.adding(milliseconds: -1000), kind: .accepted, message: "4Q7K",
                    from: "<ann@example.net>", text: "192.0.2.7:40112", contentOctets: 4096),
                FactRow(
                    at: Self.now.adding(milliseconds: -800), kind: .relayed, message: "4Q4C",
                    to: "<hal@example.org>", nextHop: "mx.example.org:25", text: "250 2.0.0 Ok: queued as 7T",
                    milliseconds: 81),
                FactRow(
                    at: Self.now.adding(milliseconds: -600), kind: .bounced, message: "4Q4D",
                    to: "<gus@example.com>", nextHop: "mx.example.org:25", text: "550 5.1.1 no such user"),
            ]
        }
        return feed
    }
}

extension ScriptedFeed {
    /// Content has flowed for two seconds.
    private static var phases: PhaseTimes {
        var at = Self.now.adding(milliseconds: -3000)
        var phases = PhaseTimes(.connect, since: at)
        let way: [(SessionPhase, Int64)] = [
            (.greeting, 12), (.hello, 31), (.tls, 20), (.mail, 700), (.rcpt, 9), (.data, 140), (.content, 88),
        ]
        for (phase, milliseconds) in way {
            at = at.adding(milliseconds: milliseconds)
            phases.enter(phase, at: at)
        }
        return phases
    }

    /// One of each condition, and two of one name.
    private static func nextHops(_ node: String) -> [DestinationRow] {
        func row(_ name: String, _ condition: DestinationAges.Condition, number: String = "") -> DestinationRow {
            DestinationRow(
                ref: DestinationRef(node: node, id: name + number), name: name,
                terms: DestinationTerms(tls: "opportunistic"), condition: condition, connectionLimit: 20)
        }
        var failing = row("mx.example.org:25", .backoff)
        failing.reason = "connection refused"
        failing.lastReply = "connection refused"
        failing.until = Self.now.adding(milliseconds: 120_000)
        failing.failures = 3
        failing.recipients = RecipientCounts([.active: 1, .deferred: 1, .hold: 1])
        failing.oldest = Self.now.adding(milliseconds: -18_000_000)
        failing.window = 2
        failing.otherHosts = ["mx2.example.org:25"]
        var other = row("mx.example.org:25", .ok, number: "#2")
        other.terms = DestinationTerms(
            tls: "verified", user: "relay", rate: .init(messages: 100, milliseconds: 3_600_000))
        other.connections = 2
        other.connectionLimit = 2
        other.isLimited = true
        other.window = 5
        other.recipients = RecipientCounts([.queued: 40])
        other.oldest = Self.now.adding(milliseconds: -61_000)
        other.remaining = 1_440_000
        var suspended = row("corp.example", .suspended)
        suspended.by = "ops"
        suspended.reason = "a new disk"
        suspended.until = Self.now.adding(milliseconds: 5_400_000)
        suspended.recipients = RecipientCounts([.queued: 1904])
        suspended.oldest = Self.now.adding(milliseconds: -300_000)
        var slow = row("example.net", .deferring)
        slow.recipients = RecipientCounts([.deferred: 8410, .queued: 12])
        slow.oldest = Self.now.adding(milliseconds: -86_400_000)
        slow.connections = 1
        slow.lastReply = "421 4.7.0 \u{202E}slow down"
        slow.reason = slow.lastReply
        var unrouted = row(noRoute, .unrouted)
        unrouted.terms = nil
        unrouted.connectionLimit = 0
        unrouted.reason = "example.test"
        unrouted.recipients = RecipientCounts([.queued: 7])
        return [failing, other, suspended, slow, unrouted, row("smarthost.example:587", .ok)]
    }
}

/// Another feed as a remote one would be: every value goes through JSON, every answer takes a while, and there is no
/// undo, bounce or transcript.
struct CodedFeed<Feed: MonitorFeed>: MonitorFeed {
    let feed: Feed

    private func coded<Value: Codable & Sendable>(_ value: Value) async throws -> Value {
        try await Task.sleep(for: .milliseconds(50))
        return try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(value))
    }

    func capabilities() async throws -> FeedCapabilities {
        var capabilities = try await self.feed.capabilities()
        capabilities.abilities.subtract([.undo, .bounce])
        capabilities.areas.remove(.transcripts)
        return try await self.coded(capabilities)
    }
    func overview() async throws -> Overview { try await self.coded(self.feed.overview()) }
    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        try await self.coded(self.feed.queue(self.coded(query), window: self.coded(window)))
    }
    func connections(
        _ query: ConnectionQuery, window: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> {
        try await self.coded(self.feed.connections(self.coded(query), window: self.coded(window)))
    }
    func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        try await self.coded(self.feed.facts(after: self.coded(cursor), count: count))
    }
    func route(_ address: String) async throws -> [RouteAnswer] {
        try await self.coded(self.feed.route(self.coded(address)))
    }
    func journal(_ query: JournalQuery, window: JournalRequest) async throws -> JournalWindow {
        try await self.coded(self.feed.journal(self.coded(query), window: self.coded(window)))
    }
    func message(_ id: String) async throws -> MessageDetail? { try await self.coded(self.feed.message(id)) }
    func content(of ref: MessageRef, from offset: Int, count: Int) async throws -> ContentPage? {
        try await self.coded(self.feed.content(of: self.coded(ref), from: offset, count: count))
    }
    func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? {
        throw FeedError(.unsupported, "this feed has no transcripts")
    }
    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        try await self.coded(self.feed.find(self.coded(search), in: self.coded(query)))
    }
    func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? {
        try await self.coded(self.feed.find(self.coded(search), in: self.coded(query)))
    }
    func destinations(
        _ query: DestinationQuery, window: WindowRequest<DestinationRef>
    ) async throws -> Window<DestinationRow> {
        try await self.coded(self.feed.destinations(self.coded(query), window: self.coded(window)))
    }
    func find(_ search: SearchRequest, in query: DestinationQuery) async throws -> SearchHit<DestinationRef>? {
        try await self.coded(self.feed.find(self.coded(search), in: self.coded(query)))
    }
    func freeze(_ query: QueueQuery) async throws -> FrozenSet {
        try await self.coded(self.feed.freeze(self.coded(query)))
    }
    func perform(_ action: QueueAction, on targets: Targets) async throws -> Receipt {
        var receipt = try await self.coded(self.feed.perform(action, on: self.coded(targets)))
        receipt.undo = nil
        return receipt
    }
    func undo(_ token: UndoToken) async throws -> Receipt { throw FeedError(.unsupported, "this feed cannot undo") }
    func rules() async throws -> [RuleRow] { try await self.coded(self.feed.rules()) }
    func preview(_ terms: StandingRule.Terms) async throws -> RulePreview {
        try await self.coded(self.feed.preview(self.coded(terms)))
    }
    func perform(_ action: StandingAction) async throws -> Receipt {
        try await self.coded(self.feed.perform(self.coded(action)))
    }
    func reroute(_ targets: Targets, via: String?) async throws -> Receipt {
        try await self.coded(self.feed.reroute(self.coded(targets), via: self.coded(via)))
    }
    func close(_ session: SessionRef) async throws -> Receipt {
        try await self.coded(self.feed.close(self.coded(session)))
    }
    func changes() -> AsyncStream<FeedChange> { self.feed.changes() }
}
