/// Claims on recipients. While one is claimed nobody else begins anything with it, so that none is ever in two attempts, and
/// what an attempt did is never written over by an order.
struct Claims {
    /// Never given twice.
    typealias Number = Int

    struct Claim {
        enum Purpose {
            /// On a session; what became of it comes back, and is then written down.
            case attempt(Session, isOver: Bool)
            /// Something else that is being written down: the end of patience, an operator's bounce.
            case settlement
            /// An operator's order that the spool is writing.
            case order
        }
        /// A session, and where it goes.
        struct Session {
            var number: Int
            var gate: GateTable.Index
            /// It was opened for this attempt.
            var isNew: Bool
        }
        /// The recipients: of one message, but for an order.
        var rows: [QueueIndex.Row]
        var purpose: Purpose
        /// The version of the routes when it began.
        var routing: Int
    }

    private var claims: [Number: Claim] = [:]
    private var claimOfRow: [QueueIndex.Row: Number] = [:]
    private var last: Number = 0
    /// How many settlements are not written yet.
    private(set) var settlements = 0

    subscript(number: Number) -> Claim? { self.claims[number] }
    var isEmpty: Bool { self.claims.isEmpty }

    func number(of row: QueueIndex.Row) -> Number? { self.claimOfRow[row] }
    func has(_ row: QueueIndex.Row) -> Bool { self.claimOfRow[row] != nil }

    mutating func take(_ rows: [QueueIndex.Row], for purpose: Claim.Purpose, routing: Int) -> Number {
        self.last += 1
        self.claims[self.last] = Claim(rows: rows, purpose: purpose, routing: routing)
        for row in rows { self.claimOfRow[row] = self.last }
        if case .settlement = purpose { self.settlements += 1 }
        return self.last
    }

    /// The attempt's result is there, and remains to be written down.
    ///
    /// - Returns: its claim, unless that is no attempt under way.
    mutating func attemptEnded(_ number: Number) -> (Claim, Claim.Session)? {
        guard let claim = self.claims[number], case .attempt(let session, isOver: false) = claim.purpose else {
            return nil
        }
        self.claims[number]?.purpose = .attempt(session, isOver: true)
        return (claim, session)
    }

    /// The row is gone with its message.
    mutating func forget(_ row: QueueIndex.Row) {
        guard let number = self.claimOfRow.removeValue(forKey: row) else { return }
        self.claims[number]?.rows.removeAll { $0 == row }
    }

    mutating func release(_ number: Number) -> Claim? {
        guard let claim = self.claims.removeValue(forKey: number) else { return nil }
        for row in claim.rows { self.claimOfRow[row] = nil }
        if case .settlement = claim.purpose { self.settlements -= 1 }
        return claim
    }
}
