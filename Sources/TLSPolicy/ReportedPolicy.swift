/// The policy that a session was under, as reports name it (RFC 8460 §4.4).
public struct ReportedPolicy: Hashable, Sendable, Codable {
    public enum Kind: String, Hashable, Sendable, Codable {
        case tlsa
        case sts
        case none = "no-policy-found"
    }

    public var kind: Kind
    /// The policy itself: a TLSA record each, or the lines of the MTA-STS policy.
    public var strings: [String]
    /// Whose it is: for TLSA the name that its records are below (RFC 7672 §2.2.3).
    public var domain: String
    /// The hosts that an MTA-STS policy names.
    public var hosts: [String]

    private enum CodingKeys: String, CodingKey {
        case kind = "policy-type"
        case strings = "policy-string"
        case domain = "policy-domain"
        case hosts = "mx-host"
    }

    public init(_ kind: Kind, strings: [String] = [], domain: String, hosts: [String] = []) {
        self.kind = kind
        self.strings = Array(Self.bounded(strings))
        self.domain = domain
        self.hosts = Array(Self.bounded(hosts))
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            try values.decode(Kind.self, forKey: .kind),
            strings: try values.decodeIfPresent([String].self, forKey: .strings) ?? [],
            domain: try values.decode(String.self, forKey: .domain),
            hosts: try values.decodeIfPresent([String].self, forKey: .hosts) ?? [])
    }

    /// Leaves out what there is none of.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(self.kind, forKey: .kind)
        if !self.strings.isEmpty { try values.encode(self.strings, forKey: .strings) }
        try values.encode(self.domain, forKey: .domain)
        if !self.hosts.isEmpty { try values.encode(self.hosts, forKey: .hosts) }
    }

    /// Octets of a policy that are kept; a longer one is shown by its first lines.
    static let octetsLimit = 4096

    private static func bounded(_ lines: [String]) -> ArraySlice<String> {
        var octets = 0
        return lines.prefix { line in
            octets += line.utf8.count
            return octets <= Self.octetsLimit
        }
    }
}
