public import Mail
public import NIOCore

/// What a domain published of its own and we keep, since it holds for longer than we may be able to ask for it: who hides it
/// from us is not to undo it (RFC 8461 §3.3, §10.2).
public struct KeptPolicy: Sendable, Hashable {
    /// In A-labels, lower case.
    public var domain: String
    /// Which one it is, in the domain's words.
    public var id: String
    /// As the domain published it.
    public var text: String
    public var fetched: Timestamp
    /// It holds no longer.
    public var until: Timestamp

    public init(domain: String, id: String, text: String, fetched: Timestamp, until: Timestamp) {
        self.domain = domain
        self.id = id
        self.text = text
        self.fetched = fetched
        self.until = until
    }

    /// When it is to be fetched anew: when half of its time is over, and each day (RFC 8461 §3.3), so that it does not end
    /// while somebody keeps us from fetching it (§10.2).
    public var due: Timestamp {
        self.fetched.adding(milliseconds: min(Self.dayMilliseconds, self.until.since(self.fetched) / 2))
    }

    static let dayMilliseconds: Int64 = 86_400_000
}

/// Keeps the policies of domains.
public protocol PolicyStore: Sendable {
    /// Keeps it in place of the domain's last one. Those that ended before it was fetched may go.
    func keep(_ policy: KeptPolicy, on eventLoop: any EventLoop) -> EventLoopFuture<Void>
    /// `nil` where there is none, or it has ended.
    func keptPolicy(of domain: String, at now: Timestamp) async throws -> KeptPolicy?
    /// Some that have not ended and are due: those that were fetched first.
    func policiesDue(at now: Timestamp, count: Int) async throws -> [KeptPolicy]
}
