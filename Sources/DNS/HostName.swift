/// A domain name that can be asked for: labels of ASCII letters, digits, `-` and `_`, in lower case, without the final dot.
///
/// What DNS may hold besides (RFC 2181 §11) is no name of a host (RFC 1123 §2.1), and comes from somebody who tries
/// something.
public struct HostName: Sendable, Hashable, CustomStringConvertible {
    public let description: String

    /// - Parameter text: with or without the final dot; beyond ASCII it has to be in A-labels (RFC 5890 §2.3.2.1).
    public init?(_ text: String) {
        let labels = (text.hasSuffix(".") ? text.dropLast() : text[...])
            .split(separator: ".", omittingEmptySubsequences: false)
        guard labels.allSatisfy({ (1...63).contains($0.utf8.count) && $0.utf8.allSatisfy(Self.isAllowed) }) else {
            return nil
        }
        self.init(labels: labels.map(String.init))
    }

    /// - Parameter octets: as answers hold it, not compressed: labels with their lengths, and an empty one.
    public init?(wire octets: some Collection<UInt8>) {
        var labels: [String] = []
        var rest = octets[...]
        while let count = rest.popFirst().map(Int.init), count > 0 {
            guard count <= 63, rest.count > count, rest.prefix(count).allSatisfy(Self.isAllowed) else { return nil }
            labels.append(String(decoding: rest.prefix(count), as: UTF8.self))
            rest = rest.dropFirst(count)
        }
        guard rest.isEmpty else { return nil }
        self.init(labels: labels)
    }

    private init?(labels: [String]) {
        let name = labels.joined(separator: ".").lowercased()
        // With the lengths of the labels 255 octets (RFC 1035 §2.3.4).
        guard !labels.isEmpty, name.utf8.count <= 253 else { return nil }
        self.description = name
    }

    /// The highest label is a number: an address by mistake, and no name of a host (RFC 3696 §2).
    public var isNumeric: Bool {
        self.description.split(separator: ".").last?.utf8.allSatisfy { (0x30...0x39).contains($0) } ?? false
    }

    /// It is this machine, whatever servers say (RFC 6761 §6.3).
    var isLocalhost: Bool { self.description == "localhost" || self.description.hasSuffix(".localhost") }

    private static func isAllowed(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }
}
