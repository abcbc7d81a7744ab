import Mail
import Monitor
import SMTP
import Spool

/// Where mail comes from, as far as standing rules ask.
struct MailOrigin: Sendable {
    var reversePath: ReversePath
    /// Who logged in, or is at the other end of a Unix socket.
    var user: String?
    /// The octets of the client's address, as the screen shows it.
    var client: [UInt8]?

    /// - Parameter client: `192.0.2.7:40112`, `ann (uid 1000)`
    init(reversePath: ReversePath, user: String?, client: String?) {
        self.reversePath = reversePath
        self.user = user ?? client.flatMap { LocalUser(description: $0) }?.name
        self.client = client.flatMap { SocketEndpoint($0, defaultPort: 0) }.flatMap { Network.octets($0.host) }
    }

    init(_ message: SpooledMessage) {
        self.init(reversePath: message.reversePath, user: message.arrival.user, client: message.arrival.peer)
    }
}

/// The condition of a standing rule, read.
enum MailMatcher: Sendable {
    case sender(AddressPattern)
    case user(String)
    case client(Network)
    case recipient(AddressPattern)

    /// - Throws: `.invalid`
    init(_ condition: MailCondition) throws(FeedError) {
        switch condition {
        case .sender(let text): self = .sender(try Self.pattern(text, "<>, "))
        case .recipient(let text): self = .recipient(try Self.pattern(text, ""))
        case .user(let name):
            guard !name.isEmpty else { throw FeedError(.invalid, "name a user") }
            self = .user(name)
        case .client(let text):
            guard let network = Network(text) else {
                throw FeedError(
                    .invalid, "\(text) is no address: name one, or a range, such as 192.0.2.7 or 192.0.2.0/24")
            }
            self = .client(network)
        }
    }

    private static func pattern(_ text: String, _ more: String) throws(FeedError) -> AddressPattern {
        if let pattern = AddressPattern(text), !pattern.isNull || !more.isEmpty { return pattern }
        throw FeedError(
            .invalid, "\(text) is no address: name \(more)ann@example.org, example.org, *.example.org or *")
    }

    /// It asks who handed the mail over.
    var isAboutClient: Bool {
        switch self {
        case .user, .client: true
        case .sender, .recipient: false
        }
    }

    func matches(_ origin: MailOrigin) -> Bool {
        switch self {
        case .sender(let pattern): pattern.matches(origin.reversePath)
        case .user(let name): origin.user == name
        case .client(let network): origin.client.map { network.contains($0) } ?? false
        case .recipient: false
        }
    }

    func matches(_ recipient: ForwardPath) -> Bool {
        switch self {
        case .recipient(let pattern): pattern.matches(recipient)
        case .sender, .user, .client: false
        }
    }
}

/// Which mailboxes are meant: one, those of a domain (`example.org`), of all below it (`*.example.org`), or all (`*`); or the
/// null reverse-path, `<>`. Letters are compared without case, and a domain in either of its spellings (RFC 5890 §2.3.2.1).
struct AddressPattern: Sendable {
    private enum Kind: Sendable {
        case null
        case domain(DomainPattern)
        case mailbox(localPart: String, DomainPattern)
    }
    private let kind: Kind
    var isNull: Bool { if case .null = self.kind { true } else { false } }

    init?(_ text: String) {
        guard text != "<>" else {
            self.kind = .null
            return
        }
        let at = text.lastIndex(of: "@")
        let name = String(at.map { text[text.index(after: $0)...] } ?? text[...])
        guard let pattern = DomainPattern(Self.canonical(name)) else { return nil }
        // Everybody of a domain is the domain.
        guard let at, text[..<at] != "*" else {
            self.kind = .domain(pattern)
            return
        }
        guard at > text.startIndex, !name.contains("*"), Self.isLocalPart(String(text[..<at])) else { return nil }
        self.kind = .mailbox(localPart: text[..<at].lowercased(), pattern)
    }

    /// What no path can have would match nothing (RFC 5321 §4.1.2).
    private static func isLocalPart(_ text: String) -> Bool {
        (try? Mailbox(parsing: "\(text)@example.org", utf8: true)) != nil
    }

    private static func canonical(_ domain: String) -> String {
        guard !domain.utf8.allSatisfy({ $0 < 0x80 }) else { return domain.lowercased() }
        return DomainName.ascii(domain)?.lowercased() ?? domain
    }

    func matches(_ path: ReversePath) -> Bool {
        switch (path, self.kind) {
        case (.null, .null): true
        // Everything is everything.
        case (.null, .domain(let pattern)): pattern.description == "*"
        case (.null, .mailbox), (.path, .null): false
        case (.path(let path), .domain), (.path(let path), .mailbox): self.matches(path.mailbox)
        }
    }

    /// `<Postmaster>` is of no domain: every server takes it (RFC 5321 §4.5.1).
    func matches(_ path: ForwardPath) -> Bool {
        switch path {
        case .postmaster: false
        case .path(let path): self.matches(path.mailbox)
        }
    }

    private func matches(_ mailbox: Mailbox) -> Bool {
        let domain = Self.canonical(mailbox.domain.text)
        return switch self.kind {
        case .null: false
        case .domain(let pattern): pattern.matches(domain)
        case .mailbox(let localPart, let pattern):
            pattern.matches(domain) && mailbox.localPart.lowercased() == localPart
        }
    }
}
