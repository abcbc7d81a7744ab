import Mail

/// Spreads what is begun evenly over time, so that it never is more than a rate allows.
struct Pace {
    /// A timer is late now and then, by no more milliseconds than these, which the next ones make up for.
    private static let lateness = 20.0

    /// Milliseconds from one to the next.
    let interval: Double
    /// When the next one may begin.
    private var next = 0.0

    init(_ rate: RouteLimits.Rate) { self.interval = Double(rate.milliseconds) / Double(rate.messages) }

    /// When the next one may begin; `nil`: now.
    func notBefore(_ now: Timestamp) -> Timestamp? {
        self.next > Double(now.milliseconds)
            ? Timestamp(milliseconds: Int64(self.next.rounded(.up))) : nil
    }

    mutating func began(at now: Timestamp) {
        self.next = max(self.next, Double(now.milliseconds) - Self.lateness) + self.interval
    }

    mutating func shift(by jump: Int64) { self.next += Double(jump) }
}
