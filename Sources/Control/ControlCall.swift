public import Monitor

/// One call of the API: what is asked, who may ask it, and how a feed answers. The server and the client both use these,
/// so that neither can know a path, a name or a form that the other does not.
public protocol ControlCall: Sendable {
    /// Its JSON form is the answer's body.
    associatedtype Answer: Codable & Sendable
    static var route: ControlRoute { get }
    /// Reads what a client sent.
    ///
    /// - Parameter node: what is named in a path or a query is of this node.
    /// - Throws: `.invalid`, with what would be right.
    init(_ arguments: CallArguments, node: String) throws(FeedError)
    /// What a client sends.
    var arguments: CallArguments { get throws }
    /// - Throws: `.gone` where there is no such thing.
    func answer(from feed: any MonitorFeed) async throws -> Answer
    /// Whether the answer depends on who asks, and not on their role alone.
    static var isPersonal: Bool { get }
    /// What of it somebody is told who may do no more than that.
    static func shown(_ answer: Answer, to role: ControlRoute.Role) -> Answer
}

extension ControlCall {
    public static var isPersonal: Bool { false }
    public static func shown(_ answer: Answer, to role: ControlRoute.Role) -> Answer { answer }
}

/// A call whose answer does not end: server-sent events (HTML Living Standard §9.2).
public protocol ControlStream: Sendable {
    /// Its JSON form is an event's data.
    associatedtype Event: Codable & Sendable
    static var route: ControlRoute { get }
    init(_ arguments: CallArguments, node: String) throws(FeedError)
    var arguments: CallArguments { get throws }
    /// - Parameter last: the name of the last event that the client has had, where events have names; it gets those behind it.
    func events(
        from feed: any MonitorFeed, at beat: Beat, after last: String?
    ) -> AsyncThrowingStream<NamedEvent<Event>, any Error>
}

/// An event of a stream, and the name by which a client goes on behind it.
public struct NamedEvent<Event: Codable & Sendable>: Sendable {
    /// `nil`: nothing is to be had again of what comes before it.
    public var name: String?
    public var event: Event
    public init(_ event: Event, name: String? = nil) {
        self.name = name
        self.event = event
    }
}

/// Where a call is found, and who may make it.
public struct ControlRoute: Hashable, Sendable {
    public enum Method: String, Hashable, Sendable { case get = "GET", post = "POST" }
    /// What somebody may do.
    public enum Role: String, Hashable, Sendable, Codable, CaseIterable, Comparable {
        /// Sees everything, changes nothing.
        case observer
        case `operator`
        public static func < (left: Role, right: Role) -> Bool { left == .observer && right == .operator }
    }
    /// A part of the path between two slashes.
    enum Segment: Hashable, Sendable {
        case word(String)
        /// In braces: one of the arguments' `path`.
        case argument(String)
    }
    public let method: Method
    /// `/v1/messages/{id}`: words in braces are the arguments' `path`.
    public let path: String
    /// The path's, without the empty one in front; taken apart once, since each request is held against every path.
    let segments: [Segment]
    /// The names that the query may have.
    public let query: Set<String>
    /// The least that somebody has to be.
    public let role: Role
    public init(_ method: Method, _ path: String, query: Set<String> = [], role: Role = .observer) {
        self.method = method
        self.path = path
        self.segments = path.split(separator: "/").map { segment in
            segment.first == "{" ? .argument(String(segment.dropFirst().dropLast())) : .word(String(segment))
        }
        self.query = query
        self.role = role
    }

    /// - Parameter segments: those of a request's path, decoded.
    /// - Returns: the words in braces; `nil` when this is another path.
    func match(_ segments: [String]) -> [String: String]? {
        guard self.segments.count == segments.count else { return nil }
        var words: [String: String] = [:]
        for (own, segment) in zip(self.segments, segments) {
            switch own {
            case .argument(let name): words[name] = segment
            case .word(let word): guard word == segment else { return nil }
            }
        }
        return words
    }
}
