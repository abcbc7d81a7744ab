/// What XCLIENT or XFORWARD says of the client behind the client (as Postfix documents them).
///
/// `nil`: not mentioned, so what was known of it stays known.
public struct ClientAttributes: Hashable, Sendable {
    public enum Value: Hashable, Sendable {
        case known(String)
        /// `[UNAVAILABLE]`: there is none, and never will be.
        case unavailable
        /// `[TEMPUNAVAIL]`: it may be known at another time.
        case temporarilyUnavailable
    }

    /// A host name.
    public var name: Value?
    /// `192.0.2.1` or `2001:db8::1`; the prefix `IPV6:` is taken off.
    public var address: Value?
    /// 0...65535 in decimal.
    public var port: Value?
    /// What it said in EHLO or HELO.
    public var hello: Value?
    /// `SMTP` or `ESMTP`.
    public var `protocol`: Value?
    /// XCLIENT: the user name it authenticated with.
    public var login: Value?
    /// XCLIENT: the address and port that it connected to.
    public var destinationAddress: Value?
    public var destinationPort: Value?
    /// XFORWARD: the message's name at the first host.
    public var identifier: Value?
    /// XFORWARD: `LOCAL` or `REMOTE`.
    public var source: Value?

    public init() {}

    /// The names that an EHLO reply announces.
    static func names(of extension: ServiceExtension) -> [String] {
        `extension` == .xclient
            ? ["NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT"]
            : ["NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"]
    }

    /// Takes one `name=value`. The name is one of ``names(of:)``, the value xtext.
    ///
    /// - Returns: `false` when the value is not of its kind.
    mutating func set(_ name: String, _ text: String) -> Bool {
        if text.utf8.spells("[UNAVAILABLE]") { return self.set(name, .unavailable) }
        if text.utf8.spells("[TEMPUNAVAIL]") { return self.set(name, .temporarilyUnavailable) }
        guard let value = XText.decode(text), value.utf8.allSatisfy({ $0.isVisible || $0 == .space }),
            (1...255).contains(value.utf8.count)
        else { return false }
        switch name {
        case "ADDR", "DESTADDR":
            var octets = Array(value.utf8)[...]
            if octets.prefix(5).spells("IPV6:") {
                octets = octets.dropFirst(5)
                guard AddressGrammar.isIPv6(octets) else { return false }
            } else {
                guard AddressGrammar.isIPv4(octets) else { return false }
            }
            return self.set(name, .known(String(decoding: octets, as: UTF8.self)))
        case "PORT", "DESTPORT":
            guard value.utf8.allSatisfy(\.isDigit), UInt16(value) != nil else { return false }
            return self.set(name, .known(value))
        case "PROTO":
            guard value.utf8.spells("SMTP") || value.utf8.spells("ESMTP") else { return false }
            return self.set(name, .known(value.uppercased()))
        case "SOURCE":
            guard value.utf8.spells("LOCAL") || value.utf8.spells("REMOTE") else { return false }
            return self.set(name, .known(value.uppercased()))
        default: return self.set(name, .known(value))
        }
    }

    private mutating func set(_ name: String, _ value: Value) -> Bool {
        switch name {
        case "NAME": self.name = value
        case "ADDR": self.address = value
        case "PORT": self.port = value
        case "PROTO": self.protocol = value
        case "HELO": self.hello = value
        case "LOGIN": self.login = value
        case "DESTADDR": self.destinationAddress = value
        case "DESTPORT": self.destinationPort = value
        case "IDENT": self.identifier = value
        case "SOURCE": self.source = value
        default: return false
        }
        return true
    }
}
