package import Mail

extension StandingRule {
    package var setFact: Fact { Fact(.ruleSet, self, at: self.at, by: self.by) }
    /// - Parameter actor: `nil`: its time is over.
    package func endFact(at now: Timestamp, by actor: String?) -> Fact { Fact(.ruleEnded, self, at: now, by: actor) }
}

extension Fact {
    fileprivate init(_ kind: Kind, _ rule: StandingRule, at now: Timestamp, by actor: String?) {
        self.init(at: now, kind: kind, message: nil, text: "\(rule.id) \(rule.terms)", actor: actor)
    }
}
