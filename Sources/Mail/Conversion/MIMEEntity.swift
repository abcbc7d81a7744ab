/// What the header of an entity says about its body (RFC 2045 §3).
struct MIMEEntity: Sendable {
    enum Encoding: Sendable { case sevenBit, eightBit, binary, quotedPrintable, base64, unknown }

    enum Kind: Sendable, Equatable {
        case leaf(isText: Bool)
        case multipart(boundary: [UInt8], isDigest: Bool)
        /// Another entity's header begins where its body does (RFC 2046 §5.2.1, RFC 6532 §3.7).
        case message
        /// What may not be changed, whatever is in it.
        case sealed(SevenBitInspection.Obstacle)
    }

    var kind: Kind
    var encoding = Encoding.sevenBit
    var hasVersion = false
    var hasType = false
    var hasEncoding = false

    /// It has the header of a message, not of a part.
    let isMessage: Bool

    init(isInDigest: Bool = false, isMessage: Bool) {
        self.kind = isInDigest ? .message : .leaf(isText: true)
        self.isMessage = isMessage
    }

    /// - Parameter field: whole, without its last CRLF. The first one of a name counts.
    mutating func take(_ field: [UInt8]) {
        guard let colon = field.firstIndex(of: UInt8(ascii: ":")) else { return }
        let value = field[(colon + 1)...]
        switch String(decoding: field[..<colon], as: UTF8.self).trimmingSpaces.lowercased() {
        case "mime-version": self.hasVersion = true
        case "content-type" where !self.hasType:
            self.hasType = true
            self.kind = Self.kind(value)
        case "content-transfer-encoding" where !self.hasEncoding:
            self.hasEncoding = true
            self.encoding = Self.encoding(value)
        default: break
        }
    }

    /// An encoded container is against RFC 2045 §6.4 but for message/global; it is a leaf like any other.
    mutating func headerEnded() {
        switch (self.kind, self.encoding) {
        case (.multipart, .quotedPrintable), (.multipart, .base64), (.multipart, .unknown),
            (.message, .quotedPrintable), (.message, .base64), (.message, .unknown):
            self.kind = .leaf(isText: false)
        case (.leaf, _), (.sealed, _), (.multipart, _), (.message, _): break
        }
    }

    private static func encoding(_ value: ArraySlice<UInt8>) -> Encoding {
        switch Self.tokens(value).first.map({ String(decoding: $0, as: UTF8.self).lowercased() }) {
        case "7bit", nil: .sevenBit
        case "8bit": .eightBit
        case "binary": .binary
        case "quoted-printable": .quotedPrintable
        case "base64": .base64
        default: .unknown
        }
    }

    private static func kind(_ value: ArraySlice<UInt8>) -> Kind {
        let tokens = Self.tokens(value)
        func word(_ index: Int) -> String? {
            tokens.indices.contains(index) ? String(decoding: tokens[index], as: UTF8.self).lowercased() : nil
        }
        guard let type = word(0), word(1) == "/", let subtype = word(2) else { return .leaf(isText: true) }
        switch (type, subtype) {
        case ("multipart", "signed"), ("multipart", "encrypted"), ("application", "pkcs7-mime"),
            ("application", "x-pkcs7-mime"):
            return .sealed(.signed)
        case ("message", "partial"): return .sealed(.malformed)  // RFC 2046 §5.2.2: 7bit, always.
        case ("message", "rfc822"), ("message", "global"), ("message", "news"): return .message
        case ("message", _): return .sealed(.malformed)  // RFC 2045 §6.4: no encoding for it.
        case ("multipart", _):
            let name = tokens.indices.first { word($0) == "boundary" && word($0 + 1) == "=" && word($0 - 1) == ";" }
            guard let name, tokens.indices.contains(name + 2), (1...70).contains(tokens[name + 2].count) else {
                return .sealed(.malformed)
            }
            return .multipart(boundary: tokens[name + 2], isDigest: subtype == "digest")
        default: return .leaf(isText: type == "text")
        }
    }

    /// Tokens, quoted strings without their quotes, and each special by itself; no comments (RFC 2045 §5.1). A value
    /// without quotes goes up to white space or a semicolon, since many write `boundary=----=_Part_1`.
    static func tokens(_ value: ArraySlice<UInt8>) -> [[UInt8]] {
        var tokens: [[UInt8]] = []
        var token: [UInt8] = []
        var depth = 0
        var isQuoted = false
        var isEscaped = false
        func end() {
            if !token.isEmpty { tokens.append(token) }
            token = []
        }
        for octet in value where octet != 0x0D && octet != 0x0A {
            if isEscaped {
                isEscaped = false
                if depth == 0 { token.append(octet) }
            } else if octet == UInt8(ascii: "\\"), isQuoted || depth > 0 {
                isEscaped = true
            } else if octet == UInt8(ascii: "\""), depth == 0 {
                isQuoted.toggle()
                if !isQuoted, token.isEmpty { tokens.append([]) } else { end() }
            } else if isQuoted {
                token.append(octet)
            } else if octet == UInt8(ascii: "(") {
                end()
                depth += 1
            } else if octet == UInt8(ascii: ")") {
                depth = max(depth - 1, 0)
            } else if depth == 0 {
                switch octet {
                case 0x20, 0x09: end()
                case UInt8(ascii: "/"), UInt8(ascii: "="):
                    guard tokens.last != [UInt8(ascii: "=")] else {
                        token.append(octet)
                        break
                    }
                    end()
                    tokens.append([octet])
                case UInt8(ascii: ";"):
                    end()
                    tokens.append([octet])
                default: token.append(octet)
                }
            }
        }
        end()
        return tokens
    }
}
