/// What a node asks for of the connections to a site, where all nodes together may have so few that there is not one for each
/// of them: the right to one is a permit. It lasts as long as the lease of the node that has it.
public struct PermitRequest: Sendable, Hashable {
    /// Names the site, with the terms of its connections, by the same words at all nodes.
    public var site: String
    /// How many all nodes together may have.
    public var limit: Int
    /// Of those that the node has it keeps so many, and gives back the others.
    public var kept: Int
    /// How many it wants to have; it waits for what it does not get.
    public var wanted: Int
    public init(site: String, limit: Int, kept: Int, wanted: Int) {
        self.site = site
        self.limit = limit
        self.kept = kept
        self.wanted = wanted
    }
}

/// What the node has now.
public struct PermitGrant: Sendable, Hashable {
    public var site: String
    public var held: Int
    /// Another node waits that has fewer, or the limit went down: one is to be given back in a while.
    public var isWaitedFor: Bool
    public init(site: String, held: Int, isWaitedFor: Bool) {
        self.site = site
        self.held = held
        self.isWaitedFor = isWaitedFor
    }
}
