import Mail

/// Spreads what is begun evenly over time, so that it never is more than a rate allows.
struct Pace {
    /// A timer is late now and then, by no more milliseconds than these, which the next ones make up for.
    private static let lateness = 200.0

    /// Milliseconds from one to the next, of all nodes.
    private let rate: Double
    /// Nodes that have a share of the rate each.
    var nodes = 1
    /// Milliseconds from one to the next, of this node.
    var interval: Double { self.rate * Double(self.nodes) }
    /// When the next one may begin.
    private var next = 0.0

    init(_ rate: RouteLimits.Rate) { self.rate = Double(rate.milliseconds) / Double(rate.messages) }

    /// When the next one may begin; `nil`: now.
    func notBefore(_ now: Timestamp) -> Timestamp? { self.notBefore(now, after: 0) }

    /// When the one after so many others may begin; `nil`: now.
    func notBefore(_ now: Timestamp, after others: Int) -> Timestamp? {
        let next = max(self.next, Double(now.milliseconds)) + Double(others) * self.interval
        return next > Double(now.milliseconds) ? Timestamp(milliseconds: Int64(next.rounded(.up))) : nil
    }

    mutating func began(at now: Timestamp) {
        let now = Double(now.milliseconds)
        self.next = (self.next < now - Self.lateness ? now : self.next) + self.interval
    }

    mutating func shift(by jump: Int64) { self.next += Double(jump) }
}
