import Crypto
import SMTP

/// One key of a domain, with the name under which DNS has it.
public struct Signer: Sendable, CustomStringConvertible {
    /// The tag `d=`: the domain that answers for the message, as DNS knows it.
    public let domain: String
    /// The tag `s=`.
    public let selector: String
    public let key: SigningKey

    public init(domain: String, selector: String, key: SigningKey) {
        self.domain = domain
        self.selector = selector
        self.key = key
    }

    /// `mail._domainkey.example.org`
    public var recordName: String { "\(self.selector)._domainkey.\(self.domain)" }

    /// The record for a zone file, in texts of 255 octets at most (RFC 1035 §3.3).
    public var zoneRecord: String {
        var rest = Substring(self.key.record)
        var texts: [String] = []
        while !rest.isEmpty {
            texts.append("\"\(rest.prefix(250))\"")
            rest = rest.dropFirst(250)
        }
        let text = texts.count == 1 ? texts[0] : "( \(texts.joined(separator: "\n\t\t")) )"
        return "\(self.recordName). IN TXT \(text)\n"
    }

    /// `d=example.org s=mail a=rsa-sha256`
    public var description: String { "d=\(self.domain) s=\(self.selector) a=\(self.key.algorithm.name)" }

    /// The DKIM-Signature field, folded, each line with CRLF.
    ///
    /// - Parameter seconds: the time, since 1970.
    func field(over header: SignedHeader, bodyHash: SHA256Digest, at seconds: Int64) throws -> String {
        let names = header.signedNames
        let unsigned = [
            " v=1; a=\(self.key.algorithm.name); c=relaxed/relaxed;",
            "d=\(self.domain); s=\(self.selector); t=\(seconds);",
            "h=\(Self.folded(names));", "bh=\(Base64.encode(bodyHash));", "b=",
        ].joined(separator: "\r\n\t")
        let signature = try self.key.signature(of: header.digest(of: names, signature: unsigned))
        return "DKIM-Signature:\(unsigned)\(Self.folded(Base64.encode(signature)))\r\n"
    }

    /// Lines of 78 characters at most, as RFC 5322 §2.1.1 wants them.
    private static func folded(_ names: [String]) -> String {
        var text = ""
        var column = 10
        for (index, name) in names.enumerated() {
            if column + name.utf8.count > 76 {
                text += "\r\n\t"
                column = 8
            }
            text += index + 1 < names.count ? "\(name):" : name
            column += name.utf8.count + 1
        }
        return text
    }

    private static func folded(_ base64: String) -> String {
        var rest = Substring(base64)
        var lines = [String(rest.prefix(66))]
        rest = rest.dropFirst(66)
        while !rest.isEmpty {
            lines.append(String(rest.prefix(68)))
            rest = rest.dropFirst(68)
        }
        return lines.joined(separator: "\r\n\t")
    }
}
