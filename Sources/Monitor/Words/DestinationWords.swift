public import Mail

extension DestinationTerms {
    /// `TLS verified, logs in as relay, 100 messages in 1h`
    public var words: String {
        var words: [String] = []
        switch self.tls {
        case "none": words.append("no TLS")
        case "opportunistic": words.append("TLS if offered")
        default: words.append("TLS \(self.tls)")
        }
        if self.isPinned { words[0] = "TLS with one certificate only" }
        if self.isImplicit { words.append("from the first octet") }
        if let user = self.user { words.append("logs in as \(user)") }
        if let messages = self.messagesPerConnection { words.append("\(Format.plural(messages, "message")) a session") }
        if let rate = self.rate {
            words.append(
                "\(Format.plural(rate.messages, "message")) in \(Format.span(milliseconds: rate.milliseconds))")
        }
        if self.rewritesSenders { words.append("rewrites senders") }
        return words.joined(separator: ", ")
    }
}

extension DestinationRow {
    /// Its condition, with the time that it lasts where that is known.
    public func stateWords(_ now: Timestamp) -> String {
        switch self.condition {
        case .backoff, .suspended:
            guard let until = self.until, until > now else { return self.condition.word }
            return "\(self.condition.word) \(Format.roughSpan(milliseconds: until.since(now)))"
        case .ok: return self.isLimited ? "limited" : self.waiting == 0 ? "idle" : self.condition.word
        case .deferring, .unrouted, .hold: return self.condition.word
        }
    }

    /// `2 of 20`
    public var sessionWords: String { self.connectionLimit > 0 ? "\(self.connections)/\(self.connectionLimit)" : "-" }

    /// Why its mail is here, and when it goes, in a sentence.
    public func whyWords(_ now: Timestamp) -> String {
        let wait = self.until.flatMap { $0 > now ? Format.span(milliseconds: $0.since(now)) : nil }
        switch self.condition {
        case .backoff:
            let times = self.failures > 1 ? " \(self.failures) times in a row" : ""
            let next = wait.map { "one session is tried in \($0), at \(Format.moment(self.until ?? now, now)) UTC" }
            return
                "It failed\(times); \(next ?? "one session is being tried") (\(self.reason ?? "no reason is known"))."
        case .suspended:
            let end = wait.map { " until \(Format.moment(self.until ?? now, now)) UTC, in \($0)" } ?? ", without an end"
            let reason = self.reason.map { ": \($0)" } ?? ""
            return "\(self.by ?? "Somebody") suspended \(self.suspendedHost ?? "it")\(end)\(reason)."
        case .deferring: return "It answers, and puts \(Format.plural(self.recipients[.deferred], "recipient")) off."
        case .unrouted:
            let domain = self.reason.map { "\(DomainName.disclosing($0))" } ?? "several domains"
            return "No route takes mail for \(domain): add a [[route]] for it."
        case .hold: return "All that waits for it is on hold."
        case .ok:
            if self.waiting == 0 { return "Nothing waits for it." }
            guard let remaining = self.remaining else { return "Mail goes there." }
            return "What is due goes within about \(Format.span(milliseconds: remaining)) if all goes well."
        }
    }

    /// How many sessions there are, may be, and are tried.
    public var limitWords: String {
        let place = self.isLimitOfAll ?? false ? " at all nodes" : self.isLimited ? " here" : ""
        let limit =
            self.connectionLimit == 0
            ? "" : " of \(self.connectionLimit) at most\(place)\(self.isLimited ? " (by :limit)" : "")"
        let window = self.window.map { ", \(Format.count($0)) tried at a time" } ?? ""
        return "\(Format.plural(self.connections, "session")) now\(limit)\(window)"
    }
}
