import Crypto

/// What a TLSA record says of a host's certificate (RFC 6698 §2.1), as SMTP understands it (RFC 7672 §3.1).
public struct TLSARecord: Hashable, Sendable, CustomStringConvertible {
    public var usage: UInt8
    public var selector: UInt8
    public var matching: UInt8
    /// A digest, or for matching type 0 all that is selected.
    public var association: [UInt8]

    /// The certificate usages that SMTP knows (RFC 7672 §3.1): those without a public authority behind them.
    public static let trustAnchor: UInt8 = 2
    public static let endEntity: UInt8 = 3

    public init(usage: UInt8, selector: UInt8, matching: UInt8, association: [UInt8]) {
        self.usage = usage
        self.selector = selector
        self.matching = matching
        self.association = association
    }

    /// - Parameter data: RDATA as DNS has it; `nil` when it is too short to be a record.
    public init?(data: some Collection<UInt8>) {
        guard data.count > 3 else { return nil }
        let octets = Array(data)
        self.init(usage: octets[0], selector: octets[1], matching: octets[2], association: Array(octets[3...]))
    }

    /// A record that is not is as good as none, but shows that the host has TLS (RFC 7672 §2.2).
    public var isUsable: Bool {
        guard self.usage == Self.trustAnchor || self.usage == Self.endEntity, self.selector <= 1 else { return false }
        return switch self.matching {
        case 0: self.association.first == 0x30  // DER of a SEQUENCE.
        case 1: self.association.count == 32
        case 2: self.association.count == 64
        default: false
        }
    }

    func matches(_ certificate: CertificateOctets) -> Bool {
        guard let selected = self.selector == 0 ? certificate.whole : certificate.publicKey else { return false }
        return switch self.matching {
        case 0: self.association == selected
        case 1: self.association == Array(SHA256.hash(data: selected))
        case 2: self.association == Array(SHA512.hash(data: selected))
        default: false
        }
    }

    /// `3 1 1 0a1b2c3d…`, the digest cut short.
    public var description: String { self.text(octets: 4) + (self.association.count > 4 ? "…" : "") }

    /// As zone files have it.
    var text: String { self.text(octets: self.association.count) }

    private func text(octets count: Int) -> String {
        let digits = self.association.prefix(count).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return "\(self.usage) \(self.selector) \(self.matching) \(digits)"
    }
}

/// The TLSA records of one host and port, with at least one that can be used.
public struct TLSARecords: Hashable, Sendable {
    /// Those that can be used; of two digests over the same the stronger counts (RFC 7671 §9).
    public let usable: [TLSARecord]

    /// `nil` when none can be used.
    public init?(_ records: [TLSARecord]) {
        let usable = records.filter(\.isUsable)
        guard !usable.isEmpty else { return nil }
        self.usable = usable.filter { record in
            record.matching != 1
                || !usable.contains {
                    $0.matching == 2 && $0.usage == record.usage && $0.selector == record.selector
                }
        }
    }

    var endEntities: [TLSARecord] { self.usable.filter { $0.usage == TLSARecord.endEntity } }
    var trustAnchors: [TLSARecord] { self.usable.filter { $0.usage == TLSARecord.trustAnchor } }
}
