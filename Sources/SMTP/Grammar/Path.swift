/// A domain or an address literal, as written (RFC 5321 §4.1.2, §4.1.3).
public struct Domain: Sendable, CustomStringConvertible {
    /// The name as written; a literal keeps its brackets: `example.org`, `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
    public var text: String

    /// Takes `text` as it is; ``PathParser`` is what checks the grammar.
    public init(_ text: String) { self.text = text }

    public var isAddressLiteral: Bool { self.text.utf8.first == UInt8(ascii: "[") }
    /// The text with ASCII letters in lower case: what two spellings of one domain share (§2.3.5).
    public var canonical: String { self.isCanonical ? self.text : self.text.lowercased() }
    private var isCanonical: Bool { self.text.allOctets { $0 < 0x80 && !(0x41...0x5A).contains($0) } }
    public var description: String { self.text }
}

extension Domain: Hashable {
    public static func == (left: Domain, right: Domain) -> Bool {
        left.text == right.text || left.canonical == right.canonical
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(self.canonical) }
}

/// A text that is put together of others. Written where it is needed and not made for itself first, it costs a fraction, and
/// each recipient of a message is written several times.
public protocol ComposedText: TextOutputStreamable, CustomStringConvertible {}

extension ComposedText {
    public var description: String {
        var text = ""
        self.write(to: &text)
        return text
    }
}

/// A mailbox: local part and domain (RFC 5321 §2.3.11, §4.1.2).
public struct Mailbox: Hashable, Sendable, ComposedText {
    /// The local part as written, a quoted string with its quotes; its case is kept and matters (§2.4).
    public var localPart: String
    public var domain: Domain

    public init(localPart: String, domain: Domain) {
        self.localPart = localPart
        self.domain = domain
    }
    /// `u@c`
    public func write(to target: inout some TextOutputStream) {
        target.write(self.localPart)
        target.write("@")
        target.write(self.domain.text)
    }
    /// Whether it can go where SMTPUTF8 cannot (RFC 6531 §3.3).
    public var isASCII: Bool { self.localPart.isASCII && self.domain.text.isASCII }
}

/// A mailbox with the source route that leads to it (RFC 5321 §4.1.2, appendix C); mostly the route is empty.
public struct Path: Hashable, Sendable, ComposedText {
    /// The hosts to pass, the next one first: `<@A,@B:u@c>` is `[A, B]`.
    public var route: [Domain]
    public var mailbox: Mailbox

    public init(route: [Domain] = [], mailbox: Mailbox) {
        self.route = route
        self.mailbox = mailbox
    }
    /// Writes it without the angle brackets: `@A,@B:u@c`.
    public func write(to target: inout some TextOutputStream) {
        if !self.route.isEmpty { target.write(self.route.map { "@\($0)" }.joined(separator: ",") + ":") }
        self.mailbox.write(to: &target)
    }
    /// Whether it can go where SMTPUTF8 cannot (RFC 6531 §3.3).
    public var isASCII: Bool { self.mailbox.isASCII && self.route.allSatisfy(\.text.isASCII) }
}

/// The argument of MAIL FROM (RFC 5321 §4.1.1.2): where reports go. Null on a report itself (§4.5.5).
public enum ReversePath: Hashable, Sendable, ComposedText {
    case null
    case path(Path)

    /// Writes it with angle brackets, as on the wire.
    public func write(to target: inout some TextOutputStream) {
        target.write("<")
        if case .path(let path) = self { path.write(to: &target) }
        target.write(">")
    }
    /// Whether it can go where SMTPUTF8 cannot (RFC 6531 §3.3).
    public var isASCII: Bool {
        switch self {
        case .null: true
        case .path(let path): path.isASCII
        }
    }
}

/// The argument of RCPT TO (RFC 5321 §4.1.1.3).
public enum ForwardPath: Hashable, Sendable, ComposedText {
    /// `<Postmaster>` without a domain, which every server takes (§4.5.1).
    case postmaster
    case path(Path)

    /// Writes it with angle brackets, as on the wire.
    public func write(to target: inout some TextOutputStream) {
        target.write("<")
        switch self {
        case .postmaster: target.write("Postmaster")
        case .path(let path): path.write(to: &target)
        }
        target.write(">")
    }
    /// Whether it can go where SMTPUTF8 cannot (RFC 6531 §3.3).
    public var isASCII: Bool {
        switch self {
        case .postmaster: true
        case .path(let path): path.isASCII
        }
    }
}

/// One `keyword[=value]` behind a path (RFC 5321 §4.1.2). Not understood yet, it is kept and passed on.
public struct Parameter: Hashable, Sendable, CustomStringConvertible {
    /// The keyword in upper case.
    public var keyword: String
    public var value: String?

    public init(_ keyword: String, _ value: String? = nil) {
        self.keyword = keyword.uppercased()
        self.value = value
    }
    public var description: String { self.value.map { "\(self.keyword)=\($0)" } ?? self.keyword }
    var isASCII: Bool { self.value?.isASCII ?? true }
}

/// What MAIL and RCPT said (RFC 5321 §2.3.1); no header fields.
public struct Envelope: Hashable, Sendable {
    public struct Recipient: Hashable, Sendable {
        public var forwardPath: ForwardPath
        public var parameters: [Parameter]
        public init(_ forwardPath: ForwardPath, parameters: [Parameter] = []) {
            self.forwardPath = forwardPath
            self.parameters = parameters
        }
    }
    public var reversePath: ReversePath
    public var parameters: [Parameter]
    public var recipients: [Recipient]

    public init(reversePath: ReversePath, parameters: [Parameter] = [], recipients: [Recipient] = []) {
        self.reversePath = reversePath
        self.parameters = parameters
        self.recipients = recipients
    }
}

extension String {
    fileprivate var isASCII: Bool { self.allOctets { $0 < 0x80 } }

    /// Asks of all of them and not until one fails, which is several octets at a time.
    fileprivate func allOctets(_ are: (UInt8) -> Bool) -> Bool {
        self.utf8.withContiguousStorageIfAvailable { octets in
            var fail: UInt8 = 0
            for octet in octets { fail |= are(octet) ? 0 : 1 }
            return fail == 0
        } ?? self.utf8.allSatisfy(are)
    }
}
