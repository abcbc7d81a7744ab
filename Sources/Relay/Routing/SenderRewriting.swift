import Crypto
import Mail
import SMTP

/// `srs` of a `[[route]]`: the senders of what leaves by it are rewritten, so that a forwarder passes SPF (RFC 7208 §2.4), and
/// reports to them come back this way.
public struct SenderRewriting: Sendable, Hashable {
    /// The domain of rewritten senders, in lower case. Mail to it has to come to us.
    public var domain: String
    /// A file with one line, that nobody else can read.
    public var secretFile: String

    public init(domain: String, secretFile: String) {
        self.domain = domain
        self.secretFile = secretFile
    }

    /// Whether it is the same domain with another secret.
    public func isOther(_ rewriting: SenderRewriting) -> Bool {
        self.domain == rewriting.domain && self.secretFile != rewriting.secretFile
    }
}

/// The Sender Rewriting Scheme (SRS0 and SRS1, guarded), as Mail::SRS, libsrs2 and postsrsd have it.
///
/// `SRS0=HASH=DAY=host=user@ours` stands for `user@host`; where that is an SRS0 address of another forwarder already,
/// `SRS1=HASH=forwarder==…@ours` leads to it without growing.
struct SenderRewriter: Sendable {
    /// A report may come as late as this, in days.
    static let patienceDays = 21
    private static let hashCharacters = 4
    /// Two characters of base 32.
    private static let dayCycle = 1024
    private static let base32 = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")

    let domain: Domain
    private let key: SymmetricKey

    init(domain: String, secret: String) {
        self.domain = Domain(domain)
        self.key = SymmetricKey(data: Array(secret.utf8))
    }

    /// - Returns: `nil` where a rewritten address would be none: a quoted local part, an address literal, one beyond ASCII, or
    ///   one that is too long.
    func rewritten(_ sender: Mailbox, at now: Timestamp) -> Mailbox? {
        guard sender.isASCII, !sender.domain.isAddressLiteral, !sender.localPart.hasPrefix("\"") else { return nil }
        let local = Substring(sender.localPart)
        let host = Substring(sender.domain.text)
        let text: String
        if let rest = Self.rest(of: local, behind: "SRS1") {
            let parts = Self.split(rest.dropFirst(), into: 3)
            guard parts.count == 3 else { return nil }
            text = "SRS1=\(self.hash([parts[1], parts[2]]))=\(parts[1])=\(parts[2])"
        } else if let rest = Self.rest(of: local, behind: "SRS0") {
            text = "SRS1=\(self.hash([host, rest]))=\(host)=\(rest)"
        } else {
            let day = Self.day(of: now)
            text = "SRS0=\(self.hash([Substring(day), host, local]))=\(day)=\(host)=\(local)"
        }
        // It has to be read again when it comes back.
        return try? Mailbox(parsing: "\(text)@\(self.domain)")
    }

    /// The sender that an address of ours stands for.
    ///
    /// - Returns: `nil` when it is forged, too old, or none.
    func original(of recipient: Mailbox, at now: Timestamp) -> Mailbox? {
        let local = Substring(recipient.localPart)
        if let rest = Self.rest(of: local, behind: "SRS1") {
            let parts = Self.split(rest.dropFirst(), into: 3)
            guard parts.count == 3, self.verifies(parts[0], [parts[1], parts[2]]) else { return nil }
            return try? Mailbox(parsing: "SRS0\(parts[2])@\(parts[1])")
        }
        guard let rest = Self.rest(of: local, behind: "SRS0") else { return nil }
        let parts = Self.split(rest.dropFirst(), into: 4)
        guard parts.count == 4, self.verifies(parts[0], [parts[1], parts[2], parts[3]]),
            Self.isRecent(parts[1], at: now)
        else { return nil }
        return try? Mailbox(parsing: "\(parts[3])@\(parts[2])")
    }

    /// What follows the tag, from its separator on, which may be any of three.
    private static func rest(of local: Substring, behind tag: String) -> Substring? {
        guard local.prefix(4).uppercased() == tag else { return nil }
        let rest = local.dropFirst(4)
        return rest.first.map { "=+-".contains($0) } == true ? rest : nil
    }

    private static func split(_ text: Substring, into count: Int) -> [Substring] {
        text.split(separator: "=", maxSplits: count - 1, omittingEmptySubsequences: false)
    }

    // MARK: the hash

    private func hash(_ parts: [Substring]) -> Substring {
        let code = HMAC<Insecure.SHA1>.authenticationCode(
            for: Array(parts.map { $0.lowercased() }.joined().utf8), using: self.key)
        return Base64.encode(Array(code)).prefix(Self.hashCharacters)
    }

    /// Somebody on the way may have changed the case.
    private func verifies(_ given: Substring, _ parts: [Substring]) -> Bool {
        given.count == Self.hashCharacters && given.lowercased() == self.hash(parts).lowercased()
    }

    // MARK: the day

    private static func number(of now: Timestamp) -> Int {
        let (days, _) = Int(now.milliseconds / 1000).quotientAndRemainder(dividingBy: 86_400)
        return days % self.dayCycle
    }

    private static func day(of now: Timestamp) -> String {
        let number = self.number(of: now)
        return String([self.base32[number >> 5 & 31], self.base32[number & 31]])
    }

    private static func isRecent(_ day: Substring, at now: Timestamp) -> Bool {
        let digits = day.uppercased().compactMap { self.base32.firstIndex(of: $0) }
        guard digits.count == 2, day.count == 2 else { return false }
        let age = self.number(of: now) - (digits[0] << 5 | digits[1])
        return (age + self.dayCycle) % self.dayCycle <= self.patienceDays
    }
}

/// The rewriters of all routes, by their domains. It never changes: a reload makes another.
final class SenderRewriters: Sendable {
    private let all: [String: SenderRewriter]
    /// Domains whose senders are ours, and pass SPF as they are.
    private let ours: [DomainPattern]

    /// - Throws: ``KeyringError`` for a secret that cannot be read.
    init?(_ configuration: RelayConfiguration) throws(KeyringError) {
        var all: [String: SenderRewriter] = [:]
        for (index, route) in configuration.routes.enumerated() {
            guard let rewriting = route.srs, all[rewriting.domain] == nil else { continue }
            do {
                let secret = try Secret.file(rewriting.secretFile).read()
                all[rewriting.domain] = SenderRewriter(domain: rewriting.domain, secret: secret)
            } catch { throw KeyringError(description: "\(error)", key: "route[\(index)].srs") }
        }
        guard !all.isEmpty else { return nil }
        self.all = all
        self.ours = configuration.domains
    }

    /// The reverse-path as it leaves by a route that rewrites; what cannot be rewritten stays.
    ///
    /// - Parameter now: when the message arrived, so that each attempt says the same.
    func rewritten(_ path: ReversePath, by rewriting: SenderRewriting, at now: Timestamp) -> ReversePath {
        guard case .path(let path) = path, path.route.isEmpty, let rewriter = self.all[rewriting.domain] else {
            return path
        }
        let domain = path.mailbox.domain.canonical
        guard domain != rewriting.domain, !self.ours.contains(where: { $0.matches(domain) }),
            let mailbox = rewriter.rewritten(path.mailbox, at: now)
        else { return .path(path) }
        return .path(Path(mailbox: mailbox))
    }

    enum Meaning {
        /// No address that was rewritten.
        case asItIs
        case standsFor(Mailbox)
        case forged
    }

    func meaning(of recipient: Mailbox, at now: Timestamp) -> Meaning {
        guard let rewriter = self.all[recipient.domain.canonical],
            ["SRS0", "SRS1"].contains(recipient.localPart.prefix(4).uppercased())
        else { return .asItIs }
        return rewriter.original(of: recipient, at: now).map { .standsFor($0) } ?? .forged
    }
}
