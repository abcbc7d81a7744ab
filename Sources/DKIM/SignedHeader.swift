import Crypto
import Mail
import SMTP

/// A message's header as a signature covers it.
struct SignedHeader: Sendable {
    struct Field: Sendable {
        /// In small letters.
        var name: String
        /// The octets behind the colon, with the last CRLF.
        var value: ArraySlice<UInt8>
    }
    let fields: [Field]

    /// - Parameter octets: of the header, without the empty line behind it.
    /// - Returns: `nil` where a line is no field: verifiers do not agree on what such a header is.
    init?(_ octets: ArraySlice<UInt8>) {
        var fields: [Field] = []
        var start = octets.startIndex
        while start < octets.endIndex {
            let end = octets[start...].firstIndex(of: 0x0A).map { $0 + 1 } ?? octets.endIndex
            if octets[start] == 0x20 || octets[start] == 0x09 {
                guard let last = fields.indices.last else { return nil }
                fields[last].value = octets[fields[last].value.startIndex..<end]
            } else {
                guard let colon = octets[start..<end].firstIndex(of: UInt8(ascii: ":")) else { return nil }
                let name = octets[start..<colon].reversed().drop { $0 == 0x20 || $0 == 0x09 }.reversed()
                guard !name.isEmpty, name.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
                fields.append(
                    Field(name: String(decoding: name, as: UTF8.self).lowercased(), value: octets[(colon + 1)..<end]))
            }
            start = end
        }
        self.fields = fields
    }

    // MARK: what is signed

    /// Signed once more than they are there, so that nobody can add one without breaking the signature (RFC 6376 §5.4).
    private static let sealed = ["from", "reply-to", "to", "cc", "subject"]
    /// The same where they are there at all: what a later relay adds to a message without them breaks nothing.
    private static let sealedIfPresent = [
        "date", "message-id", "sender", "mime-version", "content-type", "content-transfer-encoding", "in-reply-to",
        "references",
    ]
    private static let ifPresent = [
        "resent-date", "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-message-id", "list-id",
        "list-help", "list-unsubscribe", "list-unsubscribe-post", "list-subscribe", "list-post", "list-owner",
        "list-archive",
    ]

    /// The names for the tag `h=`.
    var signedNames: [String] {
        func count(_ name: String) -> Int { self.fields.count { $0.name == name } }
        return Self.sealed.flatMap { Array(repeating: $0, count: count($0) + 1) }
            + Self.sealedIfPresent.flatMap { name in
                let count = count(name)
                return Array(repeating: name, count: count > 0 ? count + 1 : 0)
            } + Self.ifPresent.flatMap { Array(repeating: $0, count: count($0)) }
    }

    /// The domain that the message is from, in small letters: that of the first mailbox.
    ///
    /// - Returns: `nil` without exactly one From field that names one.
    var author: String? {
        let fields = self.fields.filter { $0.name == "from" }
        guard fields.count == 1 else { return nil }
        let value = String(decoding: Self.relaxed(fields[0].value), as: UTF8.self)
        return AddressList(value).addresses.first?.domain?.canonical
    }

    // MARK: the hash

    /// What a signature is made of (RFC 6376 §3.7).
    ///
    /// - Parameters:
    ///   - names: those of the tag `h=`, in small letters; of fields with one name the last one comes first, and a name
    ///     without a field is nothing.
    ///   - signature: the value of the signature's own field, the tag `b=` last and empty.
    func digest(of names: [String], signature: String) -> SHA256Digest {
        var hash = SHA256()
        var left: [String: ArraySlice<Field>] = [:]
        for name in names {
            if left[name] == nil { left[name] = self.fields.filter { $0.name == name }[...] }
            guard let field = left[name]?.popLast() else { continue }
            hash.update(data: Array("\(name):".utf8) + Self.relaxed(field.value) + [0x0D, 0x0A])
        }
        hash.update(data: Array("dkim-signature:".utf8) + Self.relaxed(Array(signature.utf8)[...]))
        return hash.finalize()
    }

    /// A value in its relaxed form (RFC 6376 §3.4.2), without a line end.
    private static func relaxed(_ value: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var holdsSpace = false
        for octet in value {
            switch octet {
            case 0x0D, 0x0A: break
            case 0x20, 0x09: holdsSpace = !result.isEmpty
            default:
                if holdsSpace { result.append(0x20) }
                holdsSpace = false
                result.append(octet)
            }
        }
        return result
    }
}
