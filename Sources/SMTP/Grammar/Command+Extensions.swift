import NIOCore

/// The arguments of the commands that extensions bring.
extension Command {
    /// `AUTH mechanism [initial-response]`; `=` is a response of no octets (RFC 4954 §4).
    static func auth(_ cursor: inout OctetCursor) throws(CommandSyntaxError) -> Command {
        let syntax = "AUTH mechanism [initial-response]"
        cursor.skipSpaces()
        let start = cursor.index
        let name = cursor.take { $0.isLetterOrDigit || $0 == .hyphen || $0 == UInt8(ascii: "_") }
        guard (1...20).contains(name.count) else { throw .argument(syntax: syntax) }
        let mechanism = cursor.text(from: start).uppercased()
        guard !cursor.isAtEnd else { return .auth(mechanism: mechanism, initialResponse: nil) }
        guard cursor.current == .space || cursor.current == .tab else { throw .argument(syntax: syntax) }
        cursor.skipSpaces()
        let text = cursor.take(while: \.isVisible)
        try self.noArgument(&cursor, syntax: syntax)
        guard !text.isEmpty else { return .auth(mechanism: mechanism, initialResponse: nil) }
        if text.elementsEqual([UInt8(ascii: "=")]) {
            return .auth(mechanism: mechanism, initialResponse: ByteBuffer())
        }
        guard let octets = Base64.decode(text) else { throw .base64 }
        return .auth(mechanism: mechanism, initialResponse: ByteBuffer(bytes: octets))
    }

    /// `BDAT octets [LAST]`, with one to twenty digits (RFC 3030 §2).
    static func bdat(_ cursor: inout OctetCursor) throws(CommandSyntaxError) -> Command {
        cursor.skipSpaces()
        let start = cursor.index
        guard (1...20).contains(cursor.take(while: \.isDigit).count) else { throw .chunkSize }
        let octets = Int(cursor.text(from: start)) ?? .max
        guard !cursor.isAtEnd else { return .bdat(octets: octets, isLast: false) }
        guard cursor.current == .space || cursor.current == .tab else { throw .chunkSize }
        cursor.skipSpaces()
        guard !cursor.isAtEnd else { return .bdat(octets: octets, isLast: false) }
        guard cursor.take(word: "LAST") else { throw .chunkSize }
        cursor.skipSpaces()
        guard cursor.isAtEnd else { throw .chunkSize }
        return .bdat(octets: octets, isLast: true)
    }

    /// `ETRN domain`, `ETRN @domain`, `ETRN #queue` (RFC 1985 §5.3).
    static func etrn(_ cursor: inout OctetCursor) throws(CommandSyntaxError) -> Command {
        let syntax = "ETRN domain, @domain or #queue"
        cursor.skipSpaces()
        if cursor.take(UInt8(ascii: "#")) {
            let start = cursor.index
            guard (1...255).contains(cursor.take(while: \.isVisible).count) else { throw .argument(syntax: syntax) }
            let name = cursor.text(from: start)
            try self.noArgument(&cursor, syntax: syntax)
            return .etrn(.queue(name))
        }
        let withSubdomains = cursor.take(.at)
        var parser = PathParser(cursor)
        let domain: Domain
        do { domain = try parser.domain() } catch { throw .argument(syntax: syntax) }
        try self.noArgument(&parser.cursor, syntax: syntax)
        return .etrn(withSubdomains ? .subdomains(domain) : .domain(domain))
    }

    /// `XCLIENT name=value …`, each name once at most.
    static func attributes(
        _ cursor: inout OctetCursor, of extension: ServiceExtension
    ) throws(CommandSyntaxError) -> ClientAttributes {
        let syntax = CommandSyntaxError.argument(syntax: "\(`extension`.rawValue) name=value")
        let names = ClientAttributes.names(of: `extension`)
        let pairs = try self.parameters(&cursor)
        var attributes = ClientAttributes()
        var seen: Set<String> = []
        for pair in pairs {
            guard let value = pair.value, names.contains(pair.keyword), seen.insert(pair.keyword).inserted,
                attributes.set(pair.keyword, value)
            else { throw syntax }
        }
        guard !pairs.isEmpty else { throw syntax }
        return attributes
    }
}
