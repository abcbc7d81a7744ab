package import Mail
import SMTP

/// What an order makes of one message: a store writes all of it down in the order's transaction.
package struct OrderEffect: Sendable {
    /// The message as it is from now on; unchanged when every recipient was skipped.
    package var message: SpooledMessage
    /// The recipients that changed, as they are from now on.
    package var changed: [SpooledRecipient] = []
    /// The drops that are kept, so that they can be taken back.
    package var drops: [Drop] = []
    package var facts: [Fact] = []
    package var counts = Counters()
    package var skipped: [Skip: Int] = [:]
}

extension SpooledMessage {
    /// Decides what an order does to those recipients that are as the targets name them.
    ///
    /// - Parameter token: names a drop that begins with this order.
    package func applying(_ order: Order, to targets: [RecipientTarget], token: Int64) -> OrderEffect {
        var effect = OrderEffect(message: self)
        for target in targets {
            guard let place = effect.message.place(of: target.index),
                effect.message.recipients[place].generation == target.generation
            else {
                effect.skipped[.changed, default: 0] += 1
                continue
            }
            let before = effect.message.recipients[place]
            if case .readdress(let mailbox) = order.action, effect.message.goesTo(mailbox, besides: place) {
                effect.skipped[.alreadyThere, default: 0] += 1
                continue
            }
            if let skip = effect.message.recipients[place].obey(order) {
                effect.skipped[skip, default: 0] += 1
                continue
            }
            effect.message.recipients[place].generation += 1
            let changed = effect.message.recipients[place]
            effect.changed.append(changed)
            effect.facts.append(Fact(order, changed, of: self, before: before))
            if case .drop(let until, let earlier) = order.action {
                effect.counts.dropped += 1
                effect.drops.append(
                    Drop(
                        message: self.id, token: earlier ?? token, until: until, generation: changed.generation,
                        before: before))
            }
        }
        if !effect.changed.isEmpty { effect.message.generation += 1 }
        return effect
    }

    /// Another recipient that is not settled has that address: two of one would get the message, and its report, twice.
    private func goesTo(_ mailbox: Mailbox, besides place: Int) -> Bool {
        self.recipients.indices.contains {
            $0 != place && !self.recipients[$0].state.isSettled
                && self.recipients[$0].forwardPath == .path(Path(mailbox: mailbox))
        }
    }
}

extension SpooledRecipient {
    /// - Returns: why it stays as it is; `nil`: it changed.
    fileprivate mutating func obey(_ order: Order) -> Skip? {
        guard !self.state.isSettled else { return .settled }
        switch order.action {
        case .retry:
            guard self.state != .hold else { return .onHold }
            self.isPutOffNoMore(at: order.at)
            self.state = .queued
            self.due = order.at
        case .hold:
            guard self.state != .hold else { return .alreadyOnHold }
            self.isPutOffNoMore(at: order.at)
            self.state = .hold
            self.heldSince = order.at
            self.heldUnder = nil
        case .holdUnder(let rule):
            // What another rule holds goes over to this one, and waits on.
            guard self.state != .hold || self.heldUnder != nil && self.heldUnder != rule else { return .alreadyOnHold }
            if self.state != .hold {
                self.isPutOffNoMore(at: order.at)
                self.heldSince = order.at
            }
            self.state = .hold
            self.heldUnder = rule
        case .reroute(let via):
            guard self.via != via else { return .alreadyThere }
            self.via = via
        case .postpone(let time):
            guard self.state != .hold else { return .onHold }
            self.putOff(to: time, at: order.at)
        case .readdress(let mailbox):
            let path = ForwardPath.path(Path(mailbox: mailbox))
            guard self.forwardPath != path else { return .alreadyThere }
            self.keepOriginalRecipient()
            self.forwardPath = path
            // What was walked of a source route was that of the address before.
            self.moved = false
            self.nextHop = nil
            self.lastReply = nil
            self.lastSaidBy = nil
            if self.state == .deferred {
                self.isPutOffNoMore(at: order.at)
                self.state = .queued
                self.due = order.at
            }
        case .release:
            guard self.state == .hold else { return .notOnHold }
            // It goes on as before: a hold that is taken back, of thousands, is no retry of them all.
            self.state = self.due > order.at ? .deferred : .queued
            self.returnedBy = nil
            if let since = self.heldSince { self.heldTotal += max(order.at.since(since), 0) }
            // It may have been put off before it was held, to a time that is later than it would expire else.
            self.heldSince = self.state == .deferred ? order.at : nil
            // Before the first attempt there was no reply, but why it was held; and damage, which may be mended, is none.
            if self.tries == 0 || self.lastReply.map(SpoolError.tellsOfDamage) == true { self.lastReply = nil }
        case .bounce:
            guard self.returnedBy == nil else { return .alreadyOnHold }
            if self.state != .hold {
                self.isPutOffNoMore(at: order.at)
                self.state = .hold
                self.heldSince = order.at
            }
            self.heldUnder = nil
            self.returnedBy = order.actor
        case .drop:
            self.state = .dropped
            self.settledAt = order.at
        }
        return nil
    }

    /// ORCPT, which a sender may have given, is the address that it knows (RFC 3461 §4.2).
    private mutating func keepOriginalRecipient() {
        guard !self.parameters.contains(where: { $0.keyword == "ORCPT" }) else { return }
        let mailbox =
            switch self.forwardPath {
            case .postmaster: "postmaster"
            case .path(let path): path.mailbox.description
            }
        self.parameters.append(
            Parameter(
                "ORCPT",
                mailbox.utf8.allSatisfy { $0 < 0x80 }
                    ? "rfc822;\(XText.encode(mailbox))" : "utf-8;\(XText.encodeUnicode(mailbox))"))
    }
}

extension Fact {
    private static let untilBounced = "until the node that has it bounces it"

    /// Why it is to be bounced, where this is an order for that to the node that has it; `nil`: it is another fact, or no reason was
    /// given.
    public var bounceReason: String? {
        let beginning = Self.untilBounced + ": "
        guard self.kind == .held, let text, text.hasPrefix(beginning) else { return nil }
        return String(text.dropFirst(beginning.count))
    }

    fileprivate init(
        _ order: Order, _ recipient: SpooledRecipient, of message: SpooledMessage, before: SpooledRecipient
    ) {
        let kind: Kind =
            switch order.action {
            case .retry, .postpone: .retried
            case .readdress: .readdressed
            case .hold, .holdUnder, .bounce: .held
            case .reroute: .rerouted
            case .release: .released
            case .drop: .dropped
            }
        self.init(kind, recipient, of: message, at: order.at)
        self.actor = order.actor
        self.text = order.reason
        switch order.action {
        case .reroute(let via): self.nextHop = via
        case .postpone: self.text = "at \(recipient.due.rfc3339)"
        case .readdress: self.text = before.forwardPath.description
        case .bounce: self.text = Self.untilBounced + (order.reason.map { ": \($0)" } ?? "")
        case .retry, .hold, .holdUnder, .release, .drop: break
        }
    }
}

extension Applied {
    /// Adds what an order did to one message.
    package mutating func add(_ effect: OrderEffect) {
        self.add(effect.changed, of: effect.message)
        self.skipped.merge(effect.skipped, uniquingKeysWith: +)
        self.undo = self.undo ?? effect.drops.first?.token
    }

    /// Adds what an undo did to one message.
    package mutating func add(_ effect: UndoEffect) {
        if let message = effect.message { self.add(effect.changed, of: message, reviving: effect.revived) }
        self.skipped.merge(effect.skipped, uniquingKeysWith: +)
    }

    private mutating func add(
        _ changed: [SpooledRecipient], of message: SpooledMessage, reviving generations: [UInt32] = []
    ) {
        self.changes += changed.enumerated().map { place, recipient in
            Change(
                message: message.id, generation: message.generation, recipient: recipient,
                revives: generations.isEmpty ? nil : generations[place])
        }
    }
}

extension RecipientTarget {
    /// Targets by their message, in order of the IDs, so that each message is read and written once.
    package static func byMessage(_ targets: [RecipientTarget]) -> [(id: QueueID, targets: [RecipientTarget])] {
        Dictionary(grouping: targets, by: \.message).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
