import Crypto

/// Names that stand for others: the same one always for the same, and nobody knows for which.
final class Pseudonyms {
    private let key: SymmetricKey
    /// What stands for a word where it stands alone in a text.
    private var known: [String: String] = [:]
    private var made: [String: String] = [:]
    /// Of each; then all are worked out anew.
    private static let most = 100_000

    init(key: SymmetricKey) { self.key = key }

    /// Eight letters and digits.
    private func hash(_ name: String) -> String {
        if let made = self.made[name] { return made }
        if self.made.count > Self.most { self.made = [:] }
        let code = HMAC<SHA256>.authenticationCode(for: Array(name.utf8), using: self.key)
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567")
        let bits = code.prefix(5).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let text = String((0..<8).map { alphabet[Int(bits >> (35 - 5 * $0)) & 31] })
        self.made[name] = text
        return text
    }

    /// Somebody's name, or the local part of an address.
    func name(_ name: String) -> String {
        let folded = name.lowercased()
        if folded.isEmpty || folded == "postmaster" { return name }
        let pseudonym = "u-" + self.hash("name:" + folded)
        self.learn(folded, as: pseudonym)
        return pseudonym
    }

    /// A host or a domain. Each label stands for the whole of the name from there on, so that hosts of one domain still are.
    func domain(_ name: String) -> String {
        let folded = name.lowercased()
        let labels = folded.split(separator: ".", omittingEmptySubsequences: true)
        guard labels.count > 1 else {
            if folded.isEmpty || folded == "localhost" { return name }
            let pseudonym = "h-" + self.hash("domain:" + folded)
            self.learn(folded, as: pseudonym)
            return pseudonym
        }
        let shown = labels.indices.dropLast().map { index in
            "d-" + self.hash("domain:" + labels[index...].joined(separator: ".")).prefix(6)
        }
        return (shown + ["example"]).joined(separator: ".")
    }

    /// An IPv4 or IPv6 address, as one that nobody has: of 10.0.0.0/8, or of the documentation's 2001:db8::/32.
    func address(_ octets: [UInt8]) -> String {
        let isLoopback = octets.count == 4 ? octets[0] == 127 : octets.dropLast().allSatisfy { $0 == 0 }
        let hash = Array(HMAC<SHA256>.authenticationCode(for: [4] + octets, using: self.key))
        if octets.count == 4 { return isLoopback ? "127.0.0.1" : "10.\(hash[0]).\(hash[1]).\(hash[2])" }
        if isLoopback { return "::1" }
        let groups = (0..<4).map { String(Int(hash[2 * $0]) << 8 | Int(hash[2 * $0 + 1]), radix: 16) }
        return "2001:db8::" + groups.joined(separator: ":")
    }

    // MARK: Words that stand alone

    func known(_ word: Substring) -> String? { self.known[word.lowercased()] }

    private func learn(_ word: String, as pseudonym: String) {
        guard word.count > 1, !Self.common.contains(word), word.contains(where: \.isLetter) else { return }
        if self.known.count > Self.most { self.known = [:] }
        self.known[word] = pseudonym
    }

    /// They tell nothing of anybody, and dialogues would be hard to read without them.
    private static let common: Set<String> = [
        "mail", "from", "to", "rcpt", "data", "ehlo", "helo", "lhlo", "quit", "rset", "noop", "bdat", "last", "auth",
        "plain", "login", "starttls", "size", "body", "smtp", "esmtp", "ok", "user", "unknown", "no", "not", "such",
        "the", "a", "is", "in", "of", "for", "and", "mailbox", "relay", "queued", "as", "service", "ready", "bye",
        "tls",
        "connected", "closed", "refused", "connection", "recipient", "sender", "message", "root", "info", "admin",
    ]
}
