/// Who gave a reply, or said why there is none: what this relay finds out by itself is never told as another host's word.
public enum ReplyAuthor: Int, Sendable, Hashable {
    case nextHop = 1
    /// This relay, of what the next hop or the domain does not take, or of a host that gave no reply.
    case relay = 2

    /// As the API and the log have it.
    public var name: String {
        switch self {
        case .nextHop: "nextHop"
        case .relay: "relay"
        }
    }
}

extension ReplyAuthor: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let name = try container.decode(String.self)
        guard let author = [ReplyAuthor.nextHop, .relay].first(where: { $0.name == name }) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "nobody is called \(name)")
        }
        self = author
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.name)
    }
}
