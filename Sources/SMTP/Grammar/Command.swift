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

    /// - Parameter line: without its CRLF.
    public static func parse(_ line: ByteBufferView) throws(CommandSyntaxError) -> Command {
        var cursor = OctetCursor(Array(line))
        guard cursor.octets.allSatisfy({ $0.isVisible || $0 == .space || $0 == .tab }) else { throw .forbiddenOctet }
        let verb = cursor.take { $0 != .space && $0 != .tab }
        switch Verb(verb) {
        case .ehlo: return .ehlo(try self.clientName(&cursor, syntax: "EHLO hostname"))
        case .helo: return .helo(try self.clientName(&cursor, syntax: "HELO hostname"))
        case .mail: return try self.mail(cursor)
        case .rcpt: return try self.rcpt(cursor)
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
        case .vrfy: return .vrfy(try self.string(&cursor, syntax: "VRFY address"))
        case .expn: return .expn(try self.string(&cursor, syntax: "EXPN list"))
        case .help: return .help(self.string(&cursor))
        case .starttls, .auth, .bdat, .etrn, .turn, .send, .soml, .saml: throw .notImplemented
        case nil: throw .unrecognized
        }
    }

    private enum Verb: String {
        case ehlo, helo, mail, rcpt, data, rset, noop, quit, vrfy, expn, help
        case starttls, auth, bdat, etrn, turn, send, soml, saml

        init?(_ octets: ArraySlice<UInt8>) {
            guard (4...8).contains(octets.count) else { return nil }
            // Short enough to live inside the String value, so nothing is allocated.
            let word = String(unsafeUninitializedCapacity: octets.count) { buffer in
                for (offset, octet) in octets.enumerated() { buffer[offset] = octet.isLetter ? octet | 0x20 : octet }
                return octets.count
            }
            self.init(rawValue: word)
        }
    }

    private static func mail(_ cursor: OctetCursor) throws(CommandSyntaxError) -> Command {
        var parser = PathParser(cursor)
        parser.cursor.skipSpaces()
        guard parser.cursor.take(word: "FROM:") else { throw .argument(syntax: "MAIL FROM:<address>") }
        parser.cursor.skipSpaces()  // Not in the grammar, but many send it.
        let path: ReversePath
        do { path = try parser.reversePath() } catch { throw .reversePath(error) }
        return .mail(path, try self.parameters(&parser.cursor))
    }

    private static func rcpt(_ cursor: OctetCursor) throws(CommandSyntaxError) -> Command {
        var parser = PathParser(cursor)
        parser.cursor.skipSpaces()
        guard parser.cursor.take(word: "TO:") else { throw .argument(syntax: "RCPT TO:<address>") }
        parser.cursor.skipSpaces()
        let path: ForwardPath
        do { path = try parser.forwardPath() } catch { throw .forwardPath(error) }
        return .rcpt(path, try self.parameters(&parser.cursor))
    }

    /// `*(SP keyword ["=" value])` (§4.1.2). A value in xtext stays as it is.
    private static func parameters(_ cursor: inout OctetCursor) throws(CommandSyntaxError) -> [Parameter] {
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
                guard !cursor.take(while: { $0.isVisible && $0 != UInt8(ascii: "=") }).isEmpty else {
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

    private static func noArgument(_ cursor: inout OctetCursor, syntax: String) throws(CommandSyntaxError) {
        cursor.skipSpaces()
        guard cursor.isAtEnd else { throw .argument(syntax: syntax) }
    }

    private static func string(_ cursor: inout OctetCursor, syntax: String) throws(CommandSyntaxError) -> String {
        guard let text = self.string(&cursor) else { throw .argument(syntax: syntax) }
        return text
    }

    private static func string(_ cursor: inout OctetCursor) -> String? {
        cursor.skipSpaces()
        return cursor.isAtEnd ? nil : String(decoding: cursor.rest, as: UTF8.self)
    }
}
