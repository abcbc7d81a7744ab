import Monitor
import NIOHTTP1

/// What somebody asks for, as the head of the request tells it.
struct ControlRequest: Sendable {
    var subject: ControlErrand.Subject
    var route: ControlRoute
    var visitor: ControlVisitor
    /// As it was sent, with its query.
    var target: String
    /// Its body is still to come.
    var arguments: CallArguments
    /// The event that the client had last.
    var lastEvent: String?
    /// An answer will do that others were given since the last change that was told.
    var takesShared: Bool
    /// `HEAD` asks for what would stand before a body (RFC 9110 §9.3.2).
    var wantsBody: Bool

    /// - Parameters:
    ///   - onlyPages: nothing else is served to whoever comes in there.
    ///   - known: what was asked for before.
    /// - Throws: what is said instead.
    init(
        _ head: HTTPRequestHead, from visitor: ControlVisitor, onlyPages: Bool = false,
        known: KnownErrands = KnownErrands()
    ) throws(ControlError) {
        self.wantsBody = head.method != .HEAD
        self.takesShared = head.allowsAge
        // Only who watches asks for the same again and again.
        let errand =
            self.takesShared && !onlyPages
            ? try known.errand(head) : try ControlErrand(head, onlyPages: onlyPages)
        guard visitor.role >= errand.route.role else {
            throw ControlError(
                .forbidden, .denied,
                "\(visitor.name) may look, and do nothing: this takes an \(errand.route.role.rawValue)")
        }
        if let name = errand.stranger {
            let known = errand.route.query.isEmpty ? "none" : errand.route.query.sorted().joined(separator: ", ")
            throw ControlError(.badRequest, .invalid, "\(name) is no parameter of this path; it takes \(known)")
        }
        self.subject = errand.subject
        self.route = errand.route
        self.visitor = visitor
        self.target = head.uri
        self.arguments = errand.arguments
        self.lastEvent = head.headers.first(name: "Last-Event-ID").flatMap { $0.isEmpty ? nil : $0 }
    }
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
        self.headers["Cache-Control"].contains { field in
            // As our own front ends say it, several times a second.
            field == "max-age=1"
                || field.split(separator: ",").contains { directive in
                    let words = directive.drop { $0.isWhitespace }.split(separator: "=", maxSplits: 1)
                    return words.count == 2 && words[0].lowercased() == "max-age" && (Int(words[1]) ?? 0) >= 1
                }
        }
    }

    var expectsContinue: Bool { self.headers.first(name: "Expect")?.lowercased() == "100-continue" }

    /// What it says of its body; `nil`: the body says it itself.
    var contentLength: Int? { self.headers.first(name: "Content-Length").flatMap { Int($0) } }
}
