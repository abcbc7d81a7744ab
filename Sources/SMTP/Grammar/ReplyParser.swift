public import NIOCore

/// Why what a server sent is no reply.
public enum ReplySyntaxError: Error, Equatable, Sendable {
    /// A line does not start with a code of 2yz to 5yz and a space, a hyphen or its end.
    case line
    /// The lines of one reply carry different codes (RFC 5321 §4.2.1).
    case mixedCodes
}

/// Reads replies as they come in (RFC 5321 §4.2.1). However much a server sends, little of it is kept.
public struct ReplyParser: Sendable {
    /// §4.5.3.1.5 says 512; servers exceed it, and a challenge of AUTH may be as long as this (RFC 4954 §4).
    static let lineLimit = 12288
    static let linesLimit = 128
    static let octetsLimit = 64 * 1024

    private var input = LineBuffer(limit: Self.lineLimit)
    /// The lines so far of a reply that is not complete.
    private var partial: Partial?

    private struct Partial: Sendable {
        var reply: Reply
        var octets: Int
    }

    public init() {}

    /// Whether octets are held that did not make a reply yet.
    public var isEmpty: Bool { self.input.isEmpty && self.partial == nil }

    public mutating func append(_ buffer: ByteBuffer) { self.input.append(buffer) }

    /// Forgets everything.
    public mutating func clear() {
        self.input.clear()
        self.partial = nil
    }

    /// The next complete reply; `nil` until more octets come. After an error nothing sensible can follow.
    public mutating func next() throws(ReplySyntaxError) -> Reply? {
        while let line = self.input.nextLine() {
            let octets = line.octets.readableBytesView
            guard let code = Self.code(octets) else { throw .line }
            let text = octets.dropFirst(4)
            try self.append(code, text)
            if octets.dropFirst(3).first == .hyphen { continue }
            return self.partial.take()?.reply
        }
        return nil
    }

    private mutating func append(_ code: ReplyCode, _ text: ByteBufferView) throws(ReplySyntaxError) {
        guard self.partial != nil else {
            let enhanced = EnhancedStatusCode.prefix(of: text)?.code
            let matching = enhanced.flatMap { UInt16($0.class) == code.rawValue / 100 ? $0 : nil }
            let reply = Reply(code, matching, Self.text(text, without: matching))
            self.partial = Partial(reply: reply, octets: text.count)
            return
        }
        guard self.partial?.reply.code == code else { throw .mixedCodes }
        guard let partial = self.partial, partial.reply.lines.count < Self.linesLimit,
            partial.octets + text.count <= Self.octetsLimit
        else { return }
        self.partial?.octets += text.count
        self.partial?.reply.lines.append(Self.text(text, without: partial.reply.enhanced))
    }

    private static func code(_ line: ByteBufferView) -> ReplyCode? {
        let digits = line.prefix(3)
        let next = line.dropFirst(3).first
        guard digits.count == 3, digits.allSatisfy(\.isDigit), let first = digits.first, 0x32...0x35 ~= first,
            next == nil || next == .space || next == .hyphen
        else { return nil }
        return ReplyCode(rawValue: digits.reduce(0) { $0 * 10 + UInt16($1 - 0x30) })
    }

    /// The text of a line. `enhanced` is repeated on each of them (RFC 2034 §4), and goes.
    private static func text(_ octets: ByteBufferView, without enhanced: EnhancedStatusCode?) -> String {
        guard let enhanced, let (code, length) = EnhancedStatusCode.prefix(of: octets), code == enhanced else {
            return String(decoding: octets, as: UTF8.self)
        }
        return String(decoding: octets.dropFirst(length + 1), as: UTF8.self)
    }
}
