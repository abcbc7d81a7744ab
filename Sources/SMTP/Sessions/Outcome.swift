extension ClientSession {
    /// What one attempt did for one recipient. A 4yz is a result, so nothing throws.
    public enum Outcome: Equatable, Sendable {
        /// 2yz to the final dot: the next hop is responsible now (RFC 5321 §4.2.5).
        case relayed(Reply)
        /// 4yz or silence: still ours. Silence after the dot risks a second copy; losing mail is worse (§4.5.3.2.6).
        case deferred(DeferralCause)
        /// 5yz: ours to report with a DSN, unless the reverse-path is null (§4.5.5).
        case bounced(Reply)

        /// - Parameter reply: a 4yz or a 5yz.
        init(refusedWith reply: Reply) { self = reply.code.isPermanent ? .bounced(reply) : .deferred(.reply(reply)) }
    }

    /// Why a recipient is still ours after an attempt.
    public enum DeferralCause: Equatable, Sendable, CustomStringConvertible {
        case reply(Reply)
        case connectionLost(SessionPhase)
        case timedOut(SessionPhase)
        case malformedReply(SessionPhase)

        public var description: String {
            switch self {
            case .reply(let reply): reply.description
            case .connectionLost(let phase): "connection lost \(Self.activity(phase))"
            case .timedOut(let phase): "timed out \(Self.activity(phase))"
            case .malformedReply(let phase): "malformed or unasked reply \(Self.activity(phase))"
            }
        }

        private static func activity(_ phase: SessionPhase) -> String {
            switch phase {
            case .connect: "while connecting"
            case .greeting: "while waiting for the greeting"
            case .hello: "while waiting for the reply to EHLO"
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
