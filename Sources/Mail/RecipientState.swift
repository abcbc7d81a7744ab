/// Where a recipient is, in Postfix's queue words.
public enum RecipientState: UInt8, Hashable, Sendable, CaseIterable {
    /// Due, waiting its turn.
    case queued = 0
    /// An attempt is under way. Never on disk: after a crash it is queued again.
    case active = 1
    /// Waiting for its retry time.
    case deferred = 2
    /// Kept back by the operator.
    case hold = 3
    /// The next hop took it.
    case relayed = 4
    /// A 5yz, or the operator, ended it; the sender was told.
    case bounced = 5
    /// Its time ran out; the sender was told.
    case expired = 6
    /// The operator ended it; nobody was told.
    case dropped = 7

    public var isSettled: Bool { self.rawValue >= RecipientState.relayed.rawValue }
    public var word: String {
        switch self {
        case .queued: "queued"
        case .active: "active"
        case .deferred: "deferred"
        case .hold: "hold"
        case .relayed: "relayed"
        case .bounced: "bounced"
        case .expired: "expired"
        case .dropped: "dropped"
        }
    }
}

extension RecipientState: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let word = try container.decode(String.self)
        guard let state = Self.allCases.first(where: { $0.word == word }) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no recipient state \(word)")
        }
        self = state
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.word)
    }
}
