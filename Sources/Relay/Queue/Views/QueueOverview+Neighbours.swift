import Mail
import Monitor
import SMTP
import Spool

/// Who hands mail over here, and where it goes.
extension QueueOverview {
    /// - Parameter rows: next hops that have mail or sessions.
    func neighbours(_ rows: [DestinationAges]) -> Neighbours {
        let now = self.queue.now
        let clients = self.queue.flow.clients.traffic(at: now)
        let nextHops = self.queue.flow.nextHops.traffic(at: now)
        let hops = self.hops(rows, nextHops.known)
        let known = clients.known.map { Neighbours.Client(name: $0.key, traffic: $0.value.traffic) }
            .sorted { ($1.traffic.lastMinute, $0.name) < ($0.traffic.lastMinute, $1.name) }
        return Neighbours(
            clients: Array(known.prefix(Neighbours.most)),
            moreClients: Neighbours.Others(
                known.dropFirst(Neighbours.most).map(\.traffic), rest: clients.rest),
            nextHops: Array(hops.prefix(Neighbours.most)),
            moreNextHops: Neighbours.Others(
                hops.dropFirst(Neighbours.most).map(\.traffic), rest: nextHops.rest,
                waiting: hops.dropFirst(Neighbours.most).reduce(0) { $0 + $1.waiting }))
    }

    /// Those with mail, those that had some lately, and the hosts of the routes, whatever goes there.
    private func hops(
        _ rows: [DestinationAges], _ known: [String: (traffic: LinkTraffic, host: String?)]
    ) -> [Neighbours.Hop] {
        // Namesakes are one place, which does as its worst.
        var hops = Dictionary(rows.map { ($0.destination, Neighbours.Hop($0)) }) { $0.joined(with: $1) }
        var hosts: [String: [SocketEndpoint]] = [:]
        for route in self.queue.scheduler.configuration.routes {
            let hop = route.nextHop(for: "")
            if !hop.hosts.isEmpty { hosts[hop.description] = hop.hosts }
        }
        let orders = self.queue.scheduler.destinations.orders
        for name in Set(known.keys).union(hosts.keys) {
            var hop = hops[name] ?? Neighbours.Hop(destination: name)
            if hops[name] == nil,
                let suspension = orders.suspensions[name.lowercased()] ?? orders.suspension(ofAll: hosts[name] ?? [])
            {
                (hop.condition, hop.reason, hop.until) = (.suspended, suspension.description, suspension.until)
            }
            hop.traffic = known[name]?.traffic ?? LinkTraffic()
            hop.host = known[name]?.host
            hops[name] = hop
        }
        return hops.values.sorted { left, right in
            let (first, second) = (left.waiting + left.traffic.lastMinute, right.waiting + right.traffic.lastMinute)
            return (second, left.destination) < (first, right.destination)
        }
    }
}

extension Neighbours.Hop {
    fileprivate init(_ ages: DestinationAges) {
        self.init(
            destination: ages.destination, condition: ages.condition, reason: ages.reason, until: ages.until,
            waiting: ages.total, sessions: ages.connections)
    }

    fileprivate func joined(with other: Self) -> Self {
        var hop = self.condition.rank < other.condition.rank ? other : self
        hop.waiting = self.waiting + other.waiting
        hop.sessions = self.sessions + other.sessions
        return hop
    }
}

extension Neighbours.Others {
    /// - Parameter rest: messages of the last minute that are nobody's.
    fileprivate init?(_ others: [LinkTraffic], rest: Int, waiting: Int = 0) {
        guard !others.isEmpty || rest > 0 else { return nil }
        self.init(
            count: others.count, waiting: waiting, lastMinute: others.reduce(rest) { $0 + $1.lastMinute })
    }
}

extension Neighbours {
    private static let sendingShown = 4

    /// Adds the content that sessions are sending now.
    mutating func addSending(_ sessions: [SessionRecord]) {
        let places = Dictionary(self.nextHops.enumerated().map { ($0.element.destination, $0.offset) }) { first, _ in
            first
        }
        for session in sessions where session.direction == .outbound {
            let row = session.row
            guard row.phase == .content || row.phase == .finalReply, let place = row.name.flatMap({ places[$0] }) else {
                continue
            }
            self.nextHops[place].sending.append(
                DeliveryProgress(
                    session: row.ref, phase: row.phase, contentOctetsSent: row.contentOctetsDone,
                    contentOctets: row.contentOctets))
        }
        for place in self.nextHops.indices where !self.nextHops[place].sending.isEmpty {
            let ranked = self.nextHops[place].sending.sorted { left, right in
                (right.contentOctetsSent, left.session.id) < (left.contentOctetsSent, right.session.id)
            }
            self.nextHops[place].sending = Array(ranked.prefix(Self.sendingShown))
        }
    }
}

extension Arrival {
    /// Who handed it over, as it calls itself, or by its address; `nil`: it was made here.
    var client: String? {
        guard !self.isOfOurs else { return nil }
        if let hello = self.hello, !hello.isEmpty { return hello }
        return self.peer.map { peer in SocketEndpoint(peer)?.host ?? peer }
    }
}
