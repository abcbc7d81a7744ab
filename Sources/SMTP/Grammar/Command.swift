public import NIOCore

/// A command line, read (RFC 5321 §4.1.1).
public enum Command: Equatable, Sendable {
    case ehlo(String)
    case helo(String)
    case mail(ReversePath, [Parameter])
    case rcpt(ForwardPath, [Parameter])
    case data
    case rset
    case noop
    case quit
    case vrfy(String)
    case expn(String)
    case help(String?)
    /// LMTP's EHLO (RFC 2033 §4.1).
    case lhlo(String)
    /// RFC 3207 §4.
    case startTLS
    /// RFC 4954 §4; the mechanism in upper case, the initial response decoded.
    case auth(mechanism: String, initialResponse: ByteBuffer?)
    /// RFC 3030 §2. `.max` when it is more than an Int holds.
    case bdat(octets: Int, isLast: Bool)
    /// RFC 1985 §5.
    case etrn(QueueRequest)
    indirect case xclient(ClientAttributes)
    indirect case xforward(ClientAttributes)

    /// - Parameters:
    ///   - line: without its CRLF.
    ///   - known: a command of another extension is not implemented, whatever follows it; with `.smtpUTF8` the paths of
    ///     MAIL and RCPT and the arguments of VRFY and EXPN may hold characters beyond ASCII.
    public static func parse(
        _ line: ByteBufferView, known: Set<ServiceExtension> = []
    ) throws(CommandSyntaxError) -> Command {
        var cursor = OctetCursor(Array(line))
        let isPlain = cursor.octets.allSatisfy { $0.isVisible || $0 == .space || $0 == .tab }
        let verb = Verb(cursor.take { $0 != .space && $0 != .tab })
        if !isPlain {
            guard known.contains(.smtpUTF8), verb?.takesUTF8 == true, self.isText(cursor.octets) else {
                throw .forbiddenOctet
            }
        }
        if let needed = verb?.extension, !known.contains(needed) { throw .notImplemented }
        switch verb {
        case .ehlo: return .ehlo(try self.clientName(&cursor, syntax: "EHLO hostname"))
        case .helo: return .helo(try self.clientName(&cursor, syntax: "HELO hostname"))
        case .lhlo: return .lhlo(try self.clientName(&cursor, syntax: "LHLO hostname"))
        case .mail: return try self.mail(cursor, utf8: !isPlain)
        case .rcpt: return try self.rcpt(cursor, utf8: !isPlain)
        case .data:
            try self.noArgument(&cursor, syntax: "DATA")
            return .data
        case .rset:
            try self.noArgument(&cursor, syntax: "RSET")
            return .rset
        case .quit:
            try self.noArgument(&cursor, syntax: "QUIT")
            return .quit
        case .noop: return .noop  // It may bring a string, which means nothing (§4.1.1.9).
        case .vrfy: return .vrfy(try self.string(&cursor, syntax: "VRFY address", utf8: !isPlain))
        case .expn: return .expn(try self.string(&cursor, syntax: "EXPN list", utf8: !isPlain))
        case .help: return .help(self.string(&cursor))
        case .starttls:
            try self.noArgument(&cursor, syntax: "STARTTLS")
            return .startTLS
        case .auth: return try self.auth(&cursor)
        case .bdat: return try self.bdat(&cursor)
        case .etrn: return try self.etrn(&cursor)
        case .xclient: return .xclient(try self.attributes(&cursor, of: .xclient))
        case .xforward: return .xforward(try self.attributes(&cursor, of: .xforward))
        case .turn, .send, .soml, .saml: throw .notImplemented
        case nil: throw .unrecognized
        }
    }

    /// Whether a line starts with a verb that some server somewhere knows.
    static func isRecognized(_ line: ByteBufferView) -> Bool {
        Verb(Array(line.prefix(9))[...].prefix { $0 != .space && $0 != .tab }) != nil
    }

    /// Verbs in lower case, those first that come most often.
    private enum Verb: String, CaseIterable {
        case rcpt, mail, data, ehlo, quit, rset, helo, lhlo, noop, vrfy, expn, help
        case starttls, auth, bdat, etrn, xclient, xforward, turn, send, soml, saml

        var `extension`: ServiceExtension? {
            switch self {
            case .starttls: .startTLS
            case .auth: .auth
            case .bdat: .chunking
            case .etrn: .etrn
            case .xclient: .xclient
            case .xforward: .xforward
            case .ehlo, .helo, .lhlo, .mail, .rcpt, .data, .rset, .noop, .quit, .vrfy, .expn, .help, .turn, .send,
                .soml, .saml:
                nil
            }
        }

        var takesUTF8: Bool {
            switch self {
            case .mail, .rcpt, .vrfy, .expn: true
            case .ehlo, .helo, .lhlo, .data, .rset, .noop, .quit, .help, .starttls, .auth, .bdat, .etrn, .xclient,
                .xforward, .turn, .send, .soml, .saml:
                false
            }
        }

        init?(_ octets: ArraySlice<UInt8>) {
            let verb = Self.allCases.first { verb in
                octets.elementsEqual(verb.rawValue.utf8) { $0 == $1 || $0 == $1 & ~0x20 }
            }
            guard let verb else { return nil }
            self = verb
        }
    }

    private static func mail(_ cursor: OctetCursor, utf8: Bool) throws(CommandSyntaxError) -> Command {
        var parser = PathParser(cursor, utf8: utf8)
        parser.cursor.skipSpaces()
        guard parser.cursor.take(word: "FROM:") else { throw .argument(syntax: "MAIL FROM:<address>") }
        parser.cursor.skipSpaces()  // Not in the grammar, but many send it.
        let path: ReversePath
        do { path = try parser.reversePath() } catch { throw .reversePath(error) }
        let parameters = try self.parameters(&parser.cursor)
        guard !utf8 || parameters.contains(where: { $0.keyword == "SMTPUTF8" }) else { throw .needsSMTPUTF8 }
        return .mail(path, parameters)
    }

    /// Whether MAIL gave the parameter SMTPUTF8 is for the session to know.
    private static func rcpt(_ cursor: OctetCursor, utf8: Bool) throws(CommandSyntaxError) -> Command {
        var parser = PathParser(cursor, utf8: utf8)
        parser.cursor.skipSpaces()
        guard parser.cursor.take(word: "TO:") else { throw .argument(syntax: "RCPT TO:<address>") }
        parser.cursor.skipSpaces()
        let path: ForwardPath
        do { path = try parser.forwardPath() } catch { throw .forwardPath(error) }
        return .rcpt(path, try self.parameters(&parser.cursor))
    }

    /// `*(SP keyword ["=" value])` (§4.1.2). A value in xtext stays as it is.
    static func parameters(_ cursor: inout OctetCursor) throws(CommandSyntaxError) -> [Parameter] {
        var parameters: [Parameter] = []
        while !cursor.isAtEnd {
            guard cursor.current == .space || cursor.current == .tab else { throw .parameter }
            cursor.skipSpaces()
            if cursor.isAtEnd { break }
            guard let first = cursor.current, first.isLetterOrDigit else { throw .parameter }
            let start = cursor.index
            cursor.take { $0.isLetterOrDigit || $0 == .hyphen }
            let keyword = cursor.text(from: start)
            var value: String?
            if cursor.take(UInt8(ascii: "=")) {
                let start = cursor.index
                guard !cursor.take(while: { $0.isVisible && $0 != UInt8(ascii: "=") || $0 >= 0x80 }).isEmpty else {
                    throw .parameter
                }
                value = cursor.text(from: start)
            }
            parameters.append(Parameter(keyword, value))
        }
        return parameters
    }

    /// What a client calls itself: made of the octets of domains and address literals, but not held to their grammar,
    /// since names that break it are common and harmless (§4.1.4). It goes into a Received field, so nothing else may
    /// be in it.
    private static func clientName(
        _ cursor: inout OctetCursor, syntax: String
    ) throws(CommandSyntaxError) -> String {
        cursor.skipSpaces()
        let start = cursor.index
        let name = cursor.take {
            $0.isLetterOrDigit || $0 == .hyphen || $0 == .dot || $0 == .colon || $0 == UInt8(ascii: "_")
                || $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "]")
        }
        guard (1...PathParser.domainLimit).contains(name.count) else { throw .argument(syntax: syntax) }
        let text = cursor.text(from: start)
        try self.noArgument(&cursor, syntax: syntax)
        return text
    }

    static func noArgument(_ cursor: inout OctetCursor, syntax: String) throws(CommandSyntaxError) {
        cursor.skipSpaces()
        guard cursor.isAtEnd else { throw .argument(syntax: syntax) }
    }

    /// - Parameter utf8: it holds characters beyond ASCII, which the word SMTPUTF8 has to announce (RFC 6531 §3.7.4.2).
    private static func string(
        _ cursor: inout OctetCursor, syntax: String, utf8: Bool
    ) throws(CommandSyntaxError) -> String {
        guard let text = self.string(&cursor) else { throw .argument(syntax: syntax) }
        guard !utf8 || text.uppercased().hasSuffix(" SMTPUTF8") else { throw .needsSMTPUTF8 }
        return text
    }

    private static func string(_ cursor: inout OctetCursor) -> String? {
        cursor.skipSpaces()
        return cursor.isAtEnd ? nil : String(decoding: cursor.rest, as: UTF8.self)
    }

    /// UTF-8 without control characters, which the codes from 80 to 9F are too.
    private static func isText(_ octets: [UInt8]) -> Bool {
        guard let text = String(validating: octets, as: UTF8.self) else { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            scalar.isASCII ? scalar == "\t" || (0x20..<0x7F).contains(scalar.value) : scalar.value >= 0xA0
        }
    }
}
