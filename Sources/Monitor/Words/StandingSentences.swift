public import Mail

// What standing rules say of themselves, before they are set, when they are set, and when they have ended.

extension StandingOrder {
    public var verb: String {
        switch self {
        case .hold: "hold"
        case .refuse: "refuse"
        case .suspend: "suspend"
        case .reroute: "reroute"
        case .limit: "limit"
        }
    }
    public var endVerb: String {
        if case .suspend = self { return "resume" }
        return "end"
    }

    /// What becomes of chosen mail that is sent another way; `nil`: by its routes again.
    public static func consequence(ofReroute via: String?) -> String {
        via.map { "They go to \($0) from now on, whatever their route." } ?? "They go by their routes again."
    }
}

extension StandingRule.Terms {
    /// What it does to mail, in lines.
    public var consequence: [String] {
        switch self.order {
        case .hold:
            ["They, and mail that comes, are on hold; what this", "rule alone holds is released when it ends."]
        case .refuse(_, let refusal):
            [
                "New mail that matches is answered:",
                "  \(refusal.code) \(refusal.code < 500 ? 4 : 5).7.1 \(refusal.text)",
            ]
        case .suspend:
            ["Nothing goes there, whatever is retried; what is", "being sent ends. Time goes on: mail may expire."]
        case .reroute(_, let via):
            ["They, and mail that comes, go to \(via);", "what is being sent is not turned back."]
        case .limit(_, let connections):
            [
                "\(Format.plural(connections, "connection")) at a time, of all nodes together,",
                "which take turns at few; those beyond end when free.",
            ]
        }
    }

    /// `Until 06:00 UTC, in 17h.`
    public func end(_ now: Timestamp) -> String {
        guard let until = self.until else { return "Until somebody ends it; it outlasts a restart." }
        return "Until \(Format.moment(until, now)) UTC, in \(Format.span(milliseconds: until.since(now)))."
    }

    /// What is said when it is set.
    public func outcome(_ receipts: [Receipt]) -> String {
        let words =
            switch self.order {
            case .hold: "\(self.order): \(receipts.counts) on hold"
            case .refuse: "\(self.order) from now on"
            case .suspend(let destination): "\(destination) suspended: \(receipts.counts) wait"
            case .reroute(let destination, let via): "\(destination) goes to \(via): \(receipts.counts)"
            case .limit(let destination, let connections):
                "\(destination): \(Format.plural(connections, "connection")) at a time"
            }
        return words + receipts.skippedWords
    }
}

extension StandingRule {
    /// What is said when it has ended.
    public func ended(_ receipts: [Receipt]) -> String {
        switch self.terms.order {
        case .hold: "rule \(self.id) ended: \(receipts.counts) released"
        case .refuse: "rule \(self.id) ended: \(self.terms.order) no more"
        case .suspend(let destination): "\(destination) resumed: \(receipts.counts) go on"
        case .reroute(let destination, _): "\(destination): mail goes by its routes again"
        case .limit(let destination, _): "\(destination): as many connections as configured"
        }
    }
}

extension RulePreview {
    /// What it would touch now: `41 recipients of 39 messages match now, 3 of them on hold already`.
    public var touches: String {
        let counts = Words.counts(self.recipients, self.messages)
        switch self.terms.order {
        case .hold:
            let held = self.onHold > 0 ? ", \(Format.count(self.onHold)) of them on hold already" : ""
            return "\(counts) match now\(held)"
        case .refuse: return "\(counts) in the queue match, and stay"
        case .suspend, .reroute, .limit: return "\(counts) go there now"
        }
    }

    /// What an operator has to know before it is set, in sentences.
    public var warnings: [String] {
        [self.nameWarning, self.replaces.map { "\($0) ends with it." }].compactMap { $0 }
    }
    /// `nil`: the destination is known.
    public var nameWarning: String? {
        self.isKnown ? nil : "No route leads to that name, and no mail goes there."
    }
}
