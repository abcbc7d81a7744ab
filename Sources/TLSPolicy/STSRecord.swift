/// What a domain says in DNS of its MTA-STS policy: that there is one, and which (RFC 8461 §3.1).
public struct STSRecord: Hashable, Sendable {
    /// Another one when the policy is another: 1 to 32 letters and digits.
    public var id: String

    /// Of the TXT records of `_mta-sts.DOMAIN`. `nil` unless exactly one of them is such a record, and sound.
    public init?(records: [String]) {
        let candidates = records.filter { $0.hasPrefix("v=STSv1;") || $0 == "v=STSv1" }
        guard candidates.count == 1, let record = candidates.first else { return nil }
        var id: String?
        for field in record.split(separator: ";").dropFirst() {
            let field = field.trimmed
            if field.isEmpty { continue }
            guard let equals = field.firstIndex(of: "=") else { return nil }
            let name = field[..<equals].trimmed
            let value = field[field.index(after: equals)...].trimmed
            guard name == "id" else { continue }
            guard id == nil, (1...32).contains(value.utf8.count), value.utf8.allSatisfy(\.isLetterOrDigit) else {
                return nil
            }
            id = String(value)
        }
        guard let id else { return nil }
        self.id = id
    }
}

extension Substring {
    /// Without spaces and tabs around it.
    var trimmed: Substring {
        let isSpace = { (octet: UInt8) in octet == 0x20 || octet == 0x09 }
        guard let first = self.utf8.firstIndex(where: { !isSpace($0) }),
            let last = self.utf8.lastIndex(where: { !isSpace($0) })
        else { return self[self.endIndex...] }
        return self[first...last]
    }
}

extension UInt8 {
    var isLetterOrDigit: Bool {
        (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
    }
}
