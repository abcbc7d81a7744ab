import Mail
import Monitor

/// What an action would be for.
struct Chosen {
    /// What is meant; more than one where messages were tagged under several filters.
    var targets: [Targets]
    var recipients: Int
    var messages: Int
    /// Of the recipients those of an attempt under way, which are left alone; `nil`: not known.
    var active: Int?
    /// Its name on the status line: `3 tagged`, `4Q7K`.
    var words: String
    /// Which recipients of all are meant, where not all of them are.
    var limits: String?
    var sample: [String] = []
    /// The address that all of it goes to; `nil`: not known, or there are several.
    var address: String?
    /// Whether all of it is on hold.
    var isHeld = false
    /// Why there is nothing to do; `nil`: there is.
    var refusal: String?
    /// What to do afterwards: takes off the tags.
    var done: () -> Void = {}

    var rehearsal: String { Words.rehearsal(self.recipients, self.messages, active: self.active) }
}

extension Chosen {
    /// All that a filter matched at one moment.
    ///
    /// - Parameter limits: which those are.
    init(_ set: FrozenSet, words: String, limits: String, done: @escaping () -> Void = {}) {
        self.init(
            targets: [.frozen(set: set.id)], recipients: set.recipients, messages: set.messages, active: set.active,
            words: words, limits: limits, sample: set.sample.map(Words.sample), done: done)
    }
}

/// An action on what was chosen.
struct Order {
    /// More targets than this are never touched without a dialog.
    static let askAbove = 20

    let action: QueueAction
    let chosen: Chosen
    let node: Int
    /// Asks whatever the count is.
    let asks: Bool
    /// Why, in the operator's words; `nil`: none are given.
    var reason: String?
    /// What follows from its receipts.
    var done: ([Receipt]) -> Void = { _ in }

    /// The dialog that has to be answered first; `nil`: none.
    func dialog(_ around: Surroundings) -> Dialog? {
        let chosen = self.chosen
        let isLarge = chosen.recipients > Self.askAbove || chosen.messages > Self.askAbove
        guard isLarge || self.asks || self.action == .bounce else { return nil }
        var lines: [Dialog.Line] = [[Run(chosen.rehearsal, .prompt)]]
        if let limits = chosen.limits { lines.append(.remark(Run(address: limits))) }
        lines += chosen.sample.prefix(5).map { .example($0) }
        if chosen.messages > chosen.sample.count { lines.append(.example("and more")) }
        if let reason { lines.append(.reason(reason)) }
        let wayBack = self.action == .drop ? " \(around.sentence(.undo, "takes it back"))." : ""
        lines += [[], [Run(self.action.consequence + wayBack)]]
        if self.action == .bounce, self.reason == nil {
            lines.append(.remark(Run(":\(Command.bounce.name) WHY tells the senders why.", .muted)))
        }
        return Dialog(
            title: self.action.rawValue.capitalizedFirst + "?", lines: lines, verb: self.action.rawValue,
            number: isLarge ? chosen.recipients : nil, confirmed: [.deed(self.deed)])
    }

    var deed: Deed {
        let action = self.action
        let (chosen, done, reason) = (self.chosen, self.done, self.reason)
        let targets = chosen.targets
        var deed = Deed(
            node: self.node, words: action.rawValue, action: action,
            work: { feed in try await Deed.each(targets) { try await feed.perform(action, on: $0, because: reason) } },
            done: { receipts in
                chosen.done()
                done(receipts)
            })
        deed.reason = reason
        return deed
    }
}

extension QueueAction {
    /// What takes it back; `nil`: only the feed itself, by a token, or nothing.
    var inverse: QueueAction? {
        switch self {
        case .hold: .release
        case .release: .hold
        case .retry, .drop, .bounce: nil
        }
    }
}

extension QueueAction {
    /// What a command does to mail; `nil`: nothing.
    init?(_ command: Command) {
        switch command {
        case .retry: self = .retry
        case .hold: self = .hold
        case .release: self = .release
        case .drop: self = .drop
        case .bounce: self = .bounce
        default: return nil
        }
    }

    /// What is said where it cannot be done for that reason; `nil`: it can.
    func refusal(of reason: String?) -> [Effect]? {
        do throws(FeedError) {
            try self.check(reason)
            return nil
        } catch {
            return [.say(error.description, .warning)]
        }
    }
}

extension Pane {
    /// Asks which recipients a query matches now, so that what is done to them touches exactly those.
    ///
    /// - Parameters:
    ///   - name: what they have in common: a destination, a sender.
    ///   - limits: which recipients those are, in words.
    func freeze(
        _ query: QueueQuery, of feed: any MonitorFeed, name: String, limits: String,
        then: @escaping (Chosen) -> [Effect]
    ) -> Effect {
        .read(
            Read(
                self.key("freeze"), isInstead: true, begin: { { try await feed.freeze(query) } },
                take: { (set: FrozenSet, _) in
                    guard set.recipients > 0 else { return [.say("nothing waits for \(SafeText(name))", .plain)] }
                    return then(Chosen(set, words: name, limits: limits))
                }, failed: { [.say($0, .failure)] }))
    }

    /// The order that a command gives for what is chosen here; `nil`: it gives none.
    ///
    /// - Parameter done: what follows from its receipts.
    func order(
        _ call: Call, _ around: Surroundings, done: @escaping ([Receipt]) -> Void = { _ in }
    ) -> [Effect]? {
        guard let action = QueueAction(call.command) else { return nil }
        if let refusal = action.refusal(of: call.argument) { return refusal }
        guard let chosen = self.chosen(around) else { return [.say("nothing to \(action.rawValue)", .plain)] }
        if let refusal = chosen.refusal { return [.say(refusal, .plain)] }
        // What is held lets go by the same key, unless a reason says that a hold is meant.
        let turned = action == .hold && chosen.isHeld && call.argument == nil ? QueueAction.release : action
        return [
            .order(
                Order(
                    action: turned, chosen: chosen, node: self.node, asks: call.asks, reason: call.argument, done: done)
            )
        ]
    }
}
