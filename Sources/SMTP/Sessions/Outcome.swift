extension ClientSession {
    /// What one attempt did for one recipient. A 4yz is a result, so nothing throws.
    public enum Outcome: Equatable, Sendable {
        /// 2yz to the final dot or the last chunk: the next hop is responsible now (RFC 5321 §4.2.5).
        ///
        /// `dsn` says whether it offers DSN. If not it knows nothing of NOTIFY, and who asked to be told of success has
        /// to hear from us that the message was relayed to where no report comes from (RFC 3461 §5.2.2).
        case relayed(Reply, dsn: Bool = true)
        /// 4yz or silence: still ours. Silence after the dot risks a second copy; losing mail is worse (§4.5.3.2.6).
        case deferred(DeferralCause)
        /// 5yz, or what the next hop cannot take: ours to report with a DSN, unless the reverse-path is null (§4.5.5).
        ///
        /// `by` says who gave the reply: what it cannot take we know before it is asked.
        case bounced(Reply, by: ReplyAuthor = .nextHop)

        /// - Parameter reply: a 4yz or a 5yz.
        init(refusedWith reply: Reply) { self = reply.code.isPermanent ? .bounced(reply) : .deferred(.reply(reply)) }

        public var isRelayed: Bool { if case .relayed = self { true } else { false } }
    }

    /// Why a recipient is still ours after an attempt, or why a session is of no use.
    public enum DeferralCause: Equatable, Sendable, CustomStringConvertible {
        case reply(Reply)
        case connectionLost(SessionPhase)
        case timedOut(SessionPhase)
        case malformedReply(SessionPhase)
        /// The server's limit for a transaction or session is reached: due at once, in another one (RFC 9422 §4).
        case beyondLimit(Limits.Kind, Int)
        /// ``TLSPolicy/always``, and the server does not offer STARTTLS.
        case tlsNotOffered
        /// ``TLSPolicy/always``, and the server answered STARTTLS with a 4yz or 5yz.
        case tlsRefused(Reply)
        /// The handshake failed. `plaintextAllowed`: another session, with ``TLSPolicy/never``, may carry the mail.
        case tlsFailed(String, plaintextAllowed: Bool)
        /// AUTH was answered with a 4yz or 5yz. Either way it is for the operator to set right, and no mail bounces.
        case authenticationRefused(Reply)
        /// AUTH could not be done: no mechanism in common, or the exchange was given up.
        case authenticationImpossible(String)

        public var description: String {
            switch self {
            case .reply(let reply): reply.description
            case .connectionLost(let phase): "connection lost \(Self.activity(phase))"
            case .timedOut(let phase): "timed out \(Self.activity(phase))"
            case .malformedReply(let phase): "malformed or unasked reply \(Self.activity(phase))"
            case .beyondLimit(let kind, let limit): "left for another attempt: the server's limit is \(kind)=\(limit)"
            case .tlsNotOffered: "TLS is required and not offered"
            case .tlsRefused(let reply): "TLS is required and was refused: \(reply)"
            case .tlsFailed(let reason, _): "the TLS handshake failed: \(reason)"
            case .authenticationRefused(let reply): "authentication failed: \(reply)"
            case .authenticationImpossible(let reason): "cannot authenticate: \(reason)"
            }
        }

        private static func activity(_ phase: SessionPhase) -> String {
            switch phase {
            case .connect: "while connecting"
            case .greeting: "while waiting for the greeting"
            case .hello: "while waiting for the reply to EHLO"
            case .tls: "while starting TLS"
            case .auth: "while authenticating"
            case .idle: "between transactions"
            case .mail: "while waiting for the reply to MAIL"
            case .rcpt: "while waiting for the reply to RCPT"
            case .data: "while waiting for the reply to DATA"
            case .content: "while sending mail data"
            case .finalReply: "while waiting for the final reply"
            case .quit: "while waiting for the reply to QUIT"
            case .closed: "after the session"
            }
        }
    }
}

extension ClientSession.Ending {
    func cause(in phase: SessionPhase) -> ClientSession.DeferralCause {
        switch self {
        case .lost, .contentFailed: .connectionLost(phase)
        case .timedOut: .timedOut(phase)
        }
    }
}
