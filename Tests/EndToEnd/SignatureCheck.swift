import Crypto
import CryptoExtras
import DKIM
import Foundation

/// A verifier of DKIM signatures (RFC 6376 §6.1) that shares no code with the signer: relaxed/relaxed, on whole messages.
struct SignatureCheck {
    let tags: [String: String]
    private let isBodySound: Bool
    private let signed: Data
    private let digest: SHA256Digest

    /// The signatures of a message, the first one first.
    static func all(in message: String) throws -> [SignatureCheck] {
        guard let end = message.range(of: "\r\n\r\n") else { return [] }
        let header = message[..<end.lowerBound].replacing(/\r\n(?=[ \t])/, with: "").components(separatedBy: "\r\n")
        let fields = header.compactMap { line -> (name: String, value: String)? in
            line.firstIndex(of: ":").map {
                (
                    String(line[..<$0]).trimmingCharacters(in: .whitespaces).lowercased(),
                    String(line[line.index(after: $0)...])
                )
            }
        }
        let body = String(message[end.upperBound...])
        return fields.filter { $0.name == "dkim-signature" }.map { SignatureCheck($0.value, fields, body) }
    }

    private init(_ signature: String, _ fields: [(name: String, value: String)], _ body: String) {
        var tags: [String: String] = [:]
        for tag in signature.split(separator: ";") {
            let parts = tag.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            tags[parts[0].trimmingCharacters(in: .whitespaces)] = String(parts[1].replacing(/[ \t\r\n]/, with: ""))
        }
        self.tags = tags
        var lines = body.components(separatedBy: "\r\n").map {
            $0.replacing(/[ \t]+/, with: " ").replacing(/[ ]$/, with: "")
        }
        while lines.last == "" { lines.removeLast() }
        let relaxed = lines.map { $0 + "\r\n" }.joined()
        let hash = Data(SHA256.hash(data: Data(relaxed.utf8)))
        self.isBodySound = hash.base64EncodedString() == tags["bh"]

        func canonical(_ name: String, _ value: String) -> String {
            "\(name):\(value.replacing(/[ \t]+/, with: " ").trimmingCharacters(in: .whitespaces))"
        }
        var left = fields
        var input = ""
        for name in (tags["h"] ?? "").lowercased().split(separator: ":") {
            guard let index = left.lastIndex(where: { $0.name == name }) else { continue }
            input += canonical(left[index].name, left.remove(at: index).value) + "\r\n"
        }
        input += canonical(
            "dkim-signature",
            String(
                signature[...signature.range(of: "b=", options: .backwards)!.upperBound]
                    .dropLast()))
        self.digest = SHA256.hash(data: Data(input.utf8))
        self.signed = Data(base64Encoded: tags["b"] ?? "") ?? Data()
    }

    /// - Parameter record: the DNS record of the key.
    func holds(with record: String) throws -> Bool {
        guard let text = record.components(separatedBy: "p=").last, let octets = Data(base64Encoded: text) else {
            return false
        }
        guard self.isBodySound else { return false }
        if self.tags["a"] == "ed25519-sha256" {
            return try Curve25519.Signing.PublicKey(rawRepresentation: octets)
                .isValidSignature(self.signed, for: Data(self.digest))
        }
        return try _RSA.Signing.PublicKey(derRepresentation: octets).isValidSignature(
            .init(rawRepresentation: self.signed), for: self.digest, padding: .insecurePKCS1v1_5)
    }
}
