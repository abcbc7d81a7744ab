public import NIOCore

/// How often something happened on a day that a domain is to be told of (TLSRPT).
public struct Tally: Sendable, Hashable {
    /// In A-labels, lower case.
    public var domain: String
    /// Of UTC, since 1970-01-01.
    public var day: Int
    /// What is counted, in the words of whoever counts.
    public var what: String
    public var count: Int

    public init(domain: String, day: Int, what: String, count: Int) {
        self.domain = domain
        self.day = day
        self.what = what
        self.count = count
    }

    /// What is counted under one number.
    public struct Key: Sendable, Hashable {
        public var domain: String
        public var day: Int
        public var what: String

        public init(domain: String, day: Int, what: String) {
            self.domain = domain
            self.day = day
            self.what = what
        }
    }

    public var key: Key { Key(domain: self.domain, day: self.day, what: self.what) }
}

/// What there is of the tallies of a domain on a day.
public struct TalliedDay: Sendable, Hashable {
    public var domain: String
    public var day: Int
    /// Different things that were counted, and the octets of their words.
    public var kinds: Int
    public var octets: Int
    /// All counts together.
    public var count: Int

    public init(domain: String, day: Int, kinds: Int, octets: Int, count: Int) {
        self.domain = domain
        self.day = day
        self.kinds = kinds
        self.octets = octets
        self.count = count
    }
}

/// Keeps what domains are to be told of. How much that may be is for whoever counts to say.
public protocol TallyStore: Sendable {
    /// Adds to what was counted already. Nobody's mail waits for it.
    func add(_ tallies: [Tally], on eventLoop: any EventLoop) -> EventLoopFuture<Void>
    /// Oldest day first, then by domain.
    func talliedDays(before day: Int) async throws -> [TalliedDay]
    /// By what was counted.
    func tallies(of domain: String, on day: Int) async throws -> [Tally]
    /// The domain was told, or will not be.
    func forgetTallies(of domain: String, on day: Int, on eventLoop: any EventLoop) -> EventLoopFuture<Void>
}
