import Spool

/// What was frozen for an order that waits for a person, and what orders touched, so that they can be turned round: the
/// latest, and of large ones fewer. When there are too many, whoever has most loses first: what one visitor selects, who may only
/// look on, takes nobody else's selection away.
struct FrozenTargets {
    private static let limit = 64
    private static let targetsLimit = 1_000_000
    private struct Kept {
        var id: Int
        var owner: String
        var targets: [RecipientTarget]
        /// What touched them; `nil`: they were only named.
        var order: Order.Action?
    }
    private var sets: [Kept] = []
    private var last: Int
    /// Recipients that are again as they were, since what came in between was taken back: the generation that they had, and
    /// the one that they have. So one undo after the other finds what was done before.
    private var revived: [RecipientTarget: UInt32] = [:]

    /// - Parameter last: another one for each run of the program: whoever names a set of an earlier run must not be given
    ///   a new one.
    init(after last: Int) { self.last = last }

    mutating func keep(_ targets: [RecipientTarget], of owner: String, touchedBy order: Order.Action? = nil) -> Int {
        self.last += 1
        // Those before this one are bounded, so that it stays itself.
        while self.sets.count >= Self.limit { self.forgetOldest { _ in 1 } }
        while self.sets.reduce(0, { $0 + $1.targets.count }) > Self.targetsLimit { self.forgetOldest(\.targets.count) }
        self.sets.append(Kept(id: self.last, owner: owner, targets: targets, order: order))
        return self.last
    }

    /// Forgets the oldest set of whoever has most of them.
    private mutating func forgetOldest(_ weigh: (Kept) -> Int) {
        let shares = self.sets.reduce(into: [String: Int]()) { $0[$1.owner, default: 0] += weigh($1) }
        let most = shares.values.max()
        guard let oldest = self.sets.firstIndex(where: { shares[$0.owner] == most }) else { return }
        self.sets.remove(at: oldest)
    }

    func targets(_ id: Int) -> [RecipientTarget]? {
        guard let kept = self.sets.first(where: { $0.id == id }) else { return nil }
        return self.revived.isEmpty ? kept.targets : kept.targets.map(self.current)
    }

    private func current(_ target: RecipientTarget) -> RecipientTarget {
        var target = target
        while let generation = self.revived[target] { target.generation = generation }
        return target
    }

    /// A recipient is again as it was.
    ///
    /// - Parameter before: what it was.
    mutating func revive(_ before: RecipientTarget, as generation: UInt32) {
        guard generation > before.generation else { return }
        if self.revived.count >= Self.targetsLimit { self.revived = [:] }
        self.revived[before] = generation
    }

    /// An order on a kept set may have turned round what touched it: then its recipients are as they were before that.
    ///
    /// - Parameter touched: what the order changed, as it is now.
    mutating func ordered(_ order: Order.Action, on id: Int, touched: [RecipientTarget]) {
        guard let kept = self.sets.first(where: { $0.id == id }), kept.order.map(order.turnsRound) == true else {
            return
        }
        var now: [RecipientTarget: UInt32] = [:]
        for target in touched { now[target.anyGeneration] = target.generation }
        for target in kept.targets where target.generation > 0 {
            guard let generation = now[target.anyGeneration] else { continue }
            var before = target
            before.generation -= 1
            self.revive(before, as: generation)
        }
    }
}

extension RecipientTarget {
    fileprivate var anyGeneration: RecipientTarget {
        RecipientTarget(message: self.message, index: self.index, generation: 0)
    }
}

extension Order.Action {
    /// Whether it takes back what `other` did.
    fileprivate func turnsRound(_ other: Order.Action) -> Bool {
        switch (other, self) {
        case (.hold, .release), (.release, .hold), (.reroute(via: .some), .reroute(via: nil)): true
        default: false
        }
    }
}
