import Monitor

/// What the sessions of one direction came to.
struct SessionTotals {
    var opened = 0
    var failed = 0
    var octetsIn = 0
    var octetsOut = 0

    /// - Parameter row: of a session that ends.
    mutating func add(_ row: ConnectionRow, failed: Bool) {
        self.octetsIn += row.octetsIn
        self.octetsOut += row.octetsOut
        if failed { self.failed += 1 }
    }
}
