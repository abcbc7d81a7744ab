import Mail
import SMTP

/// What a filter may ask of a row by name: `to:example.org`, `age>1h`.
public enum FilterField: String, Hashable, Sendable, CaseIterable {
    /// The queue ID; of a session its name, `in#4410`.
    case id
    /// The reverse-path.
    case from
    /// The forward-path.
    case to
    /// The next hop, `mx.example.org:25`; `no route` where no route matches.
    case dest
    /// A recipient's state, a session's phase, or a destination's condition.
    case state
    /// The code of the last reply, or its enhanced status code (RFC 3463).
    case code
    /// The time since arrival; of a session since its start.
    case age
    /// Octets of content.
    case size
    /// Attempts so far.
    case `try`
    /// The time until the next attempt.
    case next
    /// The time since a session last said anything; of one that ended there is none.
    case idle
    /// The last reply, or why there was none; of a session what went wrong.
    case reply
    /// What the last reply says, whoever says it of whom: its ``ReplyFingerprint``. `failure=` takes any reply, and finds
    /// all that say the same.
    case failure
    /// The TLS version and cipher that the message came in by, or that the session has.
    case tls
    /// The user who logged in.
    case user
    /// The node that has the message: of several that share one queue that one which sends it.
    case node
    /// The other side of a session: what its column says, and its address alone; of mail in the queue the address of the client
    /// that brought it.
    case peer
    /// The name of the other side of a session.
    case name
    /// When it happened: `at:14:00`, `at>=yesterday`.
    case at
    /// Not before this moment, and before this moment: `since:yesterday@14:00 until:today`.
    case since, until
    /// Who did it, where it was not the node by itself.
    case actor
    /// The Message-ID field of the message.
    case msgid
    /// The next hop's queue identifier.
    case rid
    case subject
    /// The session in which it happened.
    case session

    /// How a value of the field is written and compared.
    enum Kind {
        case text
        case state
        case code
        /// Octets: `10k`, `2M`.
        case octets
        /// Milliseconds: `30s`, `5m`, `2h`, `3d`.
        case time
        case number
        /// A moment: `14:00`, `yesterday`, `2026-11-28T14:00`, `2h` ago.
        case moment
    }
    var kind: Kind {
        switch self {
        case .id, .from, .to, .dest, .reply, .failure, .tls, .user, .node, .peer, .name, .actor, .msgid, .rid, .subject,
            .session:
            .text
        case .state: .state
        case .code: .code
        case .age, .next, .idle: .time
        case .size: .octets
        case .try: .number
        case .at, .since, .until: .moment
        }
    }

    /// The fields that recipients in the queue have.
    public static let ofQueue: [FilterField] = [
        .id, .from, .to, .dest, .state, .code, .age, .size, .try, .next, .reply, .failure, .peer, .tls,
        .user, .node,
    ]
    /// The fields that sessions have.
    public static let ofConnections: [FilterField] = [
        .id, .peer, .name, .state, .age, .idle, .reply, .size, .tls, .user,
    ]
    /// The fields that entries of the journal have.
    public static let ofJournal: [FilterField] = [
        .at, .since, .until, .age, .state, .id, .from, .to, .dest, .code, .reply, .failure, .size, .actor, .msgid, .rid,
        .subject,
        .peer, .name, .user, .tls, .session,
    ]
    /// The fields that destinations have: `age` is that of the oldest mail, `next` the time until they are tried again.
    public static let ofDestinations: [FilterField] = [.dest, .state, .code, .reply, .age, .next]

    /// What `state` may be where rows have these fields; empty: that is not known.
    static func states(of fields: [FilterField]) -> [String] {
        switch fields {
        case self.ofQueue: RecipientState.allCases.map(\.word) + [WaitReason.damagedWord]
        case self.ofConnections: SessionPhase.allCases.map(\.filterWord)
        case self.ofJournal: FactRow.Kind.allCases.map(\.word)
        case self.ofDestinations: DestinationAges.Condition.allCases.map(\.word)
        default: []
        }
    }
}
