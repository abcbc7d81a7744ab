/// AUTH (RFC 4954).
extension ClientSession {
    /// An exchange under way.
    struct Authentication: Sendable {
        enum Turn: Sendable {
            case server
            /// The driver works on a challenge.
            case driver
            /// `*` is out; why.
            case cancelled(String)
        }
        var turn = Turn.server
        /// An initial response too long for the line of AUTH; it answers the first challenge.
        var heldBack: [UInt8]?
        /// Whether a 235 can be believed now.
        var believesSuccess: Bool
    }

    /// Octets of a line without CRLF (RFC 4954 §4).
    private static let lineLimit = 12288 - 2

    mutating func requestAuthentication() {
        let isOpen = self.security == .none && !self.configuration.allowsPlaintextPasswords
        let common = self.configuration.mechanisms.filter(self.server.mechanisms.contains)
        // SCRAM shows no password to whoever listens; of others nobody knows (RFC 4954 §9, RFC 7677).
        let usable = isOpen ? common.filter { $0.hasPrefix("SCRAM-") } : common
        guard !usable.isEmpty else {
            let offered = self.server.mechanisms.joined(separator: " ")
            let reason =
                !common.isEmpty
                ? "\(common.joined(separator: ", ")) would send the password without TLS"
                : offered.isEmpty ? "AUTH is not offered" : "no mechanism in common, the server offers \(offered)"
            return self.decline(.authenticationImpossible(reason))
        }
        self.outbox.append(.authenticate(mechanisms: usable))
        self.state = .choosing(usable)
    }

    /// Answers ``Action/authenticate(mechanisms:)``. The driver keeps the client and asks it for the answers.
    public mutating func authenticate(with client: some SASLClient) {
        switch self.state {
        case .choosing(let mechanisms):
            precondition(mechanisms.contains(client.mechanism), "a mechanism that was not to choose from")
            var authentication = Authentication(believesSuccess: client.believesSuccess)
            let command = "AUTH \(client.mechanism)"
            let encoded = client.initialResponse.map { $0.isEmpty ? "=" : Base64.encode($0) }
            if let encoded, command.utf8.count + 1 + encoded.utf8.count <= Self.lineLimit {
                let shown = "\(command) \(Self.redacted(encoded))"
                self.outbox.append(.sendSecret("\(command) \(encoded)", shown: shown))
            } else {
                authentication.heldBack = client.initialResponse
                self.outbox.append(.send(command))
            }
            self.state = .authenticating(authentication)
        case .closed: break
        case .greeting, .hello, .startingTLS, .handshake, .authenticating, .ready, .commands, .content, .finalReply,
            .chunks, .resetting, .quitting:
            preconditionFailure("AUTH in a session that had not asked for it")
        }
    }

    /// Answers ``Action/answer(challenge:)``.
    ///
    /// - Parameter believesSuccess: ``SASLClient/believesSuccess`` after this answer.
    public mutating func answer(_ response: [UInt8], believesSuccess: Bool) {
        guard var authentication = self.answering() else { return }
        authentication.believesSuccess = believesSuccess
        self.send(response, authentication)
    }

    /// Answers ``Action/authenticate(mechanisms:)`` or ``Action/answer(challenge:)``: the driver cannot or will not, as
    /// when a server fails to prove itself. Mail waits until an operator has seen the reason.
    public mutating func giveUpAuthentication(_ reason: String) {
        if case .choosing = self.state { return self.decline(.authenticationImpossible(reason)) }
        guard let authentication = self.answering() else { return }
        self.cancel(authentication, reason)
    }

    /// `nil` when the session broke while the driver worked.
    private func answering() -> Authentication? {
        switch self.state {
        case .authenticating(let authentication):
            guard case .driver = authentication.turn else { break }
            return authentication
        case .closed: return nil
        case .greeting, .hello, .startingTLS, .handshake, .choosing, .ready, .commands, .content, .finalReply, .chunks,
            .resetting, .quitting:
            break
        }
        preconditionFailure("an answer to no challenge")
    }

    private mutating func send(_ response: [UInt8], _ authentication: Authentication) {
        let encoded = Base64.encode(response)
        guard encoded.utf8.count <= Self.lineLimit else {
            return self.cancel(authentication, "the response is too long to send")
        }
        var authentication = authentication
        authentication.turn = .server
        self.outbox.append(.sendSecret(encoded, shown: Self.redacted(encoded)))
        self.state = .authenticating(authentication)
    }

    private mutating func cancel(_ authentication: Authentication, _ reason: String) {
        var authentication = authentication
        authentication.turn = .cancelled(reason)
        self.outbox.append(.send("*"))
        self.state = .authenticating(authentication)
    }

    mutating func authAnswered(_ authentication: Authentication, _ reply: Reply) {
        let isRefusal = reply.code.isTransient || reply.code.isPermanent
        switch authentication.turn {
        case .server where reply.code == 334: self.challenged(authentication, reply)
        case .server where reply.code.isCompletion:
            guard authentication.believesSuccess else {
                return self.decline(.authenticationImpossible("the server did not prove that it knows the password"))
            }
            self.isAuthenticated = true
            self.state = .ready(announced: false)
        case .server where isRefusal: self.decline(.authenticationRefused(reply))
        case .cancelled(let reason) where isRefusal: self.decline(.authenticationImpossible(reason))
        case .server, .driver, .cancelled: self.fail(.malformedReply(.auth))
        }
    }

    private mutating func challenged(_ authentication: Authentication, _ reply: Reply) {
        guard reply.lines.count == 1, let challenge = Base64.decode(Array(reply.lines[0].utf8)) else {
            return self.cancel(authentication, "the server's challenge is malformed")
        }
        var authentication = authentication
        if let response = authentication.heldBack.take() {
            guard challenge.isEmpty else { return self.cancel(authentication, "the server spoke first") }
            return self.send(response, authentication)
        }
        authentication.turn = .driver
        self.outbox.append(.answer(challenge: challenge))
        self.state = .authenticating(authentication)
    }

    /// A reply as transcripts may hold it: a challenge can be derived from the password.
    func shown(_ reply: Reply) -> Reply {
        guard case .authenticating = self.state, reply.code == 334 else { return reply }
        return Reply(334, nil, Self.redacted(reply.lines.joined()))
    }

    private static func redacted(_ text: String) -> String { "[redacted \(text.utf8.count) octets]" }
}
