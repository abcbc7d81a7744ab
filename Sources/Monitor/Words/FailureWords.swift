public import Mail

extension FailureGroup {
    /// `48 recipients, 2 domains, since 04:33`
    public func words(_ now: Timestamp) -> String {
        var parts: [String] = []
        if self.deferred > 0 {
            let place =
                self.domains == 1 && !self.hasMoreDomains ? self.domain.map { " at \(DomainName.disclosing($0))" } : nil
            let count = "\(Format.count(self.domains))\(self.hasMoreDomains ? "+" : "")"
            let domains = self.domains == 1 && !self.hasMoreDomains ? "1 domain" : "\(count) domains"
            parts = [
                Format.plural(self.deferred, "recipient") + (place ?? ", \(domains)"),
                "since " + (self.since.map { Self.moment($0, now) } ?? "before the start"),
            ]
        }
        let expired = self.expired ?? 0
        let settled = [(self.bounced - expired, "bounced"), (expired, "expired")].filter { $0.0 > 0 }
            .map { "\(Format.count($0.0)) \($0.1)" }
        if !settled.isEmpty { parts.append(settled.joined(separator: ", ") + " within an hour") }
        return parts.joined(separator: ", ")
    }

    /// `04:33`; with its date where that is not today's.
    private static func moment(_ time: Timestamp, _ now: Timestamp) -> String {
        let minute = Format.minute(time)
        return minute.prefix(10) == Format.minute(now).prefix(10) ? String(minute.suffix(5)) : minute
    }
}

extension Failures {
    /// What is not in ``groups``; `nil`: nothing is.
    public var moreWords: String? {
        guard self.moreGroups > 0 || self.otherDeferred > 0 else { return nil }
        let groups = self.moreGroups > 0 ? "\(Format.count(self.moreGroups)) more" : "others"
        return "and \(groups) with \(Format.plural(self.otherDeferred, "recipient"))"
    }
}
