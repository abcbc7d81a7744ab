import Foundation
import Mail
import Monitor
import SMTP
import Synchronization

/// A feed with one of everything, every field filled in; it remembers who did what.
final class SampleFeed: MonitorFeed {
    static let now = Timestamp(milliseconds: 1_795_510_800_000)
    static let node = "mx1"
    static let session = SessionRef(node: node, id: "in#4410")
    static let message = MessageRef(node: node, id: "4Q7K", generation: 2)
    static let filter = FilterExpression(.to, is: "bob@example.org")

    let user: String
    let done: Mutex<[String]>
    /// What the next reader of ``changes()`` gets.
    let watchers = Mutex<[AsyncStream<FeedChange>.Continuation]>([])
    /// Something changes whenever somebody looks; how often somebody did.
    let isRestless: Bool
    let looks = Atomic<Int>(0)
    /// What everything fails with.
    let failure: FeedError?
    let takesReasons: Bool?

    init(user: String = "ann", isRestless: Bool = false, failure: FeedError? = nil, takesReasons: Bool? = true) {
        self.user = user
        self.done = Mutex([])
        self.isRestless = isRestless
        self.failure = failure
        self.takesReasons = takesReasons
    }

    private func check() throws { if let failure = self.failure { throw failure } }
    private func note(_ words: String) throws {
        try self.check()
        self.done.withLock { $0.append("\(self.user): \(words)") }
    }

    static let progress = DeliveryProgress(session: session, phase: .finalReply, contentOctetsSent: 5, contentOctets: 9)
    static let reasons: [WaitReason] = [
        .active, .due, .behind(others: 3), .limited(others: 3, connections: 2), .retryTime,
        .backoff(until: now, reason: "refused"), .rate(until: now),
        .lookup(until: now, reason: "SERVFAIL"), .spoolFailing, .noRoute(domain: "x"),
        .suspended(by: "ops", until: now, reason: "disk"), .held(by: "ops", reason: "why"), .damaged(reason: "a sum"),
        .settled,
    ]
    static let rows = reasons.enumerated().map { index, why in
        QueueRow(
            ref: message, arrived: now, contentOctets: 4096, state: RecipientState.allCases[index % 8],
            recipients: RecipientCounts([.deferred: 2, .relayed: 1]), matching: 2, from: "<>",
            to: "<b\u{1B}[2J\u{202E}ob@example.org>", tries: 3, nextAttempt: now, destination: "mx:25",
            lastReply: "451 later", why: why, tls: "TLSv1.3", user: "ann", progress: progress)
    }
    static let connections = SessionPhase.allCases.map { phase in
        ConnectionRow(
            ref: session, direction: phase == .connect ? .outbound : .inbound, peer: "192.0.2.7:40112",
            address: "192.0.2.7", name: "c", phase: phase, started: now, ended: now, lastActivity: now, messages: 3,
            message: "4Q7K", contentOctetsDone: 7, contentOctets: 9, recipientsDone: 1, octetsIn: 4, octetsOut: 5,
            tls: "TLSv1.3", user: "ann", remark: "lost")
    }
    static let attention: [Attention.Kind] = [
        .unrouted(domains: 2, example: "x"), .backoff(destination: "mx:25", reason: "refused", until: now),
        .deferring(destination: "mx:25", reply: "451"),
        .suspended(destination: "mx:25", by: "ops", until: now, reason: "disk"),
        .damaged(messages: 1, example: "4Q7K", reason: "a sum"), .spoolLow(free: 1, wanted: 2),
        .spoolFailing(error: "I/O"), .spoolStalled(seconds: 4), .journalFailing(error: "full"),
    ]
    static let orders: [StandingOrder] = [
        .hold(mail: .sender(pattern: "a@b")), .hold(mail: .user(name: "ann")), .hold(mail: .client(network: "::1")),
        .refuse(mail: .recipient(pattern: "*"), with: Refusal(code: 550)), .suspend(destination: "mx:25"),
        .reroute(destination: "mx:25", via: "b:25"),
    ]
    static let rules = orders.enumerated().map { index, order in
        RuleRow(
            ref: RuleRef(node: node, id: Int64(index)),
            rule: StandingRule(
                id: Int64(index), StandingRule.Terms(order, until: now, reason: "why"), at: now, by: "ops"),
            held: 1, refused: 2)
    }
    static let receipt = Receipt(
        done: 3, messages: 1,
        skipped: Dictionary(uniqueKeysWithValues: SkipReason.allCases.map { ($0, 1) }),
        touched: FrozenSetID(node: node, id: 4), undo: UndoToken(node: node, id: 7), undoUntil: now,
        inverse: .limit(destination: "mx:25", connections: 4),
        remarks: [
            .noRoute(domain: "x"), .suspended(destination: "mx:25"), .takes(milliseconds: 5),
            .failed(error: FeedError(.unavailable, "the disk")),
        ])
    static let detail = MessageDetail(
        ref: message, arrived: now, contentOctets: 9, from: "<>", parameters: ["SIZE=9"], isSettled: false,
        peer: "192.0.2.7:40112", hello: "c", with: "ESMTP", tls: "TLSv1.3", user: "ann", session: session, subject: "s",
        header: "Subject: s\n", text: "t",
        parts: [
            MessagePart(
                depth: 1, type: "text/plain", charset: "utf-8", encoding: "base64", name: "a", octets: 4, text: "t",
                isCut: true)
        ],
        claimedHops: [
            ClaimedHop(from: "a", by: "b", with: "ESMTP", id: "1", at: now, delay: -5)
        ],
        recipients: reasons.enumerated().map { index, why in
            RecipientDetail(
                ref: RecipientRef(node: node, message: "4Q7K", index: index, generation: 1), forwardPath: "<x@y>",
                state: .deferred, tries: 1, nextAttempt: now, lastReply: "451", why: why, nextHops: ["mx:25"],
                ahead: ["y"], relayedTo: "mx:25", remoteID: "7T", settledAt: now, progress: progress,
                destination: "mx:25")
        },
        attempts: [
            AttemptRow(
                recipientIndex: 0, at: now, milliseconds: 5, nextHop: "mx:25", outcome: .deferred, reply: "451",
                session: session, security: SessionSecurity(tls: "TLSv1.3", isVerified: true, policy: "DANE"))
        ], expires: now)

    func capabilities() async throws -> FeedCapabilities {
        try self.check()
        return FeedCapabilities(node: Self.node, software: "hoptop", notes: [.noRoute], takesReasons: self.takesReasons)
    }
    func overview() async throws -> Overview {
        try self.check()
        return Overview(
            node: Self.node, started: Self.now, at: Self.now, listening: ["127.0.0.1:25"], queuedMessages: 1,
            queuedOctets: 2, recipients: RecipientCounts([.queued: 1]), received: [1], relayed: [2], deferred: [3],
            bounced: [4], receiveP95: 5, relayP95: 6, sessionsIn: 1, sessionsInLimit: 2, sessionsOut: 3,
            oldest: Self.now,
            attention: Self.attention.map { Attention(.warning, $0, count: 3, door: Self.filter) }, moreAttention: 5,
            failures: Failures(
                groups: [
                    FailureGroup(
                        ReplyFingerprint(of: "452 4.2.2 over quota"), example: "452 4.2.2 Over quota", deferred: 48,
                        bounced: 2, expired: 1, domains: 2, domain: "example.org", since: Self.now)
                ], moreGroups: 1, otherDeferred: 7),
            destinations: [
                DestinationAges(
                    destination: "mx:25", condition: .backoff, reason: "refused", until: Self.now, remaining: 5,
                    connections: 1, connectionLimit: 2, total: 3, ages: AgeCounts((0...9).map { $0 }))
            ], moreDestinations: 4, neighbours: Self.neighbours)
    }
    private static let neighbours: Neighbours = {
        let traffic = LinkTraffic(messages: 9, lastMinute: 3, octets: 4, median: 5, recent: [0, 1])
        let others = Neighbours.Others(count: 2, waiting: 3, lastMinute: 4)
        let sending = DeliveryProgress(session: session, phase: .content, contentOctetsSent: 1, contentOctets: 2)
        return Neighbours(
            clients: [Neighbours.Client(name: "c", traffic: traffic)], moreClients: others,
            nextHops: [
                Neighbours.Hop(
                    destination: "mx:25", host: "mx:25", condition: .backoff, reason: "refused", until: now, waiting: 3,
                    sessions: 1, traffic: traffic, sending: [sending])
            ], moreNextHops: others)
    }()
    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        try self.check()
        return Window(rows: Self.rows, first: 0, matched: Self.rows.count, total: 99, at: Self.now)
    }
    func connections(
        _ query: ConnectionQuery, window: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> {
        try self.check()
        return Window(rows: Self.connections, first: 0, matched: 1, total: 1, at: Self.now)
    }
    static let destinations = DestinationAges.Condition.allCases.map { condition in
        DestinationRow(
            ref: DestinationRef(node: node, id: "mx:25#2"), name: "mx:25", otherHosts: ["b:25"],
            terms: DestinationTerms(
                tls: "verified", isImplicit: true, isPinned: true, user: "relay", messagesPerConnection: 5,
                rate: DestinationTerms.Rate(messages: 3, milliseconds: 1000), rewritesSenders: true),
            condition: condition, reason: "refused", until: now, by: "ops", failures: 2,
            recipients: RecipientCounts([.deferred: 2]), oldest: now, connections: 1, connectionLimit: 2,
            isLimited: true, window: 5, remaining: 7, lastReply: "451 later")
    }
    func destinations(
        _ query: DestinationQuery, window: WindowRequest<DestinationRef>
    ) async throws -> Window<DestinationRow> {
        try self.check()
        return Window(rows: Self.destinations, first: 0, matched: 6, total: 6, at: Self.now)
    }
    func find(_ search: SearchRequest, in query: DestinationQuery) async throws -> SearchHit<DestinationRef>? {
        try self.check()
        return SearchHit(Self.destinations[0].ref, row: 2)
    }
    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        try self.check()
        return SearchHit(Self.message, row: 3)
    }
    func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? {
        try self.check()
        return nil
    }
    func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        try self.check()
        let rows = FactRow.Kind.allCases.map { kind in
            FactRow(
                at: Self.now, kind: kind, message: "4Q7K", from: "<>", recipient: 0, to: "<x@y>", nextHop: "mx:25",
                remoteID: "7T", text: "250 ok", session: Self.session, actor: "ann", contentOctets: 5, milliseconds: 6)
        }
        return FactWindow(rows: cursor == nil ? rows : [], end: "7", missing: 2)
    }
    func message(_ id: String) async throws -> MessageDetail? {
        try self.check()
        return id == Self.message.id ? Self.detail : nil
    }
    func fleet() async throws -> FleetStatus {
        FleetStatus(
            nodes: FleetStatus.Node.State.allCases.enumerated().map { number, state in
                FleetStatus.Node(
                    number: number, name: "mx\(number)", state: state, isDrained: state == .draining, age: 1200,
                    messages: 7, software: "hoptop 0.1.0", isAsked: number == 0)
            })
    }
    func forget(_ number: Int) async throws -> FleetStatus { try await self.fleet() }
    func drain(_ number: Int, _ isDrained: Bool) async throws -> FleetStatus { try await self.fleet() }
    func route(_ address: String) async throws -> [RouteAnswer] {
        try self.check()
        return ["never", "if-offered", "encrypted", "verified", "passed-over"].map { demand in
            RouteAnswer(
                node: Self.node, address: address, domain: "d", number: 1, rule: "*", detour: "b:25",
                destination: Self.destinations[0],
                hosts: [RouteAnswer.Host(name: "mx:25", preference: 5, demand: demand, policy: "dane", why: "why")],
                problem: "none")
        }
    }
    func content(of ref: MessageRef, from offset: Int, count: Int) async throws -> ContentPage? {
        try self.check()
        return ref.id == Self.message.id ? ContentPage(octets: Data([0, 10, 255]), next: 3) : nil
    }
    func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? {
        try self.check()
        guard session == Self.session else { return nil }
        let line = TranscriptLine(number: 3, at: Self.now, speaker: .relay, text: "hi")
        return TranscriptPage(session: Self.connections[0], lines: [line], end: 4, elided: 1)
    }
    func groups(_ query: QueueQuery, by grouping: QueueGrouping) async throws -> QueueGroups {
        try self.check()
        return query.groups(by: grouping, of: Self.rows, at: Self.now)
    }
    func freeze(_ query: QueueQuery) async throws -> FrozenSet {
        try self.check()
        return FrozenSet(
            id: FrozenSetID(node: Self.node, id: 4), recipients: 2, messages: 1, sample: Self.rows, active: 1)
    }
    func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt {
        try self.note(action.rawValue + (reason.map { " because \($0)" } ?? ""))
        return Self.receipt
    }
    func undo(_ token: UndoToken) async throws -> Receipt {
        try self.note("undo")
        return Self.receipt
    }
    func undoable() async throws -> [UndoOffer] {
        try self.check()
        return [UndoOffer(token: UndoToken(node: Self.node, id: 7), recipients: 2, messages: 1, until: Self.now)]
    }
    func purge(until end: Timestamp?, of recipients: Int?) async throws -> Receipt {
        try self.note("purge")
        return Self.receipt
    }
    func shutDown(_ name: String) async throws { try self.note("shut down \(name)") }
    func rules() async throws -> [RuleRow] {
        try self.check()
        return Self.rules
    }
    func preview(_ terms: StandingRule.Terms) async throws -> RulePreview {
        try self.check()
        return RulePreview(
            terms: terms, recipients: 1, messages: 1, onHold: 1, sample: Self.rows, replaces: Self.rules[0].rule)
    }
    func perform(_ action: StandingAction) async throws -> Receipt {
        try self.note("rule")
        return Self.receipt
    }
    func reroute(_ targets: Targets, via: String?) async throws -> Receipt {
        try self.note("reroute")
        return Self.receipt
    }
    func edit(_ targets: Targets, _ edit: RecipientEdit) async throws -> Receipt {
        try self.note("edit")
        return Self.receipt
    }
    func close(_ session: SessionRef) async throws -> Receipt {
        try self.note("close")
        return Receipt(done: 1, messages: 0)
    }
    func changes() -> AsyncStream<FeedChange> {
        guard !self.isRestless else {
            return AsyncStream {
                self.looks.add(1, ordering: .relaxed)
                return .missed(events: 1)
            }
        }
        let (changes, watcher) = FeedChange.stream()
        self.watchers.withLock { $0.append(watcher) }
        return changes
    }
}
