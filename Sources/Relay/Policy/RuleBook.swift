import Mail
import Monitor
import SMTP
import Spool

/// The standing rules that are in force, ready to be asked what they mean for mail.
struct RuleBook: Sendable {
    private struct Entry: Sendable {
        let rule: StandingRule
        let condition: MailMatcher
    }
    /// In the order in which they were set, also where this node heard of them in another one.
    private(set) var rules: [StandingRule] = []
    private var holds: [Entry] = []
    private var refusals: [(entry: Entry, refusal: Refusal)] = []

    var hasHolds: Bool { !self.holds.isEmpty }
    var isAboutMail: Bool { !self.holds.isEmpty || !self.refusals.isEmpty }
    func has(_ id: Int64) -> Bool { self.rules.contains { $0.id == id } }

    /// One that it has it does not have twice: who sets a rule may hear of it from the store at the same time.
    ///
    /// - Throws: `.invalid` when its terms are not ones that ``check(_:at:)`` lets pass.
    mutating func add(_ rule: StandingRule) throws(FeedError) {
        guard !self.has(rule.id) else { return }
        switch rule.terms.order {
        case .hold(let mail): self.holds.append(Entry(rule: rule, condition: try MailMatcher(mail)))
        case .refuse(let mail, let refusal):
            self.refusals.append((Entry(rule: rule, condition: try MailMatcher(mail)), refusal))
        case .suspend, .reroute, .limit: break
        }
        self.rules.insert(rule, at: self.rules.firstIndex { $0.id > rule.id } ?? self.rules.endIndex)
    }

    mutating func remove(_ id: Int64) {
        self.rules.removeAll { $0.id == id }
        self.holds.removeAll { $0.rule.id == id }
        self.refusals.removeAll { $0.entry.rule.id == id }
    }

    /// The rules that end when one with this order is set: a destination has one suspension, one other way and one limit.
    /// There are several where nodes set one each before they heard of the other's; the last is the one that holds. Names have no
    /// case, and a route may have spelt one otherwise when the rule was set.
    func replaced(by order: StandingOrder) -> [StandingRule] {
        self.rules.filter { rule in
            switch (rule.terms.order, order) {
            case (.suspend(let old), .suspend(let new)), (.reroute(let old, _), .reroute(let new, _)),
                (.limit(let old, _), .limit(let new, _)):
                old.lowercased() == new.lowercased()
            default: false
            }
        }
    }

    // MARK: what they mean

    /// The first rule that refuses mail of that origin, and how; those about recipients have their own question.
    func refusal(of origin: MailOrigin, at now: Timestamp) -> (rule: StandingRule, refusal: Refusal)? {
        self.refusal(at: now) { $0.matches(origin) }
    }

    func refusal(of recipient: ForwardPath, at now: Timestamp) -> (rule: StandingRule, refusal: Refusal)? {
        self.refusal(at: now) { $0.matches(recipient) }
    }

    private func refusal(
        at now: Timestamp, _ matches: (MailMatcher) -> Bool
    ) -> (rule: StandingRule, refusal: Refusal)? {
        self.refusals.first { matches($0.entry.condition) && !$0.entry.rule.isOver(at: now) }
            .map { ($0.entry.rule, $0.refusal) }
    }

    /// The first rule that holds mail of that origin for that recipient.
    func hold(of origin: MailOrigin, for recipient: ForwardPath, at now: Timestamp) -> StandingRule? {
        self.holds.first {
            ($0.condition.matches(origin) || $0.condition.matches(recipient)) && !$0.rule.isOver(at: now)
        }?.rule
    }

    /// Puts those recipients of a message that comes in on hold that rules hold.
    ///
    /// - Returns: who set the first of these rules; `nil`: none is held.
    func hold(_ message: inout SpooledMessage, at now: Timestamp) -> String? {
        let origin = MailOrigin(message)
        var holder: String?
        for place in message.recipients.indices where message.recipients[place].state != .hold {
            guard let rule = self.hold(of: origin, for: message.recipients[place].forwardPath, at: now) else {
                continue
            }
            message.recipients[place].comesInOnHold(rule.description, at: now)
            message.recipients[place].heldUnder = rule.id
            holder = holder ?? rule.by
        }
        return holder
    }

    /// The rule that should hold a recipient of a queued message, and does not: it was on its way when that was set. What
    /// somebody released by hand it holds no more.
    func missed(_ recipient: SpooledRecipient, of origin: MailOrigin, at now: Timestamp) -> StandingRule? {
        guard recipient.state == .queued || recipient.state == .deferred,
            let rule = self.hold(of: origin, for: recipient.forwardPath, at: now), rule.id != recipient.heldUnder
        else { return nil }
        return rule
    }

    // MARK: terms

    /// 9999-12-31T23:59:59.999Z, the last moment that has a text.
    private static let latestEnd = Timestamp(milliseconds: 253_402_300_799_999)

    /// Terms as they can be set.
    ///
    /// - Throws: `.invalid`: what is wrong with them, and what to do.
    static func check(_ terms: StandingRule.Terms, at now: Timestamp) throws(FeedError) {
        if let until = terms.until, until <= now { throw FeedError(.invalid, "the end is past: name a later one") }
        if let until = terms.until, until > self.latestEnd {
            throw FeedError(.invalid, "the end is beyond the year 9999")
        }
        switch terms.order {
        case .hold(let mail): _ = try MailMatcher(mail)
        case .refuse(let mail, let refusal):
            _ = try MailMatcher(mail)
            try refusal.check()
        case .suspend(let destination): try self.checkName(destination)
        case .limit(let destination, let connections):
            try self.checkName(destination)
            guard (1...10_000).contains(connections) else {
                throw FeedError(.invalid, "a limit is 1 connection at least; to have none, suspend the destination")
            }
        case .reroute(let destination, let via):
            try self.checkName(destination)
            guard let detour = Detour(via) else { throw .noDetour(via) }
            if detour.description.lowercased() == destination.lowercased() {
                throw FeedError(.invalid, "its mail goes to \(destination) already: name another next hop")
            }
        }
    }

    private static func checkName(_ destination: String) throws(FeedError) {
        guard !destination.isEmpty, destination != noRoute else {
            throw FeedError(.invalid, "name a destination, such as mx.example.org:25")
        }
        // One that no mail has today may have some tomorrow; what can be no next hop's name never will.
        if let endpoint = SocketEndpoint(destination), endpoint.port > 0 { return }
        if (try? Domain(parsing: destination, utf8: true)) != nil { return }
        let namesake = destination.split(separator: "#", omittingEmptySubsequences: false)
        throw FeedError(
            .invalid,
            namesake.count == 2 && Int(namesake[1]) != nil
                ? "\(destination) is one of several under that name, which share what is ordered: name \(namesake[0])"
                : "\(destination) can be no destination: name host:port, such as mx.example.org:25, or a domain whose mail "
                    + "exchangers are asked")
    }
}

extension FeedError {
    static func noDetour(_ text: String) -> FeedError {
        FeedError(.invalid, "\(text) is no next hop: name host:port, such as mx2.example.org:25, or mx")
    }
}

extension Refusal {
    fileprivate func check() throws(FeedError) {
        guard (400...599).contains(self.code), self.code != 421 else {
            throw FeedError(.invalid, "\(self.code) refuses nothing: use 4xx or 5xx, such as 550")
        }
        guard self.text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }), (1...200).contains(self.text.utf8.count) else {
            throw FeedError(.invalid, "the text of a refusal is ASCII on one line, 200 characters at most")
        }
    }

    /// RFC 3463 §3.8: not authorized, as policy has it.
    var reply: Reply {
        Reply(
            ReplyCode(rawValue: UInt16(clamping: self.code)), EnhancedStatusCode(self.code < 500 ? 4 : 5, 7, 1),
            self.text)
    }
}
