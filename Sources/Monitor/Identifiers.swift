/// A message of one node, as it was at one moment. Opaque to a screen; an action on it is refused by the engine
/// ("skipped") when the generation is no longer the message's.
public struct MessageRef: Hashable, Sendable, Codable {
    public var node: String
    /// The queue ID as the node writes it.
    public var id: String
    /// Goes up with each change of any of its recipients.
    public var generation: Int
    public init(node: String, id: String, generation: Int) {
        self.node = node
        self.id = id
        self.generation = generation
    }
}

/// One recipient of a message.
public struct RecipientRef: Hashable, Sendable, Codable {
    public var node: String
    public var message: String
    /// Its place among the message's recipients, from 0; never changes.
    public var index: Int
    public var generation: Int
    public init(node: String, message: String, index: Int, generation: Int) {
        self.node = node
        self.message = message
        self.index = index
        self.generation = generation
    }
}

/// A session, live or ended, of one node; never reused while the node runs.
public struct SessionRef: Hashable, Sendable, Codable {
    public var node: String
    /// The identifier as shown: `in#4410`, `out#9121`.
    public var id: String
    public init(node: String, id: String) {
        self.node = node
        self.id = id
    }
}

/// A set of recipients that a query matched at one moment, kept by the feed for a while so that an action touches
/// exactly those.
public struct FrozenSetID: Hashable, Sendable, Codable {
    public var node: String
    public var id: Int
    public init(node: String, id: Int) {
        self.node = node
        self.id = id
    }
}
