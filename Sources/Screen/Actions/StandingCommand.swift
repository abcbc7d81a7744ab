import Mail
import Monitor

extension Command {
    static let suspend = Command(
        "suspend", ["P"], "HOP [until 06:00|for 2h] [why]: nothing goes there; again: resume", argument: "hop",
        acts: true)
    static let resume = Command("resume", [], "mail goes to a suspended next hop again", argument: "hop", acts: true)
    static let limit = Command(
        "limit", [], "HOP 2|off: so many connections at a time, until off", argument: "hop n", acts: true)
    static let reroute = Command(
        "reroute", [], "[HOP] to HOST:PORT|mx|route [for 2h] [why]: a hop's, or chosen mail", argument: "hop to",
        acts: true)
    static let rule = Command(
        "rule", [], "hold|refuse [550] from|to|user|client WHOSE [for 2h] [why]", argument: "words", acts: true)
    static let rules = Command("rules", ["b"], "standing rules that are in force; d ends one")

    static let standing: [Command] = [.suspend, .resume, .limit, .reroute, .rule, .rules]
}

/// A command about standing rules or destinations: each asks first, and says what it would touch now.
struct StandingCommand {
    let node: Int
    let feed: any MonitorFeed
    let around: Surroundings
    /// The destination that the cursor is on.
    let destination: String?
    /// What an order would be for.
    let chosen: Chosen?
    /// The destination is suspended; `nil`: where the cursor is that is not known.
    var isSuspended: Bool?

    func perform(_ call: Call) -> [Effect] {
        do throws(StandingWords.Problem) {
            return try self.effects(call)
        } catch {
            return [.say(error.text, .warning)]
        }
    }

    private func effects(_ call: Call) throws(StandingWords.Problem) -> [Effect] {
        var words = StandingWords(call.argument, at: self.around.now)
        switch call.command {
        case .suspend:
            let isKey = words.isEmpty
            let destination = try words.destination(self.destination)
            if isKey, self.isSuspended ?? self.isKnownSuspended(destination) { return [self.resume(destination)] }
            return [self.ask(try words.terms(.suspend(destination: destination)))]
        case .resume:
            let destination = try words.destination(self.destination)
            try words.checkEnd()
            return [self.resume(destination)]
        case .limit:
            let destination = try words.destination(self.destination)
            let connections = try words.limit()
            try words.checkEnd()
            return [self.limit(destination, connections)]
        case .reroute: return try self.reroute(&words)
        case .rule:
            let order = try words.rule()
            return [self.ask(try words.terms(order))]
        case .rules: return [.open(RulesPane(node: self.node, feed: self.feed))]
        default: return []
        }
    }

    private func isKnownSuspended(_ destination: String) -> Bool {
        self.around.nodes[self.node].overview?.attention.contains {
            guard case .suspended(let name, _, _, _) = $0.kind else { return false }
            return name.lowercased() == destination.lowercased()
        } ?? false
    }

    private func reroute(_ words: inout StandingWords) throws(StandingWords.Problem) -> [Effect] {
        guard let named = try words.named() else {
            let via = try words.way()
            try words.checkEnd()
            guard let chosen = self.chosen else { return [.say("nothing to reroute", .plain)] }
            if let refusal = chosen.refusal { return [.say(refusal, .plain)] }
            return [.ask(self.dialog(chosen, via: via == "route" ? nil : via))]
        }
        let via = try words.way()
        if via == "route" {
            try words.checkEnd()
            return [self.end(named, "goes by its routes already") { if case .reroute = $0 { true } else { false } }]
        }
        return [self.ask(try words.terms(.reroute(destination: named, via: via)))]
    }

    // MARK: asking

    private func key(_ kind: String) -> Read.Key { Read.Key(owner: nil, node: self.node, kind: kind) }

    private func ask(_ terms: StandingRule.Terms) -> Effect {
        let (feed, node) = (self.feed, self.node)
        return .read(
            Read(
                self.key("preview"), isInstead: true, begin: { { try await feed.preview(terms) } },
                take: { (preview: RulePreview, around) in [.ask(preview.dialog(node: node, around.now))] },
                failed: { [.say($0, .warning)] }))
    }

    private func resume(_ destination: String) -> Effect {
        self.end(destination, "is not suspended") { if case .suspend = $0 { true } else { false } }
    }

    /// Asks whether the rule about a destination is to end.
    private func end(
        _ destination: String, _ otherwise: String, _ isMeant: @escaping @Sendable (StandingOrder) -> Bool
    ) -> Effect {
        let (feed, node) = (self.feed, self.node)
        return .read(
            Read(
                self.key("preview"), isInstead: true,
                begin: {
                    {
                        // Several nodes may each have one of their own.
                        let rows = try await feed.rules().about(destination, isMeant)
                        guard let row = rows.first else { return EndPreview() }
                        let others = Array(rows.dropFirst())
                        // What is asked is what it touches, whenever it ends.
                        let terms = StandingRule.Terms(row.rule.terms.order, reason: row.rule.terms.reason)
                        return EndPreview(row: row, others: others, preview: try await feed.preview(terms))
                    }
                },
                take: { (end: EndPreview, around) in
                    guard let row = end.row else { return [.say("\(SafeText(destination)) \(otherwise)", .plain)] }
                    return [.ask(row.endDialog(node: node, others: end.others, end.preview, around.now))]
                }, failed: { [.say($0, .warning)] }))
    }

    private struct EndPreview: Sendable {
        var row: RuleRow?
        var others: [RuleRow] = []
        var preview: RulePreview?
    }

    private func limit(_ destination: String, _ connections: Int?) -> Effect {
        let (feed, node) = (self.feed, self.node)
        return .read(
            Read(
                self.key("preview"), isInstead: true,
                begin: { { try await feed.preview(StandingRule.Terms(.suspend(destination: destination))) } },
                take: { (preview: RulePreview, _) in
                    [.ask(preview.limitDialog(node: node, connections))]
                }, failed: { [.say($0, .warning)] }))
    }

    private func dialog(_ chosen: Chosen, via: String?) -> Dialog {
        var lines: [Dialog.Line] = [[Run(chosen.rehearsal, .prompt)]]
        if let limits = chosen.limits { lines.append(.remark(Run(address: limits))) }
        lines += chosen.sample.prefix(5).map { .example($0) }
        lines += [[]]
        lines += [
            [Run(StandingOrder.consequence(ofReroute: via))]
        ]
        let targets = chosen.targets
        let deed = Deed(
            node: self.node, words: "reroute",
            work: { feed in try await Deed.each(targets) { try await feed.reroute($0, via: via) } },
            isReroute: via != nil, done: { _ in chosen.done() })
        return Dialog(title: "Reroute?", lines: lines, verb: "reroute", confirmed: [.deed(deed)])
    }
}

extension StandingWords {
    /// The destination that is named first; `nil`: none is, and the way follows.
    mutating func named() throws(Problem) -> String? {
        if self.isEmpty || self.isAtWay { return nil }
        return try self.destination(nil)
    }
}

// MARK: dialogs

extension RulePreview {
    func dialog(node: Int, _ now: Timestamp) -> Dialog {
        let terms = self.terms
        var lines: [Dialog.Line] = [[Run("\(terms.order)", .title)], [Run(self.touches, .prompt)]]
        lines += self.sample.prefix(3).map { .example(Words.sample($0)) }
        if self.messages > min(self.sample.count, 3) { lines.append(.example("and more")) }
        if let absent = self.absent {
            lines.append([Run("It does not reach \(absent.map(\.node).joined(separator: ", ")).", .failed)])
        }
        lines += self.warnings.map { [Run($0, .limited)] }
        lines.append([])
        lines += terms.consequence.map { [Run($0)] }
        lines.append([Run(terms.end(now))])
        if let reason = terms.reason { lines.append(.reason(reason)) }
        let deed = Deed(
            node: node, words: terms.order.verb, work: { [try await $0.perform(.set(terms: terms))] },
            report: { (terms.outcome($0), $0.skipped.isEmpty ? .ok : .warning) })
        return Dialog(
            title: "\(terms.order.verb.capitalizedFirst)?", lines: lines, verb: terms.order.verb,
            confirmed: [.deed(deed)])
    }

    func limitDialog(node: Int, _ connections: Int?) -> Dialog {
        guard let destination = self.terms.order.destination else { preconditionFailure("a limit is a destination's") }
        let words = connections.map { "\(Format.plural($0, "connection")) at a time" } ?? "as many as configured"
        var lines: [Dialog.Line] = [[Run(destination, .title)], [Run(self.touches, .prompt)]]
        if let warning = self.nameWarning { lines.append([Run(warning, .limited)]) }
        lines += [[], [Run("\(words.capitalizedFirst)" + (connections == nil ? "." : ","))]]
        if connections != nil { lines.append([Run("until somebody ends it; it outlasts a restart.")]) }
        let deed = Deed(
            node: node, words: "limit",
            work: { [try await $0.perform(.limit(destination: destination, connections: connections))] },
            report: { _ in ("\(destination): \(words)", .ok) })
        return Dialog(title: "Limit?", lines: lines, verb: "limit", confirmed: [.deed(deed)])
    }
}

extension RuleRow {
    /// - Parameters:
    ///   - others: end with it, at other nodes.
    ///   - preview: what it touches now, where that is known.
    func endDialog(node: Int, others: [RuleRow] = [], _ preview: RulePreview?, _ now: Timestamp) -> Dialog {
        let verb = self.rule.terms.order.endVerb
        var lines: [Dialog.Line] = [
            [Run("\(self.rule.terms.order)", .title)], [Run("rule \(self.rule.id), set by \(self.rule.by)", .muted)],
        ]
        if let reason = self.rule.terms.reason { lines.append(.reason(reason)) }
        switch self.rule.terms.order {
        case .hold:
            lines.append([Run("\(Format.plural(self.held, "recipient")) on hold by it", .prompt)])
            lines += [[], [Run("They go on, but for what another rule holds.")]]
        case .refuse:
            lines.append([Run("refused so far: \(Format.count(self.refused))", .prompt)])
            lines += [[], [Run("Mail that matches is taken again.")]]
        case .suspend:
            if let preview {
                lines.append([Run("\(Words.counts(preview.recipients, preview.messages)) wait", .prompt)])
            }
            lines += [[], [Run("They go on at once.")]]
        case .reroute:
            if let preview {
                lines.append([Run("\(Words.counts(preview.recipients, preview.messages)) go there now", .prompt)])
            }
            lines += [[], [Run("What is queued goes by its routes again.")]]
        case .limit: lines += [[], [Run("As many connections as configured.")]]
        }
        if !others.isEmpty {
            let nodes = ([self] + others).map(\.ref.node).joined(separator: ", ")
            lines.insert([Run("at \(nodes)", .muted)], at: 1)
        }
        let rule = self.rule
        let refs = ([self] + others).map(\.ref)
        var deed = Deed(
            node: node, words: verb == "end" ? "end rule \(rule.id)" : verb,
            work: { feed in try await Deed.each(refs) { try await feed.perform(.end(rule: $0)) } },
            report: { (rule.ended($0), .ok) })
        deed.ends = refs
        return Dialog(title: "\(verb.capitalizedFirst)?", lines: lines, verb: verb, confirmed: [.deed(deed)])
    }
}
