import Spool

/// How much is counted for the reports of one day (UTC), so that nobody fills the spool by having TLS to many hosts fail in many
/// ways.
struct TallyBudget {
    struct Limits {
        var domains = 10_000
        /// Different results of one domain, and the octets of their words.
        var kinds = 100
        var octets = 64 << 10
        /// The octets of all domains together.
        var allOctets = 64 << 20
    }

    private struct Share {
        /// By their hash: one that is taken for another is counted, no more.
        var kinds: Set<Int> = []
        /// What an earlier run counted.
        var kindsBefore = 0
        var octets = 0
    }

    private let limits: Limits
    private(set) var day: Int
    private var shares: [String: Share] = [:]
    private var octets = 0
    /// Something of the day was not counted.
    private(set) var isExceeded = false

    init(day: Int, limits: Limits = Limits()) {
        self.day = day
        self.limits = limits
    }

    /// An earlier run counted that; of another day it is of no account.
    mutating func add(_ before: TalliedDay) {
        guard before.day == self.day else { return }
        self.shares[before.domain, default: Share()].kindsBefore += before.kinds
        self.shares[before.domain]?.octets += before.octets
        self.octets += before.octets
    }

    /// Makes room for what is to be counted once more, where it is new. With a later day everything begins anew.
    ///
    /// - Returns: whether there is any.
    mutating func takes(_ key: Tally.Key) -> Bool {
        if key.day > self.day { self = TallyBudget(day: key.day, limits: self.limits) }
        let kind = key.what.hashValue
        var share = self.shares[key.domain] ?? Share()
        if share.kinds.contains(kind) { return true }
        let octets = key.what.utf8.count
        guard self.shares[key.domain] != nil || self.shares.count < self.limits.domains,
            share.kinds.count + share.kindsBefore < self.limits.kinds, share.octets + octets <= self.limits.octets,
            self.octets + octets <= self.limits.allOctets
        else {
            self.isExceeded = true
            return false
        }
        share.kinds.insert(kind)
        share.octets += octets
        self.octets += octets
        self.shares[key.domain] = share
        return true
    }
}
