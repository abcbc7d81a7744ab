import ArgumentParser
import Mail
import Monitor
import Screen

/// What commands that do something to queued mail have in common: whom it is for, and how it is asked for.
struct QueueTargets: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "A queue ID, or a filter as the screen has it: 'to:example.org age>1h'.", valueName: "filter"),
        completion: Completions.queueFilters)
    var filter: [String] = []
    @Flag(help: "All that is queued, where no filter is given.")
    var all = false
    @Flag(help: "Say what would be touched, and touch nothing.")
    var dryRun = false
    @Flag(help: "Do not ask.")
    var yes = false
    @OptionGroup var form: JSONOption

    /// - Throws: where nothing is named, since a mistake would be everything.
    func query() throws -> QueueQuery {
        guard !self.filter.isEmpty || self.all else {
            throw ValidationError("name a queue ID or a filter, or everything that is queued with --all")
        }
        guard self.filter.isEmpty || !self.all else {
            throw ValidationError("--all is everything: leave it out, or the filter")
        }
        return QueueQuery(filter: try FilterExpression(arguments: self.filter, fields: FilterField.ofQueue))
    }
}

/// Something done to exactly what a filter matches at one moment.
struct QueueOrder {
    /// `hold`
    let words: String
    let consequence: String
    var isIrreversible = false
    let perform: (any MonitorFeed, Targets) async throws -> Receipt

    /// - Parameter reason: why, in words; `nil`: none are given.
    init(_ action: QueueAction, because reason: String? = nil) throws {
        try action.check(reason)
        self.words = action.rawValue
        self.consequence = action.consequence + (reason.map { " Reason: \($0)" } ?? "")
        self.isIrreversible = action == .bounce
        self.perform = { try await $0.perform(action, on: $1, because: reason) }
    }
    init(reroute via: String?) {
        self.words = "reroute"
        self.consequence = StandingOrder.consequence(ofReroute: via)
        self.perform = { try await $0.reroute($1, via: via) }
    }

    init(_ edit: RecipientEdit, _ now: Timestamp) throws {
        try edit.check(at: now)
        self.words = edit.words
        self.consequence = edit.consequence(now)
        self.perform = { try await $0.edit($1, edit) }
    }

    func run(on feed: any MonitorFeed, _ targets: QueueTargets, _ output: Output) async throws -> CommandStatus {
        let set = try await feed.freeze(try targets.query())
        if targets.dryRun, targets.form.json {
            try output.json(set)
        } else if targets.dryRun {
            for line in self.preview(set) { output.line(line) }
        }
        guard set.recipients > 0 else {
            if !targets.form.json { output.say("nothing that is queued matches") }
            if targets.form.json, !targets.dryRun { try output.json(Receipt(done: 0, messages: 0)) }
            return .nothing
        }
        if targets.dryRun { return .done }
        try Confirmation(
            self.preview(set), recipients: set.recipients, messages: set.messages,
            isIrreversible: self.isIrreversible
        ).get(output, isGiven: targets.yes)
        let receipt = try await self.perform(feed, .frozen(set: set.id))
        return try receipt.report(self.words, output, asJSON: targets.form.json)
    }

    private func preview(_ set: FrozenSet) -> [String] {
        var lines = ["\(self.words): \(Words.rehearsal(set.recipients, set.messages, active: set.active))"]
        lines += set.sample.prefix(5).map { "  \(Words.sample($0))" }
        if set.messages > min(set.sample.count, 5) { lines.append("  and more") }
        return lines + [self.consequence]
    }
}

extension Receipt {
    /// Prints what was done, and how it is taken back.
    func report(_ deed: String, _ output: Output, asJSON: Bool) throws -> CommandStatus {
        if asJSON {
            try output.json(self)
        } else {
            let isWhole = self.done > 0 && self.status == .done
            output.line([self].words(deed), isWhole ? .ok : .limited)
            if let undo = self.undo {
                let until = self.undoUntil.map { " until \(Format.moment($0, output.paper.now)) UTC" } ?? ""
                output.line("hoptop queue undo --token \(undo.text) takes it back\(until)", .muted)
            }
            for case .suspended(let destination) in self.remarks {
                output.line("hoptop destinations resume \(destination) lets mail go there", .muted)
            }
        }
        return self.status
    }

    var status: CommandStatus {
        if self.remarks.contains(where: { if case .failed = $0 { true } else { false } }) { return .failed }
        // What is due and goes nowhere was left alone, whatever was counted.
        let goesNowhere = self.remarks.contains { remark in
            switch remark {
            case .suspended, .noRoute: true
            case .takes, .failed: false
            }
        }
        return self.skipped.isEmpty && !goesNowhere ? .done : .skipped
    }
}

extension UndoToken {
    /// As it is printed and typed: `17@mx1.example.net`.
    var text: String { "\(self.id)@\(self.node)" }

    init?(_ text: String) {
        let parts = text.split(separator: "@", maxSplits: 1)
        guard parts.count == 2, let id = Int64(parts[0]) else { return nil }
        self.init(node: String(parts[1]), id: id)
    }
}
