public import Mail

/// What is said of rows, and of how many there are.
public enum Words {
    /// `41,207 recipients of 39,950 messages`
    public static func counts(_ recipients: Int, _ messages: Int) -> String {
        Format.plural(recipients, "recipient") + " of " + Format.plural(messages, "message")
    }

    /// `41 recipients of 38 messages, 2 of them being tried now`: what an action would touch.
    ///
    /// - Parameter active: of the recipients those of an attempt under way, which are left alone; `nil`: not known.
    public static func rehearsal(_ recipients: Int, _ messages: Int, active: Int?) -> String {
        let all = self.counts(recipients, messages)
        guard let active, active > 0 else { return all }
        let some = active < recipients ? "\(Format.count(active)) of them" : recipients == 1 ? "which is" : "all"
        return "\(all), \(some) being tried now"
    }

    /// A reply that begins with what it says: without the address that stands behind its codes where the row tells it, and with the
    /// host that could not be connected to behind it, where the row does not tell that. `452 4.2.2 over quota`,
    /// `connection refused (192.0.2.1:25)`
    ///
    /// - Parameters:
    ///   - path: that the row tells, with its angle brackets.
    ///   - host: that the row tells.
    public static func inBrief(_ reply: String, to path: String? = nil, host: String? = nil) -> String {
        let connecting = "connect to "
        if reply.hasPrefix(connecting), let colon = reply.firstRange(of: ": ") {
            let asked = reply[..<colon.lowerBound].dropFirst(connecting.count)
            let words = reply[colon.upperBound...]
            return asked == host ?? "" ? String(words) : "\(words) (\(asked))"
        }
        // By octets: this is asked of every row of every frame, and most replies name nobody.
        let codes = reply.utf8.prefix {
            (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: " ")
        }
        guard !codes.isEmpty, let path, reply.utf8[codes.endIndex...].first == path.utf8.first else { return reply }
        let rest = reply[codes.endIndex...]
        guard rest.prefix(path.count).lowercased() == path.lowercased() else { return reply }
        let words = rest.dropFirst(path.count).drop { $0 == ":" || $0 == " " }
        return words.isEmpty ? reply : "\(Substring(codes))\(words)"
    }

    /// A row as a sample of what an action would touch.
    public static func sample(_ row: QueueRow) -> String { "\(row.ref.id)  \(row.from) to \(row.to)" }

    /// A path without its brackets; a source route stands behind the mailbox: `u@Z (@D,@P)`.
    public static func mailboxFirst(_ path: String) -> String {
        let octets = path.utf8
        guard octets.first == UInt8(ascii: "<"), octets.last == UInt8(ascii: ">"), octets.count > 2 else { return path }
        let inner = octets.dropFirst().dropLast()
        guard inner.first == UInt8(ascii: "@"), let colon = inner.firstIndex(of: UInt8(ascii: ":")) else {
            return String(Substring(inner))
        }
        return "\(Substring(inner[inner.index(after: colon)...])) (\(Substring(inner[..<colon])))"
    }
}

extension QueueRow {
    /// When it goes on, as a span or a word.
    public func next(_ now: Timestamp) -> String {
        let wait = self.nextAttempt.flatMap { $0 > now ? Format.roughSpan(milliseconds: $0.since(now)) : nil }
        switch self.state {
        case .queued: return wait ?? self.turn(now)
        case .active: return "now"
        case .deferred: return self.nextAttempt == nil ? "-" : wait ?? "now"
        case .hold, .relayed, .bounced, .expired, .dropped: return "-"
        }
    }

    /// When it goes that is due.
    private func turn(_ now: Timestamp) -> String {
        switch self.why {
        case .rate(let until?) where until > now: Format.roughSpan(milliseconds: until.since(now))
        // What has to be waited for has no time.
        case .rate, .behind, .limited, .limitedElsewhere, .suspended, .noRoute: "-"
        default: self.destination == nil ? "-" : "now"
        }
    }
}

extension DestinationAges.Condition {
    public var word: String {
        switch self {
        case .ok: "ok"
        case .backoff: "backoff"
        case .deferring: "deferring"
        case .unrouted: "no route"
        case .hold: "on hold"
        case .suspended: "suspended"
        }
    }
}

extension DestinationAges {
    /// What it takes at least for it to be told how long what is due takes, in milliseconds.
    private static let toldOf: Int64 = 10_000

    /// Its condition, with the time that it lasts where that is known.
    public func words(_ now: Timestamp) -> String {
        if self.condition == .backoff, let until = self.until {
            return "\(self.condition.word) " + Format.roughSpan(milliseconds: until.since(now))
        }
        if self.condition == .ok, let remaining = self.remaining, remaining >= Self.toldOf {
            return Format.roughSpan(milliseconds: remaining) + " left"
        }
        return self.condition.word
    }
}

extension FactKind {
    public var word: String {
        switch self {
        case .ruleSet: "rule set"
        case .ruleEnded: "rule end"
        case .reloadFailed: "no reload"
        case .accepted, .deferred, .relayed, .bounced, .expired, .dropped, .held, .released, .retried, .restored,
            .reported, .refused, .damaged, .rerouted, .readdressed, .limited, .purged, .closed, .drained, .undrained,
            .forgotten, .reloaded, .shutdown:
            self.rawValue
        }
    }
}
