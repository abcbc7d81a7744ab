/// The nodes that share one queue, as the one that was asked knows them.
public struct FleetStatus: Hashable, Sendable, Codable {
    public struct Node: Hashable, Sendable, Codable {
        public enum State: String, Hashable, Sendable, Codable, CaseIterable {
            case up
            /// It takes no mail, and others take what it has.
            case draining
            /// Nothing has been heard of it for a third of its lease: it may be gone, and what it has nobody else takes yet.
            case silent
            /// It ended by itself.
            case stopped
            /// Nothing has been heard of it for as long as its lease lasts; others take what it has.
            case gone
            /// Of a later version than this one, which does not know what it means.
            case unknown
            /// Those that this version tells.
            public static let allCases: [State] = [.up, .draining, .silent, .stopped, .gone]
            public init(from decoder: any Decoder) throws {
                self = Self(rawValue: try decoder.singleValueContainer().decode(String.self)) ?? .unknown
            }
        }
        /// Its number in the queue.
        public var number: Int
        /// What the relay calls itself.
        public var name: String
        public var state: State
        /// Somebody drained it, and it stays so over a restart.
        public var isDrained: Bool
        /// Milliseconds since it last renewed its lease, or stopped.
        public var age: Int64
        /// Messages that it has.
        public var messages: Int
        /// `hoptop 0.1.0`
        public var software: String
        /// It is the one that was asked.
        public var isAsked: Bool
        public init(
            number: Int, name: String, state: State, isDrained: Bool, age: Int64, messages: Int, software: String,
            isAsked: Bool
        ) {
            self.number = number
            self.name = name
            self.state = state
            self.isDrained = isDrained
            self.age = age
            self.messages = messages
            self.software = software
            self.isAsked = isAsked
        }
    }
    /// In order of their numbers.
    public var nodes: [Node]
    public init(nodes: [Node]) { self.nodes = nodes }

    /// The node of a number, or of a name that is one's alone.
    ///
    /// - Throws: `.gone` where there is none; `.invalid` where several have the name.
    public func node(_ word: String) throws(FeedError) -> Node {
        if let number = Int(word), let node = self.nodes.first(where: { $0.number == number }) { return node }
        let named = self.nodes.filter { $0.name == word }
        guard let node = named.first else {
            let known = self.nodes.map { "\($0.number) (\($0.name))" }.joined(separator: ", ")
            throw FeedError(.gone, "there is no node \(word): \(known)")
        }
        guard named.count == 1 else {
            throw FeedError(.invalid, "\(named.count) nodes call themselves \(word): name one by its number")
        }
        return node
    }
}
