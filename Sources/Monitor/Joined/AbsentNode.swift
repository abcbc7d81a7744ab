public import Mail

/// A node that does not answer, so that what is shown of several is without its part.
public struct AbsentNode: Hashable, Sendable, Codable {
    /// Its host name, or until that is known what it was called at the start.
    public var node: String
    public var since: Timestamp
    /// What the question ended with.
    public var reason: String
    public init(node: String, since: Timestamp, reason: String) {
        self.node = node
        self.since = since
        self.reason = reason
    }
}
