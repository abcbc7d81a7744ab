import SMTP

/// The sessions that there are, open or about to be: where each of them goes, and which mail may use it.
struct SessionTable: Sendable {
    /// Never given twice.
    typealias Number = Int

    struct Session {
        let gate: GateTable.Index
        let nextHop: NextHop
        /// Those that it was opened without, as they had put off the mail that it was opened for.
        let passed: Set<SocketEndpoint>
        /// Where it leads, once it was used.
        fileprivate(set) var host: SocketEndpoint?
        /// Counted where the route limits them.
        fileprivate(set) var transactions = 0

        /// It had as many transactions as its route allows.
        var isSpent: Bool {
            self.nextHop.limits.messagesPerConnection.map { self.transactions >= $0 } ?? false
        }
    }

    private var sessions: [Number: Session] = [:]
    private var last: Number = 0

    var isEmpty: Bool { self.sessions.isEmpty }
    /// The oldest first.
    var all: [Number] { self.sessions.keys.sorted() }

    subscript(number: Number) -> Session? { self.sessions[number] }

    /// - Parameter passed: the hosts that put off the mail that it is opened for.
    mutating func open(
        to nextHop: NextHop, through gate: GateTable.Index, without passed: Set<SocketEndpoint>
    ) -> Number {
        self.last += 1
        self.sessions[self.last] = Session(gate: gate, nextHop: nextHop, passed: passed)
        return self.last
    }

    /// Its first attempt has shown where it leads.
    mutating func leads(_ number: Number, to host: SocketEndpoint?) { self.sessions[number]?.host = host }

    /// One transaction more, where the route limits them.
    mutating func count(_ number: Number) { self.sessions[number]?.transactions += 1 }

    /// Whether a session leads where mail may go now: to none of the hosts that it has passed, and, as a host is tried before those
    /// behind it in the list, past none that it has not.
    func mayCarry(_ number: Number, mailPast passed: Set<SocketEndpoint>, orders: DestinationOrders) -> Bool {
        guard let session = self.sessions[number] else { return true }
        let mayBeUsed = session.host.map { !passed.contains($0) && orders.suspension(of: $0) == nil }
        return session.passed.isSubset(of: passed) && mayBeUsed ?? true
    }

    /// - Returns: the gate that it went through; `nil` where there is no such session.
    mutating func close(_ number: Number) -> GateTable.Index? { self.sessions.removeValue(forKey: number)?.gate }
}
