public import Mail
public import SMTP

/// Which sessions' dialogues are wanted as they happen.
public struct TraceQuery: Hashable, Sendable, Codable {
    /// Over sessions; one that matches later is shown from its first line all the same.
    public var filter: FilterExpression
    /// `nil`: both.
    public var direction: ConnectionRow.Direction?
    /// Where the other side is; a next hop's address is known once it is connected.
    public var peer: Network?
    /// A queue ID: only what was said in transactions of that message, and on the way to them.
    public var message: String?
    /// Only sessions that broke, or in which something was refused (4yz, 5yz).
    public var failedOnly: Bool
    /// First those that have ended and are still kept.
    public var includesEnded: Bool
    public init(
        filter: FilterExpression = .all, direction: ConnectionRow.Direction? = nil, peer: Network? = nil,
        message: String? = nil, failedOnly: Bool = false, includesEnded: Bool = false
    ) {
        self.filter = filter
        self.direction = direction
        self.peer = peer
        self.message = message
        self.failedOnly = failedOnly
        self.includesEnded = includesEnded
    }

    /// Whether a session is wanted by what is known of it now.
    ///
    /// - Parameter hasFailed: it broke, or something was refused in it.
    public func matches(_ row: ConnectionRow, hasFailed: Bool, at now: Timestamp) -> Bool {
        guard self.direction == nil || self.direction == row.direction, hasFailed || !self.failedOnly else {
            return false
        }
        if let peer = self.peer {
            guard let octets = row.address.flatMap(Network.octets), peer.contains(octets) else { return false }
        }
        return self.filter.matches(ConnectionSubject(row, at: now))
    }
}

/// What a trace tells. Of one session `began` comes first and `ended` last.
public enum TraceEvent: Hashable, Sendable, Codable {
    /// A session that is wanted, as it is now.
    case began(session: ConnectionRow)
    /// The next lines of a session's dialogue, in their order.
    case lines(session: SessionRef, lines: [TranscriptLine])
    case ended(session: ConnectionRow)
    /// So many lines were gone before they could be told; of that session, or of several, among which may be some that
    /// were not wanted.
    case missed(session: SessionRef?, lines: Int)
}
