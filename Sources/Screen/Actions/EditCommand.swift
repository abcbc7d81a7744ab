import Mail
import Monitor

extension Command {
    static let edit = Command(
        "edit", ["m"], "to ADDRESS: send it to another address; asks first", argument: "to whom", acts: true)
    static let retryAt = Command(
        "retry-at", [], "06:00|2h|2026-11-30T06:00: the next attempt is then, not before", argument: "when", acts: true)
    static let retryHow = Command(
        "retry-how", ["R"], "retry at a time, or another way: choose", acts: true)

    static let editing: [Command] = [.retryHow, .retryAt, .edit]
}

/// A command that changes recipients: each asks first, and says what it would touch now.
struct EditCommand {
    let node: Int
    let now: Timestamp
    /// The destination that the cursor is on.
    let destination: String?
    /// What an order would be for.
    let chosen: Chosen?
    /// What the palette is opened with, for what has to be typed.
    let palette: (String) -> Prompt

    func perform(_ call: Call) -> [Effect] {
        if call.command == .retryHow { return [.ask(self.menu)] }
        guard let chosen = self.chosen else { return [.say("nothing to change", .plain)] }
        if let refusal = chosen.refusal { return [.say(refusal, .plain)] }
        guard let argument = call.argument else {
            let address = call.command == .edit ? "to \(chosen.address ?? "")" : ""
            return [.ask(self.palette("\(call.command.name) \(address)"))]
        }
        do throws(StandingWords.Problem) {
            var words = StandingWords(argument, at: self.now)
            let edit: RecipientEdit =
                call.command == .edit ? .address(to: try words.address()) : .due(at: try words.moment())
            try words.checkEnd()
            do throws(FeedError) { try edit.check(at: self.now) } catch { return [.say(error.description, .warning)] }
            return [.ask(self.dialog(edit, chosen))]
        } catch {
            return [.say(error.text, .warning)]
        }
    }

    private var menu: Menu {
        var items = ["now", "at a time", "via another next hop", "by its routes"]
        if let destination = self.destination { items.append("all for \(destination) via another next hop") }
        return Menu(
            title: "Retry", items: items, chosen: items[0],
            taken: { item, _ in
                switch items.firstIndex(of: item) {
                case 0: [.run("retry")]
                case 1: [.run("retry-at")]
                case 2: [.ask(self.palette("reroute to "))]
                case 3: [.run("reroute to route")]
                case 4: [.ask(self.palette("reroute \(self.destination ?? "") to "))]
                default: []
                }
            })
    }

    private func dialog(_ edit: RecipientEdit, _ chosen: Chosen) -> Dialog {
        var lines: [Dialog.Line] = [[Run(chosen.rehearsal, .prompt)]]
        if let limits = chosen.limits { lines.append(.remark(Run(address: limits))) }
        lines += chosen.sample.prefix(5).map { .example($0) }
        lines += [[], [Run(address: edit.consequence(self.now))]]
        if case .due = edit, chosen.isHeld {
            lines.append([Run("What is on hold stays there: release it first.", .limited)])
        }
        let targets = chosen.targets
        var deed = Deed(
            node: self.node, words: edit.words,
            work: { feed in try await Deed.each(targets) { try await feed.edit($0, edit) } },
            done: { _ in chosen.done() })
        if case .address = edit { deed.addressBefore = chosen.address }
        let isLarge = chosen.recipients > Order.askAbove || chosen.messages > Order.askAbove
        return Dialog(
            title: "\(edit.words.capitalizedFirst)?", lines: lines, verb: edit.words,
            number: isLarge ? chosen.recipients : nil, confirmed: [.deed(deed)])
    }
}
