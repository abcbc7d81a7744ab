public import Mail

extension RouteAnswer {
    /// What is known of the way, each line behind its name.
    public func lines(_ now: Timestamp) -> [(name: String, words: String)] {
        var lines: [(name: String, words: String)] = [
            ("Node", self.node), ("Address", DomainName.disclosing(self.address)),
            ("Domain", DomainName.disclosing(self.domain)), ("Rule", self.ruleWords),
        ]
        if let detour = self.detour {
            lines.append(("Instead", "the operator sends it to \(detour), by a standing rule"))
        }
        if let destination = self.destination {
            lines += [
                // As commands take it; its terms tell it apart from namesakes.
                ("Next hop", destination.name),
                ("State", "\(destination.stateWords(now)): \(destination.whyWords(now))"),
                ("Waiting", Format.plural(destination.waiting, "recipient") + ", \(destination.limitWords)"),
            ]
            if let terms = destination.terms { lines.append(("Terms", terms.words)) }
        }
        for (number, host) in self.hosts.enumerated() { lines.append((number == 0 ? "Hosts" : "", host.words)) }
        if let problem = self.problem { lines.append((self.rule == nil ? "" : "Hosts", problem)) }
        return lines
    }

    private var ruleWords: String {
        guard let rule = self.rule, let number = self.number else { return "no [[route]] takes it: mail for it waits" }
        return "[[route]] \(number), with domain = \"\(rule)\""
    }
}

extension RouteAnswer.Host {
    fileprivate var words: String {
        let preference = self.preference.map { "\($0) " } ?? ""
        let demand =
            switch self.demand {
            case "never": "no TLS"
            case "if-offered": "TLS if offered"
            case "passed-over": "passed over"
            default: "TLS \(self.demand)"
            }
        return "\(preference)\(self.name)  \(demand) (\(self.policy == "route" ? "" : "\(self.policy): ")\(self.why))"
    }
}
