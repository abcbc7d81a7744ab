public import Mail

// What the values of a feed say in words. The engine sends values; sentences are made here.

extension Attention {
    /// What it is about: a destination, `spool`.
    public var subject: String {
        switch self.kind {
        case .unrouted: noRoute
        case .backoff(let destination, _, _), .deferring(let destination, _), .suspended(let destination, _, _, _):
            destination
        case .damaged: "damaged mail"
        case .spoolLow, .spoolFailing, .spoolStalled: "spool"
        case .draining, .nodeGone: "fleet"
        case .journalFailing: "journal"
        case .unreachable(let node): node.node
        case .unknown(let name): name
        }
    }
    /// The destination that it is about; `nil`: it is about something else.
    public var destination: String? {
        switch self.kind {
        case .backoff(let destination, _, _), .deferring(let destination, _), .suspended(let destination, _, _, _):
            destination
        case .unrouted, .damaged, .spoolLow, .spoolFailing, .spoolStalled, .journalFailing, .unreachable, .draining,
            .nodeGone, .unknown:
            nil
        }
    }
    public var isSuspension: Bool { if case .suspended = self.kind { true } else { false } }
    /// What is the matter with it.
    public var words: String {
        switch self.kind {
        case .unrouted(let domains, let example):
            domains == 1 ? "for \(example)" : "for \(Format.count(domains)) domains, such as \(example)"
        case .backoff(_, let reason, _): reason ?? "backs off"
        case .deferring(_, let reply): reply
        case .suspended(_, let by, let until, let reason):
            "suspended by \(by)" + (until.map { " until \(Format.minute($0))" } ?? "")
                + (reason.map { ": \($0)" } ?? "")
        case .damaged(let messages, let example, let reason):
            messages == 1 ? "\(example): \(reason)" : "\(messages) on hold, such as \(example): \(reason)"
        case .spoolLow(let free, let wanted):
            "only \(Format.octetsLong(free)) free, mail is refused below \(Format.octetsLong(wanted)) (spool.free-space)"
        case .spoolFailing(let error): error
        case .draining: "this node drains: it takes no mail, and others take what it has (hoptop fleet)"
        case .nodeGone(let name):
            "\(name) is gone: others take its mail. If it does not come back: hoptop fleet forget \(name)"
        case .journalFailing(let error): "\(error); what happens waits in the spool"
        case .spoolStalled(let seconds): "its disk or database has not answered for \(seconds) s"
        case .unreachable(let node): "not seen since \(Format.clock(node.since)): \(node.reason)"
        case .unknown: "the node tells of this, and is of a later version: a newer hoptop says what it is"
        }
    }
}

extension [AbsentNode] {
    /// Behind a count that lacks them.
    public var withoutWords: String { self.isEmpty ? "" : ", without \(self.map(\.node).joined(separator: ", "))" }
}

extension SkipReason {
    public var words: String {
        switch self {
        case .gone: "no longer in the queue"
        case .changed: "changed meanwhile"
        case .active: "an attempt is under way"
        case .ordered: "another order is under way"
        case .settled: "already settled"
        case .onHold: "on hold"
        case .notOnHold: "not on hold"
        case .alreadyThere: "goes that way already"
        case .tooLate: "too late to undo"
        case .damaged: "damaged"
        case .failed: "not done"
        }
    }
}

extension Receipt.Remark {
    public var words: String {
        switch self {
        case .noRoute(let domain): "no route for \(DomainName.disclosing(domain)): add a [[route]] for it"
        case .suspended(let destination): "\(destination) is suspended: nothing goes there until it is resumed"
        case .takes(let milliseconds): "it takes about \(Format.span(milliseconds: milliseconds)) if all goes well"
        case .failed(let error): error.description
        }
    }
}

extension FeedCapabilities.Note {
    public var words: String {
        switch self {
        case .noRoute: "No [[route]] is configured: mail is taken and waits in the queue."
        }
    }
}

extension RecipientDetail {
    /// Why it is still here and when it goes, in one sentence of plain words.
    public func whyWords(_ now: Timestamp) -> String {
        let last = self.lastReply.map { "; the last attempt ended with: \($0)" } ?? ""
        switch self.why {
        case .active: return "An attempt is under way."
        case .due: return "It is due and waits for a session."
        case .behind(let others):
            return "It is due, behind \(Format.plural(others, "other")) that go\(others == 1 ? "es" : "") there."
        case .limited(let others, let connections):
            let place = others == 0 ? "and the next one" : "behind \(Format.plural(others, "other"))"
            return
                "It is due, \(place); no more than \(Format.plural(connections, "connection")) may be had there at a time."
        case .limitedElsewhere(let connections):
            return
                "It is due; no more than \(Format.plural(connections, "connection")) may be had there at a time by all nodes, "
                + "and this one has none yet."
        case .retryTime: return "It waits for its retry time\(Self.wait(self.nextAttempt, now))\(last)."
        case .backoff(let until, let reason):
            let reply = self.lastReply.map { $0 == reason ? "" : "; the last attempt ended with: \($0)" } ?? ""
            // The time stands first: what a host said may be longer than the room there is.
            // It may not have been asked at all, as where a policy lets no mail go to its hosts.
            return
                "The next hop is tried again when its back-off is over\(Self.wait(until, now)); it could not be used "
                + "(\(reason ?? "no reason is known"))\(reply)."
        case .suspended(let by, let until, let reason):
            let words = reason.map { ": \($0)" } ?? ""
            let end = until.map { " until \(Format.moment($0, now)) UTC\(Self.wait($0, now))" } ?? ", without an end"
            return "\(by) suspended its destination\(end)\(words)\(last)."
        case .rate(let until):
            return "Its route allows only so many in a time; its turn comes\(Self.wait(until, now))."
        case .lookup(let until, let reason):
            guard let until else { return "It is being asked which hosts take mail for its domain." }
            return
                "It is not known for now which hosts take mail for its domain, and is asked again"
                + "\(Self.wait(until, now)) (\(reason ?? "no reason is known"))\(last)."
        case .spoolFailing: return "Nothing is tried as long as the spool cannot write down what becomes of it."
        case .otherNode(let name): return "\(name), another node of the fleet, has it."
        case .nodeIdle:
            return
                "This node begins nothing: it drains, or the database has not heard of it for as long as its lease lasts."
        case .noRoute(let domain):
            return "No route takes \(DomainName.disclosing(domain)): "
                + "add a [[route]] with domain = \"\(domain)\" (or \"*\") and via = [\"host:port\"]."
        case .held(let by, let reason):
            let words = reason.map { ": \($0)" } ?? ""
            return "\(by.map { "\($0) holds it" } ?? "It is on hold")\(words); release it to have it tried again."
        case .damaged(let reason):
            let words = reason.map { " (\($0))" } ?? ""
            return "It is damaged\(words), and so kept aside; mend and release it, or drop it."
        case .settled:
            switch self.state {
            case .relayed: return "The next hop took it and is responsible for it."
            case .bounced: return "It failed for good, and the sender was told\(last)."
            case .expired: return "Its time ran out, and the sender was told\(last)."
            case .dropped: return "The operator dropped it; nobody was told."
            case .queued, .active, .deferred, .hold: return "It is settled."
            }
        }
    }

    private static func wait(_ time: Timestamp?, _ now: Timestamp) -> String {
        time.flatMap { $0 > now ? ", in \(Format.span(milliseconds: $0.since(now)))" : nil } ?? ""
    }
}

extension WaitReason {
    /// `rule 3: maintenance`, of a standing rule's words, `rule 3 of ann until 2026-12-01T06:00:00Z: maintenance`; `nil`: they are
    /// somebody else's, as those are that name another than who holds it.
    private static func rule(_ words: String, of holder: String) -> String? {
        let parts = words.split(separator: " ", maxSplits: 2)
        guard parts.count == 3, parts[0] == "rule", Int(parts[1]) != nil, parts[2].hasPrefix("of \(holder)") else {
            return nil
        }
        let end = parts[2].dropFirst("of \(holder)".count)
        guard end.isEmpty || end.hasPrefix(":") || end.hasPrefix(" until ") else { return nil }
        return "rule \(parts[1])" + (end.firstRange(of: ": ").map { String(end[$0.lowerBound...]) } ?? " of \(holder)")
    }

    /// What filters call mail that is damaged, beside its state, which is hold.
    public static let damagedWord = "damaged"

    /// Whether the beginning of a state's word is of that one: what is deferred, or dropped, begins alike.
    public static func isDamageMeant(by prefix: String) -> Bool {
        prefix.count > 1 && self.damagedWord.hasPrefix(prefix)
    }

    /// Why it does not go, for a row; `nil` where the last reply, or the state, says enough.
    public func words(_ now: Timestamp) -> String? {
        func until(_ time: Timestamp?) -> String {
            time.flatMap { $0 > now ? ", \(Format.span(milliseconds: $0.since(now))) to go" : nil } ?? ""
        }
        return switch self {
        case .behind(let others): "behind \(Format.plural(others, "other"))"
        case .limited(let others, let connections):
            "limit of \(Format.plural(connections, "connection"))"
                + (others == 0 ? "" : ", behind \(Format.plural(others, "other"))")
        case .limitedElsewhere(let connections):
            "limit of \(Format.plural(connections, "connection")), none here yet"
        case .rate(let time): "rate limit\(until(time))"
        case .lookup(_, let reason): reason ?? "its hosts are asked for"
        case .suspended(let by, let time, let reason):
            "suspended by \(by)\(until(time))\(reason.map { ": \($0)" } ?? "")"
        case .spoolFailing: "the spool cannot write"
        case .otherNode(let name): "\(name) has it"
        case .nodeIdle: "this node begins nothing"
        case .noRoute: "no route"
        case .held(let by, let reason):
            by.map { by in
                reason.flatMap { Self.rule($0, of: by) } ?? "by \(by)" + (reason.map { ": \($0)" } ?? "")
            } ?? reason
        case .damaged(let reason): Self.damagedWord + (reason.map { ": \($0)" } ?? "")
        case .active, .due, .retryTime, .backoff, .settled: nil
        }
    }
}
