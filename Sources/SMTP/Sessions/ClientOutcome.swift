extension ClientSession {
    /// One message for one next hop.
    public struct Transaction: Equatable, Sendable {
        public var reversePath: ReversePath
        /// Of MAIL as they came in; what the server does not offer is left out.
        public var parameters: [Parameter]
        /// At least one.
        public var recipients: [ForwardPath]
        public var contentOctets: Int
        public init(
            reversePath: ReversePath, parameters: [Parameter] = [], recipients: [ForwardPath], contentOctets: Int
        ) {
            self.reversePath = reversePath
            self.parameters = parameters
            self.recipients = recipients
            self.contentOctets = contentOctets
        }
    }

    /// What one attempt did for one recipient. A 4yz is a result, so nothing throws.
    public enum Outcome: Equatable, Sendable {
        /// 2yz to the final dot: the next hop is responsible now (RFC 5321 §4.2.5).
        case relayed(Reply)
        /// 4yz or silence: still ours. Silence after the dot risks a second copy; losing mail is worse (§4.5.3.2.6).
        case deferred(DeferralCause)
        /// 5yz: ours to report with a DSN, unless the reverse-path is null (§4.5.5).
        case bounced(Reply)

        /// What a negative reply means for those it is about.
        init(refusal reply: Reply) { self = reply.code.isPermanent ? .bounced(reply) : .deferred(.reply(reply)) }
    }

    public enum DeferralCause: Equatable, Sendable, CustomStringConvertible {
        case reply(Reply)
        case connectionLost(SessionPhase)
        case timedOut(SessionPhase)
        case malformedReply(SessionPhase)

        public var description: String {
            switch self {
            case .reply(let reply): reply.description
            case .connectionLost(let phase): "connection lost \(phase.awaited)"
            case .timedOut(let phase): "no answer in time \(phase.awaited)"
            case .malformedReply(let phase): "malformed reply \(phase.awaited)"
            }
        }
    }
}

extension SessionPhase {
    /// What the client was doing, in words.
    fileprivate var awaited: String {
        switch self {
        case .connect: "while connecting"
        case .greeting: "while waiting for the greeting"
        case .hello: "while waiting for the reply to EHLO"
        case .idle: "between transactions"
        case .mail: "while waiting for the reply to MAIL"
        case .rcpt: "while waiting for the reply to RCPT"
        case .data: "while waiting for the reply to DATA"
        case .content: "while sending the content"
        case .finalReply: "while waiting for the final reply"
        case .quit, .closed: "while closing"
        }
    }
}
