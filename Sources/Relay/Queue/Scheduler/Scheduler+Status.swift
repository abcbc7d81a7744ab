import Mail
import Monitor
import SMTP
import Spool

/// What others ask of it: how each recipient is doing, and what an attempt is to say.
extension Scheduler {
    /// `nil` without a route.
    func destination(of row: QueueIndex.Row) -> QueueIndex.DestinationIndex? {
        let index = self.index.destinations[Int(row)]
        return index < 0 ? nil : index
    }

    func reason(_ row: QueueIndex.Row, at now: Timestamp) -> String? { self.backlog.reason(row, at: now) }
    func unroutedDomain(_ row: QueueIndex.Row) -> String? { self.backlog.unroutedDomain(row) }
    func nextAttempt(_ row: QueueIndex.Row, at now: Timestamp) -> Timestamp? {
        self.backlog.nextAttempt(row, at: now)
    }

    /// Whether another node has the message, or may have it by now.
    func isElsewhere(_ id: QueueID) -> Bool {
        !self.mayBegin || self.index.slot(of: id).map { self.index.holders[Int($0)] != nil } ?? false
    }

    func nodeName(_ number: UInt8) -> String { self.nodeNames[number] ?? "node \(number)" }

    /// Why a recipient does not go now.
    func why(_ row: QueueIndex.Row, at now: Timestamp) -> WaitReason {
        let why = self.backlog.why(row, limit: self.configuration.delivery.connections, at: now)
        if let holder = self.index.holders[Int(self.index.rowSlot[Int(row)])] {
            switch why {
            case .held, .settled: return why
            default: return .otherNode(name: self.nodeName(holder))
            }
        }
        guard !self.canWrite || !self.mayBegin else { return why }
        return switch why {
        case .due, .behind, .limited, .limitedElsewhere, .rate: self.canWrite ? .nodeIdle : .spoolFailing
        default: why
        }
    }

    /// When its time is over, if it is not put on hold.
    func expiry(_ row: QueueIndex.Row, at now: Timestamp) -> Timestamp {
        self.index.time(row, ofAge: self.backlog.retry(of: row).giveUp, at: now)
    }

    /// How long what is ready for these destinations takes if all goes well, in milliseconds; `nil` where it is not known.
    func remaining(_ destinations: some Sequence<DestinationTable.Index>, at now: Timestamp) -> Int64? {
        self.backlog.remaining(destinations, limit: self.configuration.delivery.connections, at: now)
    }

    /// The way to the site of a destination, where it is known.
    func gate(of destination: DestinationTable.Index) -> Gate? {
        self.destinations[destination].gate.map { self.backlog.gates[$0] }
    }

    /// Sessions to the site of a destination at a time.
    func limit(ofDestination destination: DestinationTable.Index) -> (sessions: Int, isOfAll: Bool) {
        let configured = self.configuration.delivery.connections
        let limit =
            self.gate(of: destination)?.limitOfAll(configured: configured)
            ?? self.destinations[destination].limitForNow ?? self.destinations[destination].nextHop.limits.connections
            ?? configured
        return self.share(of: limit)
    }

    /// This node's share of what is allowed to all of them, or that where they take turns, or it has no share yet.
    func share(of limit: Int) -> (sessions: Int, isOfAll: Bool) {
        let nodes = self.backlog.gates.division.nodes
        return nodes == 0 || self.backlog.gates.needPermits(limit) ? (limit, true) : (limit.shared(among: nodes), false)
    }

    func backOff(of destination: DestinationTable.Index) -> BackOff? { self.backlog.backOff(of: destination) }

    /// The session on which a recipient is being tried.
    func session(of row: QueueIndex.Row) -> Int? {
        guard let number = self.claims.number(of: row),
            case .attempt(let session, _)? = self.claims[number]?.purpose
        else { return nil }
        return session.number
    }

    /// Whether it waits, and a route for these domains would be asked for it.
    func waits(_ row: QueueIndex.Row, for pattern: DomainPattern) -> Bool {
        let state = self.index.states[Int(row)]
        guard state == .deferred || state == .queued,
            let path = try? ForwardPath(parsing: self.index.forwardPath(row), utf8: true)
        else { return false }
        return pattern.matches(RouteTable.routedDomain(of: path, hostname: self.configuration.hostname))
    }

    /// The message that an attempt is about.
    func message(ofAttempt number: Int) -> QueueID? {
        self.claims[number]?.rows.first.map { self.index.id(ofRow: $0) }
    }

    /// What an attempt says to the next hop; `nil` where the message has other recipients than we know, or has them otherwise.
    ///
    /// Mutating, though nothing changes: so a scheduler that lies in an object is asked where it is, and not copied first.
    mutating func transaction(
        ofAttempt number: Int, _ message: SpooledMessage, at now: Timestamp
    ) -> ClientSession.Transaction? {
        guard let rows = self.claims[number]?.rows, let first = rows.first,
            let recipients = self.recipients(rows, of: message)
        else { return nil }
        let moved = self.index.moved(first)
        return ClientSession.Transaction(
            reversePath: moved ? self.movedReversePath(message.reversePath) : message.reversePath,
            parameters: message.parameters, recipients: recipients.map(\.forwardPath),
            recipientParameters: recipients.map(\.parameters), contentOctets: message.contentOctets,
            deliverBy: message.deliverBy(after: rows.map { self.index.age($0, at: now) }.max() ?? 0))
    }

    /// How the route of an attempt rewrites senders.
    func rewriting(ofAttempt number: Int) -> SenderRewriting? { self.nextHop(ofAttempt: number)?.srs }

    /// Where its mail is meant to go.
    func place(ofAttempt number: Int) -> NextHop.Place? { self.nextHop(ofAttempt: number)?.place }

    /// Where an attempt goes, and how many octets of content.
    func transfer(ofAttempt number: Int) -> (nextHop: NextHop, octets: Int)? {
        guard let nextHop = self.nextHop(ofAttempt: number), let row = self.claims[number]?.rows.first else {
            return nil
        }
        return (nextHop, Int(self.index.octets[Int(self.index.rowSlot[Int(row)])]))
    }

    private func nextHop(ofAttempt number: Int) -> NextHop? {
        guard let row = self.claims[number]?.rows.first, let destination = self.destination(of: row) else { return nil }
        return self.destinations[destination].nextHop
    }

    /// Whether somebody changed those of an attempt, and nothing is known of it here.
    func hasChanged(_ message: SpooledMessage, sinceAttempt number: Int) -> Bool {
        guard let rows = self.claims[number]?.rows, let found = self.found(rows, in: message) else { return false }
        return self.isOld(rows, found)
    }

    /// Those that the attempt is for; `nil` where one is missing, or is not as it was: what is told of it later is told of the
    /// address that is known here.
    private func recipients(_ rows: [QueueIndex.Row], of message: SpooledMessage) -> [SpooledRecipient]? {
        self.found(rows, in: message).flatMap { self.isOld(rows, $0) ? nil : $0 }
    }

    /// Mostly all; `nil` where one is missing.
    private func found(_ rows: [QueueIndex.Row], in message: SpooledMessage) -> [SpooledRecipient]? {
        let indices = rows.lazy.map { Int(self.index.rowIndex[Int($0)]) }
        if message.recipients.lazy.map(\.index).elementsEqual(indices) { return message.recipients }
        let wanted = Set(indices)
        let recipients = message.recipients.filter { wanted.contains($0.index) }
        return recipients.count == rows.count ? recipients : nil
    }

    private func isOld(_ rows: [QueueIndex.Row], _ recipients: [SpooledRecipient]) -> Bool {
        zip(rows, recipients).contains { self.index.rowGenerations[Int($0)] != $1.generation }
    }

    /// A relay moves its own name to the front of the reverse-path (RFC 821 §3.6).
    private func movedReversePath(_ path: ReversePath) -> ReversePath {
        guard case .path(var path) = path else { return .null }
        path.route.insert(Domain(self.configuration.hostname), at: 0)
        return .path(path)
    }
}
