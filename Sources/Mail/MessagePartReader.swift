public import NIOCore

/// Finds the parts of a message in its first octets, and reads those that are text. What it takes is bounded, whatever is in
/// there: so many parts, so much text, and no part beyond ``MIMEWalker``'s depth.
public struct MessagePartReader {
    private static let mostParts = 64
    /// Octets of encoded text of all parts together.
    private static let mostText = 24 << 10

    private var parts: [MessagePart] = []
    /// Multiparts with their boundaries, and messages, that are open.
    private var parents: [[UInt8]?] = []
    private var fields = PartFields()
    /// The part whose body is being read.
    private var current: Int?
    private var body: [UInt8] = []
    private var textLeft = Self.mostText

    /// - Parameters:
    ///   - beginning: of the message.
    ///   - isWhole: it is all of it.
    public static func parts(of beginning: ByteBuffer, isWhole: Bool) -> [MessagePart] {
        var reader = MessagePartReader()
        var walker = MIMEWalker()
        walker.receive(beginning.readableBytesView) { reader.take($0) }
        if !isWhole, let current = reader.current { reader.parts[current].isCut = true }
        walker.finish { reader.take($0) }
        return reader.parts
    }

    private mutating func take(_ event: MIMEWalker.Event) {
        switch event {
        case .field(let octets, let startsField): self.fields.take(octets, startsField: startsField)
        case .headerEnd(let entity, _): self.begin(entity)
        case .body(let octets): self.takeBody(octets)
        case .bodyEnd(let entity): self.end(entity)
        case .delimiter(let line): self.close(line)
        case .outside: break
        }
    }

    private mutating func begin(_ entity: MIMEEntity) {
        let fields = self.fields
        self.fields = PartFields()
        self.current = nil
        self.body = []
        defer {
            switch entity.kind {
            case .multipart(let boundary, _): self.parents.append(boundary)
            case .message: self.parents.append(nil)
            case .leaf, .sealed: break
            }
        }
        guard self.parts.count < Self.mostParts else { return }
        self.parts.append(
            MessagePart(
                depth: self.parents.count, type: fields.type ?? "text/plain", charset: fields.charset,
                encoding: entity.encoding.word, name: fields.name))
        switch entity.kind {
        case .leaf, .sealed: self.current = self.parts.count - 1
        case .multipart, .message: break
        }
    }

    private mutating func takeBody(_ octets: ArraySlice<UInt8>) {
        guard let current = self.current else { return }
        self.parts[current].octets += octets.count
        guard self.parts[current].type.hasPrefix("text/") else { return }
        let taken = octets.prefix(self.textLeft)
        self.textLeft -= taken.count
        self.body += taken
        if taken.count < octets.count { self.parts[current].isCut = true }
    }

    private mutating func end(_ entity: MIMEEntity) {
        guard let current = self.current else { return }
        self.current = nil
        let part = self.parts[current]
        guard part.type.hasPrefix("text/") else { return }
        let octets = TransferDecoding.decode(self.body, entity.encoding)
        let text = Charset.decode(octets, part.charset ?? "") ?? Charset.guess(octets)
        let lines = text.replacing("\r\n", with: "\n")
        self.parts[current].text = part.type == "text/html" ? PlainHTML.text(of: lines) : lines
    }

    /// A delimiter closes what is inside its multipart, and the last one that, too.
    private mutating func close(_ line: ArraySlice<UInt8>) {
        let written = line.drop { $0 == 0x0D || $0 == 0x0A }.dropFirst(2)
        for place in self.parents.indices.reversed() {
            guard let boundary = self.parents[place], written.starts(with: boundary) else { continue }
            let isLast = written.dropFirst(boundary.count).starts(with: [0x2D, 0x2D])
            self.parents.removeSubrange((isLast ? place : place + 1)...)
            return
        }
    }
}

extension MIMEEntity.Encoding {
    fileprivate var word: String? {
        switch self {
        case .sevenBit: nil
        case .eightBit: "8bit"
        case .binary: "binary"
        case .quotedPrintable: "quoted-printable"
        case .base64: "base64"
        case .unknown: "unknown"
        }
    }
}

/// What the fields of a part say that a reader wants to know.
private struct PartFields {
    private static let fieldOctets = 2048
    private var field: [UInt8] = []
    private var values: [String: [[UInt8]]] = [:]

    mutating func take(_ octets: ArraySlice<UInt8>, startsField: Bool) {
        if startsField { self.end() }
        self.field += octets.prefix(Self.fieldOctets - self.field.count)
    }

    private mutating func end() {
        guard let colon = self.field.firstIndex(of: UInt8(ascii: ":")) else { return }
        let name = String(decoding: self.field[..<colon], as: UTF8.self).trimmingSpaces.lowercased()
        if ["content-type", "content-disposition"].contains(name), self.values[name] == nil {
            self.values[name] = MIMEEntity.tokens(self.field[(colon + 1)...])
        }
        self.field = []
    }

    private func tokens(_ name: String) -> [[UInt8]] {
        var fields = self
        fields.end()
        return fields.values[name] ?? []
    }

    var type: String? {
        let words = self.tokens("content-type").prefix(3).map { String(decoding: $0, as: UTF8.self).lowercased() }
        return words.count == 3 && words[1] == "/" ? "\(words[0])/\(words[2])" : nil
    }
    var charset: String? { self.parameter("charset", of: "content-type")?.lowercased() }
    var name: String? {
        self.parameter("filename", of: "content-disposition") ?? self.parameter("name", of: "content-type")
    }

    /// A parameter, also in a charset of its own (RFC 2231 §4), or as an encoded word, against RFC 2047 §5 and yet often.
    private func parameter(_ name: String, of field: String) -> String? {
        let tokens = self.tokens(field)
        for place in tokens.indices.dropLast(2) where tokens[place + 1] == [UInt8(ascii: "=")] {
            switch String(decoding: tokens[place], as: UTF8.self).lowercased() {
            case name: return EncodedWord.decode(Charset.guess(tokens[place + 2]))
            case name + "*": return Self.extended(tokens[place + 2])
            default: continue
            }
        }
        return nil
    }

    /// `UTF-8'en'%e2%82%ac`
    private static func extended(_ value: [UInt8]) -> String? {
        let parts = value.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        var octets: [UInt8] = []
        var rest = parts[2]
        while let octet = rest.popFirst() {
            if octet == UInt8(ascii: "%"), let value = TransferDecoding.hexadecimal(rest.prefix(2)) {
                octets.append(value)
                rest = rest.dropFirst(2)
            } else {
                octets.append(octet)
            }
        }
        return Charset.decode(octets, String(decoding: parts[0], as: UTF8.self).lowercased()) ?? Charset.guess(octets)
    }
}
