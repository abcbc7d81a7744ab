import Mail
import NIOCore
import SMTP
import Testing

@testable import Spool

/// Plays what happens to one message by the rules alone, and writes what they make of it.
///
/// The first line names the recipients. A line with `>` is played: a time in seconds, a verb and recipients, each with the
/// generation that is expected of it behind an `@` where that is not its own. Below it stands what became of it: each
/// recipient that changed (state, `g` and its generation, and what is not as it was at the start), who was skipped and why,
/// the facts, what is added to the counters, and whether the message is gone.
struct RulesTranscript {
    private var message: SpooledMessage?
    private var drops: [Drop] = []
    private var lines: [String] = []

    static func expect(_ transcript: String, _ location: SourceLocation = #_sourceLocation) throws {
        var played = RulesTranscript()
        for line in transcript.split(separator: "\n") {
            if line.hasPrefix("mail ") { played.begin(String(line)) }
            if line.hasPrefix("> ") { try played.play(String(line)) }
        }
        #expect(played.lines.joined(separator: "\n") == transcript, sourceLocation: location)
    }

    private mutating func begin(_ line: String) {
        self.lines.append(line)
        let recipients = line.split(separator: " ").dropFirst().enumerated().map { index, name in
            let mailbox = Mailbox(localPart: String(name), domain: Domain("b"))
            return SpooledRecipient(index: index, forwardPath: .path(Path(mailbox: mailbox)), due: Self.time(0))
        }
        self.message = SpooledMessage(
            id: QueueID(rawValue: 1), arrived: Self.time(0), reversePath: .null, arrival: Arrival(with: "ESMTP"),
            contentOctets: 1, recipients: recipients)
    }

    private mutating func play(_ line: String) throws {
        self.lines.append(line)
        var words = line.split(separator: " ").dropFirst().map(String.init)
        let now = Self.time(try #require(Int64(words.removeFirst())))
        let verb = words.removeFirst()
        let targets = try self.targets(of: words.filter { !$0.contains("=") })
        var options: [String: String] = [:]
        for word in words where word.contains("=") {
            let parts = word.split(separator: "=").map(String.init)
            options[parts[0]] = parts[1]
        }
        switch verb {
        case "retry": try self.apply(.retry, targets, at: now)
        case "hold": try self.apply(.hold, targets, at: now)
        case "release": try self.apply(.release, targets, at: now)
        case "drop":
            let until = Self.time(try #require(options["until"].flatMap { Int64($0) }))
            try self.apply(.drop(undoUntil: until, token: options["token"].flatMap { Int64($0) }), targets, at: now)
        case "undo": self.undo(at: now)
        default:
            let state = verb == "damaged" ? .hold : try #require(RecipientState.allCases.first { $0.word == verb })
            try self.settle(state, targets, options, at: now)
        }
    }

    private func targets(of words: [String]) throws -> [RecipientTarget] {
        try words.map { word in
            let parts = word.split(separator: "@").map(String.init)
            let index = try #require(Int(parts[0].dropFirst()))
            let known = self.message?.recipients.first { $0.index == index }?.generation ?? 0
            return RecipientTarget(
                message: QueueID(rawValue: 1), index: index,
                generation: parts.count > 1 ? try #require(UInt32(parts[1])) : known)
        }
    }

    // MARK: the rules

    private mutating func apply(_ action: Order.Action, _ targets: [RecipientTarget], at now: Timestamp) throws {
        let message = try #require(self.message)
        let effect = message.applying(Order(action, at: now, by: "ann"), to: targets, token: 7)
        let hasChanged = effect.message.generation == message.generation + 1
        #expect(hasChanged == !effect.changed.isEmpty && (hasChanged || effect.message == message))
        self.drops += effect.drops
        self.tell(effect.changed)
        self.tell(effect.skipped)
        self.tell(effect.facts)
        self.tell(effect.counts)
        for drop in effect.drops { self.lines.append("undo u\(drop.before.index) by token \(drop.token)") }
        self.end(effect.message.isOver(isKept: !self.drops.isEmpty) ? nil : effect.message)
    }

    private mutating func undo(at now: Timestamp) {
        let effect = UndoEffect(self.drops, of: self.message, at: now, by: "bob")
        self.drops.removeAll { drop in effect.changed.contains { $0.index == drop.before.index } }
        self.tell(effect.changed)
        self.tell(effect.skipped)
        self.tell(effect.facts)
        self.tell(effect.counts)
        self.message = effect.message ?? self.message
    }

    private mutating func settle(
        _ state: RecipientState, _ targets: [RecipientTarget], _ options: [String: String], at now: Timestamp
    ) throws {
        let message = try #require(self.message)
        let outcomes = targets.map { target in
            Settlement.Outcome(
                index: target.index, generation: target.generation, state: state,
                due: options["due"].flatMap { Int64($0) }.map(Self.time), countsAsTry: options["try"] != "no",
                nextHop: options["at"], reply: options["reply"], session: options["session"],
                delayNoticed: options["notice"] == "delay", relayNoticed: options["notice"] == "u\(target.index)")
        }
        var report = message
        report.id = QueueID(rawValue: 2)
        let reports = options["report"].map { _ in [NewMessage(report, content: .buffer(ByteBuffer()))] } ?? []
        let settlement = Settlement(message: message.id, at: now, outcomes: outcomes, reports: reports)
        guard let effect = message.settling(settlement, isKept: !self.drops.isEmpty) else {
            return self.lines.append("stale")
        }
        #expect(effect.generation == message.generation + 1)
        #expect(effect.message?.generation ?? effect.generation == effect.generation)
        self.tell((effect.message?.recipients ?? []).filter { !message.recipients.contains($0) })
        self.tell(effect.facts.flatMap(\.each))
        if effect.facts.contains(where: { !$0.others.isEmpty }) { self.lines.append("as one row") }
        self.tell(effect.counts)
        self.end(effect.message)
    }

    private mutating func end(_ message: SpooledMessage?) {
        self.message = message
        if message == nil { self.lines.append("gone") }
    }

    // MARK: words

    private static func time(_ seconds: Int64) -> Timestamp { Timestamp(milliseconds: seconds * 1000) }
    private static func text(_ time: Timestamp) -> String { "\(time.milliseconds / 1000)" }

    private mutating func tell(_ recipients: [SpooledRecipient]) {
        for recipient in recipients {
            var line = "u\(recipient.index) \(recipient.state.word) g\(recipient.generation)"
            if recipient.tries > 0 { line += " tries \(recipient.tries)" }
            if recipient.due > Self.time(0) { line += " due \(Self.text(recipient.due))" }
            if let since = recipient.heldSince { line += " held since \(Self.text(since))" }
            if recipient.heldTotal > 0 { line += " held for \(recipient.heldTotal / 1000)" }
            if recipient.delayNoticed { line += " told of the delay" }
            if let reply = recipient.lastReply { line += " \"\(reply)\"" }
            if let settled = recipient.settledAt { line += " settled \(Self.text(settled))" }
            self.lines.append(line)
        }
    }

    private mutating func tell(_ skipped: [Skip: Int]) {
        for (skip, count) in skipped.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            self.lines.append("skipped \(count): \(skip)")
        }
    }

    private mutating func tell(_ facts: [Fact]) {
        for fact in facts {
            var line = "fact \(fact.kind)"
            if let recipient = fact.recipient { line += " u\(recipient)" }
            if let to = fact.to { line += " \(to)" }
            if let hop = fact.nextHop { line += " at \(hop)" }
            if let session = fact.session { line += " in \(session)" }
            if let text = fact.text { line += " \"\(text)\"" }
            if let actor = fact.actor { line += " by \(actor)" }
            self.lines.append(line)
        }
    }

    private mutating func tell(_ counts: Counters) {
        let all = [
            ("relayed", counts.relayed), ("deferredAttempts", counts.deferredAttempts), ("bounced", counts.bounced),
            ("expired", counts.expired), ("dropped", counts.dropped), ("reports", counts.reports),
        ]
        let changed = all.filter { $0.1 != 0 }.map { "\($0.0) \($0.1 > 0 ? "+" : "")\($0.1)" }
        if !changed.isEmpty { self.lines.append("counts \(changed.joined(separator: ", "))") }
    }
}
