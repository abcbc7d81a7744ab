import Monitor
import NIOConcurrencyHelpers
import NIOHTTP1

/// What a method and a target ask for, whoever sends them.
struct ControlErrand: Sendable {
    enum Subject: Sendable {
        case call(any ControlCall.Type)
        case stream(any ControlStream.Type)
        /// How the node is doing.
        case page(VitalPage)
        /// The document that describes the API.
        case document
    }
    var subject: Subject
    var route: ControlRoute
    /// Without the body.
    var arguments: CallArguments
    /// A parameter that the path does not have.
    var stranger: String?

    /// - Parameter onlyPages: nothing else is served to whoever comes in there.
    /// - Throws: what is said instead.
    init(_ head: HTTPRequestHead, onlyPages: Bool = false) throws(ControlError) {
        guard let target = ControlTarget(head.uri) else {
            throw ControlError(
                .badRequest, .invalid, "the path or the query is not understood, or names something twice")
        }
        let method = head.method == .HEAD ? ControlRoute.Method.get.rawValue : head.method.rawValue
        var allowed: Set<String> = []
        var found: (subject: Subject, route: ControlRoute, words: [String: String])?
        // Of two that match, the one without a word in braces is meant: `/v1/queue/search` is no `/v1/queue/{id}`.
        for (route, subject) in onlyPages ? Self.pages : Self.subjects {
            guard let words = route.match(target.segments) else { continue }
            allowed.insert(route.method.rawValue)
            guard route.method.rawValue == method, found.map({ words.count < $0.words.count }) ?? true else { continue }
            found = (subject, route, words)
        }
        guard !allowed.isEmpty else {
            let list = onlyPages ? Self.pages.map(\.0.path).joined(separator: ", ") + " are" : "/v1/openapi.json names"
            throw ControlError(.notFound, .gone, "there is no such path: \(list) all there are")
        }
        guard let (subject, route, words) = found else {
            if allowed.contains(ControlRoute.Method.get.rawValue) { allowed.insert("HEAD") }
            let list = allowed.sorted().joined(separator: ", ")
            throw ControlError(.methodNotAllowed, .invalid, "this path takes \(list)", headers: ["Allow": list])
        }
        self.subject = subject
        self.route = route
        self.arguments = CallArguments(path: words, query: target.query)
        self.stranger = target.query.keys.sorted().first { !route.query.contains($0) }
    }

    private static let pages: [(ControlRoute, Subject)] = ControlAPI.pages.map { ($0.route, .page($0)) }
    private static let subjects: [(ControlRoute, Subject)] =
        ControlAPI.calls.map { ($0.route, .call($0)) } + ControlAPI.streams.map { ($0.route, .stream($0)) }
        + [(ControlAPI.document, .document)] + Self.pages
}

/// What was asked for of late: a screen asks for the same each time it is told of a change, and it need not be taken apart anew.
final class KnownErrands: Sendable {
    private static let limit = 200
    /// Longer ones are seldom, and a hundred connections shall not fill the memory with them.
    private static let octets = 1024

    private let known = NIOLockedValueBox<[String: ControlErrand]>([:])

    func errand(_ head: HTTPRequestHead) throws(ControlError) -> ControlErrand {
        guard head.method == .GET, head.uri.utf8.count <= Self.octets else { return try ControlErrand(head) }
        if let errand = self.known.withLockedValue({ $0[head.uri] }) { return errand }
        let errand = try ControlErrand(head)
        self.known.withLockedValue { known in
            // Those that are asked for still are back at once.
            if known.count >= Self.limit { known = [:] }
            known[head.uri] = errand
        }
        return errand
    }
}
