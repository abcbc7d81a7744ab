import ArgumentParser
import Mail
import Monitor
import Screen

/// What commands that set something standing have in common.
struct StandingOptions: ParsableArguments {
    @Flag(help: "Say what would be touched, and set nothing.")
    var dryRun = false
    @Flag(help: "Do not ask.")
    var yes = false
    @OptionGroup var form: JSONOption
}

extension StandingWords {
    /// Words of a command line; one that the shell kept together is one here too.
    ///
    /// - Throws: what `body` does, as a mistake of the command line.
    static func reading<Result>(
        _ arguments: [String], at now: Timestamp, _ body: (inout StandingWords) throws(Problem) -> Result
    ) throws -> Result {
        var words =
            arguments.count == 1 ? StandingWords(arguments[0], at: now) : StandingWords(arguments, at: now)
        do throws(Problem) { return try body(&words) } catch { throw ValidationError(error.text) }
    }
}

extension StandingRule.Terms {
    /// Says what the rule would touch, asks where that is much, and sets it.
    func set(on feed: any MonitorFeed, _ options: StandingOptions, _ output: Output) async throws -> CommandStatus {
        let preview = try await feed.preview(self)
        if options.dryRun, options.form.json {
            try output.json(preview)
            return .done
        }
        let lines = preview.lines(output.paper.now)
        if options.dryRun {
            for line in lines { output.line(line) }
            return .done
        }
        let wasAsked = try Confirmation(lines, recipients: preview.recipients, messages: preview.messages)
            .get(output, isGiven: options.yes)
        if !wasAsked { for warning in preview.warnings { output.say(warning) } }
        let receipt = try await feed.perform(.set(terms: preview.terms))
        if options.form.json { try output.json(receipt) } else { output.line(preview.terms.outcome([receipt]), .ok) }
        return receipt.status
    }
}

/// What commands that end a rule have in common.
struct EndOptions: ParsableArguments {
    @Flag(help: "Say what would end, and end nothing.")
    var dryRun = false
    @OptionGroup var form: JSONOption
}

extension RuleRow {
    func end(
        on feed: any MonitorFeed, dryRun: Bool, asJSON: Bool, _ output: Output
    ) async throws -> CommandStatus {
        if dryRun {
            if asJSON {
                try output.json(self)
            } else {
                output.line("end of rule \(self.rule.id): \(self.rule.terms.order)")
                if self.held > 0 {
                    let held = Format.plural(self.held, "recipient")
                    output.line("It holds \(held) now; what nothing else holds is released.")
                }
            }
            return .done
        }
        let receipt = try await feed.perform(.end(rule: self.ref))
        if asJSON { try output.json(receipt) } else { output.line(self.rule.ended([receipt]), .ok) }
        return receipt.status
    }
}

extension RulePreview {
    fileprivate func lines(_ now: Timestamp) -> [String] {
        var lines = ["\(self.terms.order): \(self.touches)"]
        lines += self.sample.prefix(3).map { "  \(Words.sample($0))" }
        if self.messages > min(self.sample.count, 3) { lines.append("  and more") }
        lines += self.warnings + [self.terms.consequence.joined(separator: " "), self.terms.end(now)]
        if let reason = self.terms.reason { lines.append("Reason: \(reason)") }
        return lines
    }
}
