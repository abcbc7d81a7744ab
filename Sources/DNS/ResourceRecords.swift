/// A type of record (RFC 1035 §3.2.2) as answers hold it.
public protocol ResourceRecord: Sendable, Hashable {
    /// Its number and its name.
    static var type: RecordType { get }
    /// More of them are not taken from an answer.
    static var most: Int { get }
    /// `nil` when it is not made as its type says.
    init?(_ octets: [UInt8])
    /// Those that are kept where there are more than ``most``.
    static func first(_ records: [Self]) -> [Self]
}

extension ResourceRecord {
    public static func first(_ records: [Self]) -> [Self] { Array(records.prefix(self.most)) }
}

public struct RecordType: Sendable, Hashable, CustomStringConvertible {
    let number: CInt
    public let description: String

    static let dnsKey = RecordType(number: 48, description: "DNSKEY")
}

/// A mail exchanger (RFC 1035 §3.3.9).
public struct MX: ResourceRecord {
    public static let type = RecordType(number: 15, description: "MX")
    public static let most = 100

    public enum Exchanger: Sendable, Hashable {
        case host(HostName)
        /// The root, which says that there is none (RFC 7505).
        case none
        /// No name that a host could have.
        case unfit
    }
    /// The lowest is the best.
    public var preference: UInt16
    public var exchanger: Exchanger

    public init(preference: UInt16, exchanger: Exchanger) {
        self.preference = preference
        self.exchanger = exchanger
    }

    public init?(_ octets: [UInt8]) {
        guard octets.count >= 3 else { return nil }
        self.preference = UInt16(octets[0]) << 8 | UInt16(octets[1])
        let name = octets[2...]
        self.exchanger =
            name.elementsEqual(CollectionOfOne(0)) ? .none : HostName(wire: name).map { .host($0) } ?? .unfit
    }

    /// The best.
    public static func first(_ records: [MX]) -> [MX] {
        guard records.count > self.most else { return records }
        return Array(records.sorted { $0.preference < $1.preference }.prefix(self.most))
    }
}

/// An address of IPv4 (RFC 1035 §3.4.1).
public struct A: ResourceRecord {
    public static let type = RecordType(number: 1, description: "A")
    public static let most = 32
    /// Four, in network order.
    public var octets: [UInt8]
    public init?(_ octets: [UInt8]) {
        guard octets.count == 4 else { return nil }
        self.octets = octets
    }
}

/// An address of IPv6 (RFC 3596 §2.2).
public struct AAAA: ResourceRecord {
    public static let type = RecordType(number: 28, description: "AAAA")
    public static let most = 32
    /// Sixteen, in network order.
    public var octets: [UInt8]
    public init?(_ octets: [UInt8]) {
        guard octets.count == 16 else { return nil }
        self.octets = octets
    }
}

/// What a certificate is held to (RFC 6698 §2.1).
public struct TLSA: ResourceRecord {
    public static let type = RecordType(number: 52, description: "TLSA")
    public static let most = 32
    public var usage: UInt8
    public var selector: UInt8
    public var matchingType: UInt8
    public var data: [UInt8]
    public init?(_ octets: [UInt8]) {
        guard octets.count > 3 else { return nil }
        self.usage = octets[0]
        self.selector = octets[1]
        self.matchingType = octets[2]
        self.data = Array(octets[3...])
    }
}

/// Text (RFC 1035 §3.3.14), its pieces joined.
public struct TXT: ResourceRecord {
    public static let type = RecordType(number: 16, description: "TXT")
    public static let most = 100
    public var octets: [UInt8]
    public var text: String { String(decoding: self.octets, as: UTF8.self) }
    public init?(_ octets: [UInt8]) {
        var text: [UInt8] = []
        var rest = octets[...]
        while let count = rest.popFirst().map(Int.init) {
            guard rest.count >= count else { return nil }
            text += rest.prefix(count)
            rest = rest.dropFirst(count)
        }
        self.octets = text
    }
}
