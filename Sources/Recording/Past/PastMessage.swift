import Mail
import Monitor

/// A message as the entries of a journal tell of it, up to one of them.
struct PastMessage {
    private let node: String
    private let id: String
    private let arrived: Timestamp
    private let accepted: JournalEntry?
    private let from: String
    private var generation = 0
    /// By their index; all that any entry names, also before it does.
    private var recipients: [Int: RecipientDetail] = [:]
    private var attempts: [AttemptRow] = []
    private var destination: String?
    private var octets: Int?

    /// - Parameter entries: all there are of it in that time, oldest first; at least one.
    init(_ id: String, _ entries: [JournalEntry], node: String) {
        self.node = node
        self.id = id
        self.accepted = entries.first { $0.fact.kind == .accepted }
        // An ID tells when it was given.
        self.arrived = self.accepted?.fact.at ?? QueueID(id)?.time ?? entries[0].fact.at
        self.from = entries.lazy.compactMap(\.fact.from).first ?? ""
        self.octets = entries.lazy.compactMap(\.fact.contentOctets).first
        // Where it waited to go before it was tried is told by the first attempt.
        self.destination = entries.lazy.compactMap(\.fact.nextHop).first
        for entry in entries {
            guard let index = entry.fact.recipient, self.recipients[index] == nil else { continue }
            // Only what was dropped can be forgotten.
            let isDropped = entry.fact.kind == .purged
            self.recipients[index] = RecipientDetail(
                ref: RecipientRef(node: node, message: id, index: index, generation: 0),
                forwardPath: entry.fact.to ?? "", state: isDropped ? .dropped : .queued)
        }
    }

    /// It was in the queue before the first of its entries.
    var isOlder: Bool { self.accepted == nil && !self.recipients.isEmpty }
    /// Nothing became of it in that time, so that no entry says whom it is for.
    var isUnnamed: Bool { self.recipients.isEmpty }

    /// - Parameter detail: what is known of it now.
    mutating func name(_ detail: MessageDetail) {
        for recipient in detail.recipients {
            var waiting = RecipientDetail(
                ref: recipient.ref, forwardPath: recipient.forwardPath, state: .queued)
            waiting.ref.generation = 0
            waiting.destination = recipient.destination
            self.destination = self.destination ?? recipient.destination
            self.recipients[recipient.ref.index] = waiting
        }
    }

    mutating func apply(_ entry: JournalEntry) {
        let fact = entry.fact
        self.generation += 1
        guard let index = fact.recipient, var recipient = self.recipients[index], let state = fact.kind.recipientState
        else {
            return
        }
        recipient.state = state
        recipient.lastReply = fact.text ?? recipient.lastReply
        recipient.why =
            switch state {
            case .hold: fact.kind == .damaged ? .damaged(reason: fact.text) : .held(by: fact.actor, reason: fact.text)
            case .deferred: .retryTime
            case .queued, .active: .due
            case .relayed, .bounced, .expired, .dropped: .settled
            }
        if let hop = fact.nextHop {
            recipient.tries += 1
            self.destination = hop
            recipient.destination = state.isSettled ? nil : hop
            if state == .relayed { (recipient.relayedTo, recipient.remoteID) = (hop, fact.remoteID) }
        }
        recipient.settledAt = state.isSettled ? fact.at : nil
        self.recipients[index] = recipient
        guard fact.endsAttempt else { return }
        self.attempts.append(
            AttemptRow(
                recipientIndex: index, at: fact.at, milliseconds: fact.milliseconds, nextHop: fact.nextHop,
                outcome: state, reply: fact.text, session: fact.session, security: entry.security))
    }

    /// As the queue shows it; `nil`: all of it is settled.
    var row: QueueRow? {
        let all = self.recipients.values
        // What waits longest for somebody's doing stands for it.
        guard let worst = all.filter({ !$0.state.isSettled }).max(by: { $0.state.rawValue < $1.state.rawValue }) else {
            return nil
        }
        let counts = RecipientCounts(Dictionary(grouping: all, by: \.state).mapValues(\.count))
        return QueueRow(
            ref: self.ref, arrived: self.arrived, contentOctets: self.octets, state: worst.state, recipients: counts,
            from: self.from, to: worst.forwardPath, tries: worst.tries, destination: self.destination,
            lastReply: worst.lastReply, why: worst.why,
            client: self.accepted?.peer.map(QueueRow.client), tls: self.accepted?.security?.tls,
            user: self.accepted?.user)
    }

    var detail: MessageDetail {
        MessageDetail(
            ref: self.ref, arrived: self.arrived, contentOctets: self.octets, from: self.from,
            isSettled: self.row == nil, peer: self.accepted?.peer, hello: self.accepted?.hello,
            with: self.accepted?.with, tls: self.accepted?.security?.tls, user: self.accepted?.user,
            session: self.accepted?.fact.session, subject: self.accepted?.subject,
            recipients: self.recipients.sorted { $0.key < $1.key }.map { self.withWay($0.value) },
            attempts: self.attempts)
    }

    /// One that waits goes where it was tried last, or will be first.
    private func withWay(_ recipient: RecipientDetail) -> RecipientDetail {
        guard !recipient.state.isSettled, let hop = recipient.destination ?? self.destination else { return recipient }
        var recipient = recipient
        (recipient.destination, recipient.nextHops) = (hop, [hop])
        return recipient
    }

    private var ref: MessageRef { MessageRef(node: self.node, id: self.id, generation: self.generation) }
}
