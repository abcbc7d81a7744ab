import Foundation
import Journal
import Mail
import Monitor
import NIOCore
import SMTP
import Spool

/// Brings together all that is known of one message: the spool's row, the index's moment, the facts, the content's start.
struct MessageLookup: Sendable {
    let queue: Queue
    let spool: any Spool
    let sessions: SessionNames
    private var node: String { self.sessions.node }

    private static let contentOctets = 40 << 10

    /// What only the index knows of a recipient.
    private struct Live: Sendable {
        var state: RecipientState
        var nextAttempt: Timestamp?
        var reason: String?
        var progress: DeliveryProgress?
        var why: WaitReason
        /// When its time is over.
        var expires: Timestamp
        var nextHops: [String]
        var destination: String?
    }

    func detail(of id: QueueID) async throws -> MessageDetail? {
        let facts = await self.facts(of: id, inSpool: try await self.spool.facts(of: id))
        guard let message = try await self.spool.message(id) else { return self.settled(id, facts) }
        let live = await self.live(id)
        let expires = message.recipients.filter { !$0.state.isSettled }.compactMap { live[$0.index]?.expires }.min()
        var detail = MessageDetail(
            ref: MessageRef(node: self.node, id: id.description, generation: Int(message.generation)),
            arrived: message.arrived, contentOctets: message.contentOctets, from: message.reversePath.description,
            parameters: message.parameters.map(\.description),
            isSettled: message.recipients.allSatisfy { $0.state.isSettled }, peer: message.arrival.peer,
            hello: message.arrival.hello, with: message.arrival.transferProtocol,
            tls: message.arrival.tls, user: message.arrival.user,
            session: self.sessions.ref(message.arrival.session, at: message.arrived),
            recipients: message.recipients.map { self.recipient($0, of: message, live[$0.index], facts) },
            attempts: self.attempts(facts), expires: expires)
        await self.addContent(to: &detail, of: id)
        return detail
    }

    /// What the spool has forgotten, the journal may know.
    private func facts(of id: QueueID, inSpool facts: [Fact]) async -> [Fact] {
        guard !facts.contains(where: { $0.kind == .accepted }), let journal = self.sessions.journal,
            let kept = try? await journal.facts(of: id), kept.count > facts.count
        else { return facts }
        return kept
    }

    private func addContent(to detail: inout MessageDetail, of id: QueueID) async {
        guard
            let octets = try? await self.spool.content(of: id, on: self.queue.loop)
                .flatMap({ $0.read(from: 0, count: Self.contentOctets, on: self.queue.loop) }).get()
        else { return }
        let header = MessageHeader(octets)
        detail.subject = header.subject
        detail.header = header.displayText
        detail.text = header.beginningOfText
        detail.parts = MessagePartReader.parts(of: octets, isWhole: octets.readableBytes < Self.contentOctets)
        detail.claimedHops = ClaimedHop.hops(of: header)
    }

    /// Octets of its content; `nil` when it is no longer kept.
    func content(of id: QueueID, from offset: Int, count: Int) async throws -> ContentPage? {
        guard try await self.spool.message(id) != nil else { return nil }
        let octets = try await self.spool.content(of: id, on: self.queue.loop)
            .flatMap { $0.read(from: offset, count: count, on: self.queue.loop) }.get()
        let isLast = octets.readableBytes < count
        return ContentPage(
            octets: Data(octets.readableBytesView), next: isLast ? nil : offset + octets.readableBytes)
    }

    private func live(_ id: QueueID) async -> [Int: Live] {
        await self.queue.onLoop {
            let (scheduler, now) = (self.queue.scheduler, self.queue.now)
            guard let slot = scheduler.index.slot(of: id) else { return [:] }
            var live: [Int: Live] = [:]
            for row in scheduler.index.rows(of: slot) {
                let destination = scheduler.destination(of: row)
                live[Int(scheduler.index.rowIndex[Int(row)])] = Live(
                    state: scheduler.index.states[Int(row)], nextAttempt: scheduler.nextAttempt(row, at: now),
                    reason: scheduler.reason(row, at: now), progress: self.queue.progress(row),
                    why: scheduler.why(row, at: now), expires: scheduler.expiry(row, at: now),
                    nextHops: destination.map { Self.nextHops(of: $0, scheduler) } ?? [],
                    destination: destination.map { scheduler.destinations[$0].nextHop.description })
            }
            return live
        }
    }

    /// The hosts, the preferred first; where they are not known for now, the domain that they are looked for by.
    private static func nextHops(of destination: DestinationTable.Index, _ scheduler: Scheduler) -> [String] {
        let nextHop = scheduler.destinations[destination].nextHop
        let hosts = scheduler.gate(of: destination)?.key.site.hosts.map(\.endpoint) ?? nextHop.hosts
        return hosts.isEmpty ? [nextHop.description] : hosts.map(\.description)
    }

    // MARK: recipients

    private func recipient(
        _ recipient: SpooledRecipient, of message: SpooledMessage, _ live: Live?, _ facts: [Fact]
    ) -> RecipientDetail {
        let state = live?.state ?? recipient.state
        let isRelayed = recipient.state == .relayed
        return RecipientDetail(
            ref: RecipientRef(
                node: self.node, message: message.id.description, index: recipient.index,
                generation: Int(recipient.generation)),
            forwardPath: recipient.forwardPath.description, state: state, tries: Int(recipient.tries),
            nextAttempt: live?.nextAttempt,
            lastReply: Self.isInMemoryAlone(recipient, live) ? live?.reason : recipient.lastReply ?? live?.reason,
            why: self.why(recipient, state, live, facts), nextHops: live?.nextHops ?? [],
            ahead: Self.ahead(recipient.forwardPath), relayedTo: isRelayed ? recipient.nextHop : nil,
            remoteID: recipient.remoteID, settledAt: recipient.settledAt, progress: live?.progress,
            destination: state.isSettled ? nil : live?.destination)
    }

    /// What became of it could not be written down, and the index keeps it aside.
    private static func isInMemoryAlone(_ recipient: SpooledRecipient, _ live: Live?) -> Bool {
        live?.state == .hold && recipient.state != .hold
    }

    /// Why it is still here.
    private func why(
        _ recipient: SpooledRecipient, _ state: RecipientState, _ live: Live?, _ facts: [Fact]
    ) -> WaitReason {
        switch state {
        case .active: return .active
        case .hold:
            if Self.isInMemoryAlone(recipient, live) { return .held(by: nil, reason: live?.reason) }
            return Self.hold(of: recipient.index, facts) ?? .held(by: nil)
        case .queued, .deferred:
            return live?.why ?? (state == .queued ? .due : .retryTime)
        case .relayed, .bounced, .expired, .dropped: return .settled
        }
    }

    /// Why a recipient is on hold, and by whom, as far as the spool still tells it: lists ask for many of these, and the journal,
    /// which may have to be searched, is for one that is opened.
    func hold(of id: QueueID, to path: String) async throws -> WaitReason? {
        let index = await self.queue.onLoop { () -> Int? in
            let index = self.queue.scheduler.index
            guard let slot = index.slot(of: id) else { return nil }
            return index.rows(of: slot).first { index.states[Int($0)] == .hold && index.forwardPath($0) == path }
                .map { Int(index.rowIndex[Int($0)]) }
        }
        guard let index else { return nil }
        return Self.hold(of: index, try await self.spool.facts(of: id))
    }

    /// - Returns: `nil` where what happened last to its state is no hold: it is one in memory alone, or is not told of any more.
    static func hold(of index: Int, _ facts: [Fact]) -> WaitReason? {
        let last = facts.last {
            switch $0.kind {
            // They leave a hold as it was.
            case .retried, .dropped, .restored: false
            default: $0.kind.recipientState != nil && ($0.recipient == nil || $0.recipient == index)
            }
        }
        return switch last?.kind {
        case .held: .held(by: last?.actor, reason: last?.text)
        case .damaged: .damaged(reason: last?.text)
        default: nil
        }
    }

    /// The hosts beyond the next hop: the rest of the source route, then the mailbox's domain.
    static func ahead(_ path: ForwardPath) -> [String] {
        guard case .path(let path) = path else { return [] }
        return path.route.map(\.text) + [path.mailbox.domain.text]
    }

    // MARK: facts

    private func attempts(_ facts: [Fact]) -> [AttemptRow] {
        facts.compactMap { fact in
            guard fact.endsAttempt, let outcome = fact.kind.recipientState else { return nil }
            return AttemptRow(
                recipientIndex: fact.recipient ?? 0, at: fact.at, milliseconds: fact.milliseconds,
                nextHop: fact.nextHop, outcome: outcome, reply: fact.text,
                session: self.sessions.ref(fact.session, at: fact.at), security: fact.security)
        }
    }

    /// A message that has left: what the facts tell of it.
    private func settled(_ id: QueueID, _ facts: [Fact]) -> MessageDetail? {
        guard let first = facts.first else { return nil }
        let accepted = facts.first { $0.kind == .accepted }
        var recipients: [Int: RecipientDetail] = [:]
        for fact in facts {
            guard let index = fact.recipient, let state = fact.kind.recipientState else { continue }
            let known = recipients[index]
            recipients[index] = RecipientDetail(
                ref: RecipientRef(node: self.node, message: id.description, index: index, generation: 0),
                forwardPath: fact.to ?? known?.forwardPath ?? "", state: state,
                tries: (known?.tries ?? 0) + (fact.nextHop == nil ? 0 : 1), lastReply: fact.text ?? known?.lastReply,
                why: .settled,
                ahead: fact.to.flatMap { try? ForwardPath(parsing: $0, utf8: true) }.map(Self.ahead) ?? [],
                relayedTo: state == .relayed ? fact.nextHop : nil, remoteID: fact.remoteID,
                settledAt: state.isSettled ? fact.at : nil)
        }
        return MessageDetail(
            ref: MessageRef(node: self.node, id: id.description, generation: 0), arrived: accepted?.at ?? first.at,
            contentOctets: accepted?.contentOctets, from: accepted?.from ?? first.from ?? "", isSettled: true,
            peer: accepted?.arrival?.peer, hello: accepted?.arrival?.hello,
            with: accepted?.arrival?.transferProtocol, tls: accepted?.arrival?.tls, user: accepted?.arrival?.user,
            session: accepted.flatMap { self.sessions.ref($0.session, at: $0.at) },
            subject: accepted?.subject.map(MessageHeader.subject),
            recipients: recipients.sorted { $0.key < $1.key }.map(\.value), attempts: self.attempts(facts))
    }
}

extension Arrival {
    /// `nil` where it is not known, and for a report, which was made here.
    fileprivate var transferProtocol: String? { self.peer == nil || self.with.isEmpty ? nil : self.with }
}
