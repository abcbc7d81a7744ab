/// Why a path, a mailbox or a domain could not be read.
public enum PathSyntaxError: Error, Equatable, Sendable, CustomStringConvertible {
    case angleBrackets
    case sourceRoute
    case localPart
    case domain
    /// There is none behind the local part.
    case noDomain
    case addressLiteral
    /// Something follows the end.
    case trailingOctets
    /// A second @ follows the domain: a local part that has one is quoted.
    case secondAt
    case tooLong(limit: Int)

    public var description: String {
        switch self {
        case .angleBrackets: "a path is enclosed in angle brackets"
        case .sourceRoute: "malformed source route"
        case .localPart: "malformed local part"
        case .domain: "malformed domain"
        case .noDomain: "the domain is missing"
        case .addressLiteral: "malformed address literal"
        case .trailingOctets: "unexpected text after the address"
        case .secondAt: "more than one @"
        case .tooLong(let limit): "longer than \(limit) octets"
        }
    }
}

/// Reads paths, octet by octet (RFC 5321 §4.1.2, §4.1.3), with the limits of §4.5.3.1.
///
/// More lenient than the grammar in one point: an underscore may stand in a domain, as it does in practice. Octets
/// beyond ASCII fit nowhere in it, unless SMTPUTF8 lets them (RFC 6531 §3.3).
struct PathParser: Sendable {
    /// What a path has room for. §4.5.3.1.1 has 64 octets as what everybody has to take, and lists and forwarders make longer
    /// ones of a sender's whole address.
    static let localPartLimit = pathLimit - 2
    static let labelLimit = 63
    static let domainLimit = 255
    /// §4.5.3.1.3 counts 256 with the angle brackets.
    static let pathLimit = 254
    /// §4.5.3.1.3 was written after source routes had gone; four hops with long names have to fit.
    static let routedPathLimit = 1000

    var cursor: OctetCursor
    /// Local parts and domains may hold characters beyond ASCII. Whoever sets it knows the octets to be UTF-8.
    let utf8: Bool

    init(_ cursor: OctetCursor, utf8: Bool = false) {
        self.cursor = cursor
        self.utf8 = utf8
    }
    init(_ text: some StringProtocol, utf8: Bool) { self.init(OctetCursor(Array(text.utf8)), utf8: utf8) }

    mutating func reversePath() throws(PathSyntaxError) -> ReversePath {
        guard self.cursor.take(UInt8(ascii: "<")) else { throw .angleBrackets }
        if self.cursor.take(UInt8(ascii: ">")) { return .null }
        let path = try self.path()
        try self.closingBracket()
        return .path(path)
    }

    mutating func forwardPath() throws(PathSyntaxError) -> ForwardPath {
        guard self.cursor.take(UInt8(ascii: "<")) else { throw .angleBrackets }
        if self.cursor.take(word: "POSTMASTER>") { return .postmaster }
        let path = try self.path()
        try self.closingBracket()
        return .path(path)
    }

    private mutating func closingBracket() throws(PathSyntaxError) {
        if self.cursor.take(UInt8(ascii: ">")) { return }
        if self.cursor.current == .at { throw .secondAt }
        throw self.cursor.rest.contains(UInt8(ascii: ">")) ? .trailingOctets : .angleBrackets
    }

    /// Reads a path without the angle brackets.
    mutating func path() throws(PathSyntaxError) -> Path {
        let start = self.cursor.index
        let route = self.cursor.current == .at ? try self.sourceRoute() : []
        let mailbox = try self.mailbox()
        let limit = route.isEmpty ? Self.pathLimit : Self.routedPathLimit
        guard self.cursor.index - start <= limit else { throw .tooLong(limit: limit) }
        return Path(route: route, mailbox: mailbox)
    }

    mutating func mailbox() throws(PathSyntaxError) -> Mailbox {
        let localPart = try self.localPart()
        guard self.cursor.take(.at) else { throw self.isAtEndOfPath ? .noDomain : .localPart }
        guard !self.isAtEndOfPath else { throw .noDomain }
        return Mailbox(localPart: localPart, domain: try self.domain())
    }

    private var isAtEndOfPath: Bool { self.cursor.isAtEnd || self.cursor.current == UInt8(ascii: ">") }

    mutating func domain() throws(PathSyntaxError) -> Domain {
        if self.cursor.current == UInt8(ascii: "[") { return try self.addressLiteral() }
        let start = self.cursor.index
        let utf8 = self.utf8
        repeat {
            let label = self.cursor.take {
                $0.isLetterOrDigit || $0 == .hyphen || $0 == UInt8(ascii: "_") || utf8 && $0 >= 0x80
            }
            guard let first = label.first, first != .hyphen, label.last != .hyphen else { throw .domain }
            // How long a U-label is as an A-label, which is what the limit counts, is for IDNA to tell (RFC 5890 §2.3.2).
            guard label.count <= Self.labelLimit || label.contains(where: { $0 >= 0x80 }) else {
                throw .tooLong(limit: Self.labelLimit)
            }
        } while self.cursor.take(.dot)
        guard self.cursor.index - start <= Self.domainLimit else { throw .tooLong(limit: Self.domainLimit) }
        return Domain(self.cursor.text(from: start))
    }

    func end() throws(PathSyntaxError) {
        guard self.cursor.isAtEnd else { throw .trailingOctets }
    }

    /// `@A,@B:`
    private mutating func sourceRoute() throws(PathSyntaxError) -> [Domain] {
        var route: [Domain] = []
        repeat {
            guard self.cursor.take(.at) else { throw .sourceRoute }
            route.append(try self.domain())
        } while self.cursor.take(UInt8(ascii: ","))
        guard self.cursor.take(.colon) else { throw .sourceRoute }
        return route
    }

    private mutating func localPart() throws(PathSyntaxError) -> String {
        let start = self.cursor.index
        if self.cursor.take(.quote) {
            try self.quotedString()
        } else {
            let utf8 = self.utf8
            repeat {
                guard !self.cursor.take(while: { $0.isAtomText || utf8 && $0 >= 0x80 }).isEmpty else {
                    throw .localPart
                }
            } while self.cursor.take(.dot)
        }
        guard self.cursor.index - start <= Self.localPartLimit else { throw .tooLong(limit: Self.localPartLimit) }
        return self.cursor.text(from: start)
    }

    /// The rest of it, behind the opening quote.
    private mutating func quotedString() throws(PathSyntaxError) {
        while let octet = self.cursor.current {
            guard octet == .space || octet.isVisible || self.utf8 && octet >= 0x80 else { throw .localPart }
            self.cursor.skip()
            if octet == .quote { return }
            if octet == .backslash {
                guard let quoted = self.cursor.current, quoted == .space || quoted.isVisible else { throw .localPart }
                self.cursor.skip()
            }
        }
        throw .localPart
    }

    /// `[192.0.2.1]`, `[IPv6:2001:db8::1]`, or `[tag:text]` with a tag that may be standardised one day.
    private mutating func addressLiteral() throws(PathSyntaxError) -> Domain {
        let start = self.cursor.index
        self.cursor.skip()
        let inside = self.cursor.take { $0.isVisible && $0 != UInt8(ascii: "[") && $0 != UInt8(ascii: "]") }
        guard self.cursor.take(UInt8(ascii: "]")), !inside.contains(.backslash) else { throw .addressLiteral }
        guard self.cursor.index - start <= Self.domainLimit else { throw .tooLong(limit: Self.domainLimit) }

        if let colon = inside.firstIndex(of: .colon) {
            let tag = inside[..<colon]
            let text = inside[(colon + 1)...]
            if tag.spells("IPV6") {
                guard AddressGrammar.isIPv6(text) else { throw .addressLiteral }
            } else {
                guard tag.first?.isLetter == true, tag.last != .hyphen, !text.isEmpty,
                    tag.allSatisfy({ $0.isLetterOrDigit || $0 == .hyphen })
                else { throw .addressLiteral }
            }
        } else {
            guard AddressGrammar.isIPv4(inside) else { throw .addressLiteral }
        }
        return Domain(self.cursor.text(from: start))
    }
}

/// Which texts are IP addresses (RFC 5321 §4.1.3, RFC 4291 §2.2).
enum AddressGrammar {
    static func isIPv4(_ text: ArraySlice<UInt8>) -> Bool {
        let numbers = text.split(separator: .dot, omittingEmptySubsequences: false)
        return numbers.count == 4
            && numbers.allSatisfy { number in
                (1...3).contains(number.count) && number.allSatisfy(\.isDigit)
                    && number.reduce(0) { $0 * 10 + Int($1 - 0x30) } <= 255
            }
    }

    static func isIPv6(_ text: ArraySlice<UInt8>) -> Bool {
        // Each side of "::" is a list of groups; without one there is a single list, and it must be full.
        var gap: Int?
        for index in text.indices.dropLast() where text[index] == .colon && text[index + 1] == .colon {
            guard gap == nil else { return false }  // A second "::", or three colons in a row.
            gap = index
        }
        guard let gap else { return self.groups(text, mayEndInIPv4: true) == 8 }
        let left = text[..<gap].isEmpty ? 0 : self.groups(text[..<gap], mayEndInIPv4: false)
        let right = text[(gap + 2)...].isEmpty ? 0 : self.groups(text[(gap + 2)...], mayEndInIPv4: true)
        guard let left, let right else { return false }
        return left + right <= 7
    }

    /// How many groups of 16 bits are in a list such as `2001:db8:192.0.2.1`; `nil` when it is none.
    private static func groups(_ text: ArraySlice<UInt8>, mayEndInIPv4: Bool) -> Int? {
        var groups = text.split(separator: .colon, omittingEmptySubsequences: false)
        var count = 0
        if mayEndInIPv4, let last = groups.last, last.contains(.dot) {
            guard self.isIPv4(last) else { return nil }
            groups.removeLast()
            count = 2
        }
        guard groups.allSatisfy({ (1...4).contains($0.count) && $0.allSatisfy(\.isHexDigit) }) else { return nil }
        return count + groups.count
    }
}

extension ReversePath {
    /// Reads what ``description`` writes: with angle brackets, nothing around them.
    ///
    /// - Parameter utf8: whether characters beyond ASCII are allowed, as under SMTPUTF8 (RFC 6531 §3.3).
    public init(parsing text: some StringProtocol, utf8: Bool = false) throws(PathSyntaxError) {
        var parser = PathParser(text, utf8: utf8)
        self = try parser.reversePath()
        try parser.end()
    }
}

extension ForwardPath {
    /// Reads what ``description`` writes: with angle brackets, nothing around them.
    ///
    /// - Parameter utf8: whether characters beyond ASCII are allowed, as under SMTPUTF8 (RFC 6531 §3.3).
    public init(parsing text: some StringProtocol, utf8: Bool = false) throws(PathSyntaxError) {
        var parser = PathParser(text, utf8: utf8)
        self = try parser.forwardPath()
        try parser.end()
    }
}

extension Path {
    /// Reads what ``description`` writes: without angle brackets, `@A,@B:u@c`.
    public init(parsing text: some StringProtocol, utf8: Bool = false) throws(PathSyntaxError) {
        var parser = PathParser(text, utf8: utf8)
        self = try parser.path()
        try parser.end()
    }
}

extension Mailbox {
    /// Reads `u@c`.
    public init(parsing text: some StringProtocol, utf8: Bool = false) throws(PathSyntaxError) {
        let path = try Path(parsing: text, utf8: utf8)
        guard path.route.isEmpty else { throw .sourceRoute }
        self = path.mailbox
    }
}

extension Domain {
    /// Reads a domain or an address literal.
    public init(parsing text: some StringProtocol, utf8: Bool = false) throws(PathSyntaxError) {
        var parser = PathParser(text, utf8: utf8)
        self = try parser.domain()
        try parser.end()
    }
}
