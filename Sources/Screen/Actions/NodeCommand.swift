import Mail
import Monitor

extension Command {
    static let purge = Command(
        "purge", ["D"], "forget for good what was dropped; asks first", acts: true, isDestructive: true)
    static let shutdown = Command("shutdown", [], "stop the node, not only this screen; asks for its name", acts: true)
}

/// A command about a node as a whole: each asks first, and says what it would do now.
struct NodeCommand {
    let node: Int
    let around: Surroundings

    func perform(_ call: Call) -> [Effect] {
        call.command == .purge ? [self.rehearsePurge()] : [.ask(self.shutdownDialog)]
    }

    // MARK: Purge

    private func rehearsePurge() -> Effect {
        let feed = self.around.nodes[self.node].entry.feed
        return .read(
            Read(
                Read.Key(owner: nil, node: self.node, kind: "purge"), isInstead: true,
                begin: { { try await feed.purge(until: nil, of: nil) } },
                take: { (rehearsal: Receipt, around) in
                    guard rehearsal.done > 0, let end = rehearsal.undoUntil else {
                        return [.say("nothing that was dropped is kept", .plain)]
                    }
                    return [.ask(self.purgeDialog(rehearsal, until: end))]
                }, failed: { [.say($0, .failure)] }))
    }

    private func purgeDialog(_ rehearsal: Receipt, until end: Timestamp) -> Dialog {
        var deed = Deed(
            node: self.node, words: "purge", work: { [try await $0.purge(until: end, of: rehearsal.done)] },
            report: { receipts in
                let receipt = receipts.first ?? Receipt(done: 0, messages: 0)
                return ("purged \(Words.counts(receipt.done, receipt.messages))", .ok)
            })
        deed.purgesUntil = end
        return Dialog(
            title: "Purge?",
            lines: [
                [Run(Words.counts(rehearsal.done, rehearsal.messages), .prompt)],
                [Run("dropped at \(self.around.nodes[self.node].name) by anybody, and kept to be taken back", .muted)],
                [], [Run("They are gone then, with what they hold: nobody takes them back.")],
            ], verb: "purge", number: rehearsal.done > Order.askAbove ? rehearsal.done : nil,
            confirmed: [.deed(deed)])
    }

    // MARK: Shutdown

    private var shutdownDialog: Dialog {
        let node = self.around.nodes[self.node]
        let name = node.name
        var lines: [Dialog.Line] = [[Run(name, .title)]]
        if let overview = node.overview {
            let sessions = Format.plural(overview.sessionsIn + overview.sessionsOut, "session")
            lines.append([Run("\(sessions), \(Format.plural(overview.queuedMessages, "message")) queued", .prompt)])
        }
        lines += [
            [], [Run("It takes and sends no mail until somebody starts it again.")],
            [Run("Sessions under way may finish; what is queued stays.")],
        ]
        let deed = Deed(
            node: self.node, words: "shutdown",
            work: { feed in
                try await feed.shutDown(name)
                return []
            }, report: { _ in ("\(name) is stopping", .ok) })
        return Dialog(
            title: "Shut down?", lines: lines, verb: "shut down", proof: .name(name), confirmed: [.deed(deed)])
    }
}
