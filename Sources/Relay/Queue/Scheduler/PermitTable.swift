/// The gates that have permits of the store's, or wait for some, by the names under which it knows them; and the lease under
/// which they were had.
struct PermitTable {
    private var gates: [String: GateTable.Index] = [:]
    private var lease: Int64?

    /// In order of their names.
    var all: [GateTable.Index] { self.gates.sorted { $0.key < $1.key }.map(\.value) }

    subscript(site: String) -> GateTable.Index? { self.gates[site] }

    mutating func add(_ gate: GateTable.Index, as site: String) { self.gates[site] = gate }
    mutating func remove(_ site: String) { self.gates[site] = nil }

    /// Permits end with the lease under which they were had, and with no other reason: the store would go on counting them.
    ///
    /// - Parameter lease: that is on.
    /// - Returns: the gates that were here and are no more, as their permits may be others' by now.
    mutating func begin(_ lease: Int64) -> [GateTable.Index] {
        guard self.lease != lease else { return [] }
        defer { self.lease = lease }
        guard self.lease != nil else { return [] }
        let ended = self.all
        self.gates = [:]
        return ended
    }
}
