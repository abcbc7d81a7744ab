/// Where a domain wants to be told how TLS to its hosts goes (RFC 8460 §3).
public struct TLSReportRecord: Hashable, Sendable {
    /// What it takes, in its order.
    public var destinations: [Destination]

    public enum Destination: Hashable, Sendable, CustomStringConvertible {
        /// `reports@example.org`, decoded, and not looked at further.
        case mail(String)
        /// `https://…`, not looked at further.
        case web(String)

        public var description: String {
            switch self {
            case .mail(let address): "mailto:\(address)"
            case .web(let url): url
            }
        }
    }

    /// More are not asked: a record is no list of people to be troubled.
    public static let destinationsLimit = 4

    /// Of the TXT records of `_smtp._tls.DOMAIN`. `nil` unless exactly one of them is such a record, and names what we know.
    public init?(records: [String]) {
        let candidates = records.filter { $0.hasPrefix("v=TLSRPTv1;") }
        guard candidates.count == 1, let record = candidates.first else { return nil }
        var list: Substring?
        for field in record.split(separator: ";").dropFirst() {
            guard let equals = field.firstIndex(of: "="), field[..<equals].trimmed == "rua", list == nil else {
                continue
            }
            list = field[field.index(after: equals)...]
        }
        guard let list else { return nil }
        self.destinations = Array(
            list.split(separator: ",").compactMap { Destination(uri: $0.trimmed) }.prefix(Self.destinationsLimit))
        guard !self.destinations.isEmpty else { return nil }
    }
}

extension TLSReportRecord.Destination {
    fileprivate init?(uri: Substring) {
        let lower = uri.lowercased()
        if lower.hasPrefix("mailto:") {
            // RFC 6068 §2: header fields behind the address are none of ours.
            let encoded = uri.dropFirst("mailto:".utf8.count).prefix { $0 != "?" }
            guard let address = Self.decoded(encoded), !address.isEmpty else { return nil }
            self = .mail(address)
        } else if lower.hasPrefix("https://"), uri.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            self = .web(String(uri))
        } else {
            return nil
        }
    }

    /// Without its percent signs (RFC 3986 §2.1).
    private static func decoded(_ text: Substring) -> String? {
        var octets: [UInt8] = []
        var rest = text.utf8[...]
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "%") else {
                octets.append(octet)
                continue
            }
            guard let digits = String(rest.prefix(2)), digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit),
                let value = UInt8(digits, radix: 16)
            else { return nil }
            octets.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: octets, as: UTF8.self)
    }
}
