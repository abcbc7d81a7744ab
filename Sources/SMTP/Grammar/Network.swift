import Glibc
public import NIOCore

/// A range of addresses, `192.0.2.0/24` or `2001:db8::/32`; an IPv4 range also matches its IPv4-mapped IPv6 form.
public struct Network: Sendable, Hashable, CustomStringConvertible {
    /// 4 or 16 octets.
    private var prefix: [UInt8]
    private var bits: Int
    public let description: String

    public static let loopback = [Network("127.0.0.0/8")!, Network("::1/128")!]

    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let octets = Self.octets(String(parts[0])) else { return nil }
        var bits = octets.count * 8
        if parts.count == 2 {
            guard let given = Int(parts[1]), (0...bits).contains(given) else { return nil }
            bits = given
        }
        self.prefix = octets
        self.bits = bits
        self.description = text
    }

    /// What it is written as without the bits behind its prefix, which mean nothing; `nil`: it has none.
    public var withoutHostBits: String? {
        var octets = self.prefix
        for place in octets.indices {
            let kept = min(max(self.bits - place * 8, 0), 8)
            octets[place] &= UInt8(truncatingIfNeeded: 0xFF00 >> kept)
        }
        guard octets != self.prefix else { return nil }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        inet_ntop(octets.count == 4 ? AF_INET : AF_INET6, octets, &text, socklen_t(text.count))
        return "\(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))/\(self.bits)"
    }

    /// Every address of its family.
    public var isAny: Bool { self.bits == 0 }

    public func contains(_ address: SocketAddress) -> Bool {
        address.ipAddress.flatMap(Self.octets).map(self.contains) ?? false
    }

    /// - Parameter octets: as ``octets(_:)`` gives them.
    public func contains(_ octets: [UInt8]) -> Bool {
        guard octets.count == self.prefix.count else { return false }
        let whole = self.bits / 8
        guard octets[..<whole] == self.prefix[..<whole] else { return false }
        let rest = self.bits % 8
        if rest == 0 { return true }
        let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
        return octets[whole] & mask == self.prefix[whole] & mask
    }

    /// The address in network order, an IPv4-mapped one as four octets.
    public static func octets(_ text: String) -> [UInt8]? {
        var octets = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &octets) == 1 { return Array(octets[..<4]) }
        guard inet_pton(AF_INET6, text, &octets) == 1 else { return nil }
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        return octets.starts(with: mapped) ? Array(octets[12...]) : octets
    }
}

/// Its JSON form is its text.
extension Network: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let network = Network(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no range of addresses")
        }
        self = network
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.description)
    }
}
