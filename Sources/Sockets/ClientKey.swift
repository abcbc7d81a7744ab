/// What limits know a client by: its IPv4 address, or the network of its IPv6 address. A site has at least 64 bits of those to
/// itself (RFC 6177 §2), and whoever is limited would come from another one each time.
public struct ClientKey: Hashable, Sendable {
    private let prefix: UInt64
    private let isIPv6: Bool

    /// - Parameter address: in network order, 4 or 16 octets; an IPv4-mapped one as 4.
    public init?(_ address: [UInt8]) {
        guard address.count == 4 || address.count == 16 else { return nil }
        self.isIPv6 = address.count == 16
        self.prefix = address.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
