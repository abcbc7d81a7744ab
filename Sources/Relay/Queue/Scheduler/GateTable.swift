import Mail

/// The gates that there are, each at an index that is used again when nothing is left of it.
struct GateTable {
    typealias Index = Int32

    private var table: [Gate] = []
    private var free: [Index] = []
    /// How what a site takes is divided among nodes.
    struct Division: Equatable {
        /// Those that have a share each; 0: this one has none yet.
        var nodes = 1
        /// All that the queue ever had; 0: it is this one's alone.
        var known = 0
        /// Sites at which others have more than their share, by the names of gates' keys.
        var crowded: Set<String> = []
    }
    private(set) var division = Division()
    private var indices: [Gate.Key: Index] = [:]

    /// - Parameter index: of a gate that there is.
    subscript(index: Index) -> Gate {
        _read { yield self.table[Int(index)] }
        _modify { yield &self.table[Int(index)] }
    }

    var count: Int { self.indices.count }
    /// How many there were at the same time.
    var capacity: Int { self.table.count }
    var all: some Sequence<Index> { (0..<Index(self.table.count)).lazy.filter { !self.table[Int($0)].isRemoved } }

    /// The gate to a site, for one destination more.
    mutating func enter(_ key: Gate.Key) -> Index {
        if let known = self.indices[key] {
            self[known].members += 1
            return known
        }
        var gate = Gate(key)
        gate.members = 1
        gate.divide(self.division)
        let index: Index
        if let free = self.free.popLast() {
            index = free
            self.table[Int(index)] = gate
        } else {
            index = Index(self.table.count)
            self.table.append(gate)
        }
        self.indices[key] = index
        return index
    }

    /// Whether sessions need permits where all nodes together may have so many.
    func needPermits(_ limit: Int) -> Bool { limit < Gate.permitsBelow(nodes: self.division.known) }

    /// One destination less leads there.
    mutating func leave(_ index: Index) { self[index].members -= 1 }

    /// A gate that nobody uses goes away, unless it is worth remembering that its site does not answer, or how much it had
    /// of late, or the store knows it.
    ///
    /// - Returns: when to look again.
    mutating func removeIfIdle(_ index: Index, at now: Timestamp) -> Timestamp? {
        guard !self[index].isRemoved, self[index].members == 0, self[index].sessions == 0,
            self[index].permits.name == nil, !self[index].backOff.isOn(at: now)
        else { return nil }
        if let time = self[index].notBefore(now) { return self[index].willLook(at: time) ? time : nil }
        self.indices[self[index].key] = nil
        self[index].remove()
        self.free.append(index)
        return nil
    }

    mutating func divide(_ division: Division) {
        self.division = division
        for index in self.table.indices { self.table[index].divide(division) }
    }

    mutating func shift(by jump: Int64) { for index in self.table.indices { self.table[index].shift(by: jump) } }
}

extension Int {
    /// One node's share of what is allowed to all of them: one at least.
    func shared(among nodes: Int) -> Int { Swift.max(1, self / Swift.max(1, nodes)) }
}
