import Monitor
import NIOHTTP1

/// What somebody asks for, as the head of the request tells it.
struct ControlRequest: Sendable {
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
    var visitor: ControlVisitor
    /// Its body is still to come.
    var arguments: CallArguments
    /// The event that the client had last.
    var lastEvent: String?
    /// An answer will do that others were given since the last change that was told.
    var takesShared: Bool
    /// `HEAD` asks for what would stand before a body (RFC 9110 §9.3.2).
    var wantsBody: Bool

    /// - Parameter onlyPages: nothing else is served to whoever comes in there.
    /// - Throws: what is said instead.
    init(_ head: HTTPRequestHead, from visitor: ControlVisitor, onlyPages: Bool = false) throws(ControlError) {
        guard let target = ControlTarget(head.uri) else {
            throw ControlError(
                .badRequest, .invalid, "the path or the query is not understood, or names something twice")
        }
        self.wantsBody = head.method != .HEAD
        let method = self.wantsBody ? head.method.rawValue : ControlRoute.Method.get.rawValue
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
        guard visitor.role >= route.role else {
            throw ControlError(
                .forbidden, .denied, "\(visitor.name) may look, and do nothing: this takes an \(route.role.rawValue)")
        }
        if let name = target.query.keys.sorted().first(where: { !route.query.contains($0) }) {
            let known = route.query.isEmpty ? "none" : route.query.sorted().joined(separator: ", ")
            throw ControlError(.badRequest, .invalid, "\(name) is no parameter of this path; it takes \(known)")
        }
        self.subject = subject
        self.route = route
        self.visitor = visitor
        self.arguments = CallArguments(path: words, query: target.query)
        self.takesShared = head.allowsAge
        self.lastEvent = head.headers.first(name: "Last-Event-ID").flatMap { $0.isEmpty ? nil : $0 }
    }

    private static let pages: [(ControlRoute, Subject)] = ControlAPI.pages.map { ($0.route, .page($0)) }
    private static let subjects: [(ControlRoute, Subject)] =
        ControlAPI.calls.map { ($0.route, .call($0)) } + ControlAPI.streams.map { ($0.route, .stream($0)) }
        + [(ControlAPI.document, .document)] + Self.pages
}

extension HTTPRequestHead {
    /// What no server may pass over (RFC 9112 §3.2).
    ///
    /// - Parameter isNetwork: whoever asks is not on the Unix socket.
    func check(isNetwork: Bool) throws(ControlError) {
        let hosts = self.headers["Host"].count
        guard self.version.major == 1, hosts == 1 || hosts == 0 && self.version == .http1_0 else {
            throw ControlError(.badRequest, .invalid, "a request of HTTP/1.1 names one Host")
        }
        // A page in a browser sends it. None of ours is one, and whoever makes a name point here (DNS rebinding) gets nothing.
        if isNetwork, self.headers.contains(name: "Origin") {
            throw ControlError(.forbidden, .denied, "nothing is served to pages in browsers: a request with Origin")
        }
    }

    /// What follows `Bearer` (RFC 6750 §2.1).
    var bearer: String? {
        let fields = self.headers["Authorization"]
        guard fields.count == 1, let field = fields.first else { return nil }
        let words = field.split(separator: " ", omittingEmptySubsequences: true)
        return words.count == 2 && words[0].lowercased() == "bearer" ? String(words[1]) : nil
    }

    var isJSON: Bool {
        let type = self.headers.first(name: "Content-Type")?.split(separator: ";").first
        return type?.lowercased().filter { $0 != " " && $0 != "\t" } == "application/json"
    }

    /// Whether an answer may be a second old (RFC 9111 §5.2.1.1).
    var allowsAge: Bool {
        self.headers[canonicalForm: "Cache-Control"].contains { directive in
            let words = directive.split(separator: "=", maxSplits: 1)
            return words.count == 2 && words[0].lowercased() == "max-age" && (Int(words[1]) ?? 0) >= 1
        }
    }

    var expectsContinue: Bool { self.headers.first(name: "Expect")?.lowercased() == "100-continue" }

    /// What it says of its body; `nil`: the body says it itself.
    var contentLength: Int? { self.headers.first(name: "Content-Length").flatMap { Int($0) } }
}
