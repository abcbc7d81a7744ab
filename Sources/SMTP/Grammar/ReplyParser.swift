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

    /// Octets that were not looked at yet, or make no line.
    var readableOctets: Int { self.input.readableOctets }

    public mutating func append(_ buffer: ByteBuffer) { self.input.append(buffer) }

    /// Forgets everything.
    public mutating func clear() {
        self.input.clear()
        self.partial = nil
    }

    /// The next complete reply; `nil` until more octets come. After an error nothing sensible can follow.
    public mutating func next() throws(ReplySyntaxError) -> Reply? {
        while let line = self.input.nextLine() {
            let known = self.partial?.reply
            guard let line = line.octets.withUnsafeReadableBytes({ ReplyLine($0, after: known) }) else { throw .line }
            try self.append(line)
            if !line.isLast { continue }
            return self.partial.take()?.reply
        }
        return nil
    }

    private mutating func append(_ line: ReplyLine) throws(ReplySyntaxError) {
        guard let partial = self.partial else {
            self.partial = Partial(reply: Reply(line.code, line.enhanced, line.text), octets: line.octets)
            return
        }
        guard partial.reply.code == line.code else { throw .mixedCodes }
        guard partial.reply.lines.count < Self.linesLimit, partial.octets + line.octets <= Self.octetsLimit else {
            return
        }
        self.partial?.octets += line.octets
        self.partial?.reply.lines.append(line.text)
    }
}

/// One line of a reply: a code, what tells whether it is the last, and text.
private struct ReplyLine {
    let code: ReplyCode
    let isLast: Bool
    let enhanced: EnhancedStatusCode?
    /// The text without the enhanced status code, which is repeated on each line (RFC 2034 §4).
    let text: String
    /// Octets of the text as it came.
    let octets: Int

    /// - Parameter reply: the lines before it.
    /// - Returns: `nil` for what does not start like a reply.
    init?(_ line: UnsafeRawBufferPointer, after reply: Reply?) {
        guard line.count >= 3, line[..<3].allSatisfy(\.isDigit), 0x32...0x35 ~= line[0],
            line.count == 3 || line[3] == .space || line[3] == .hyphen
        else { return nil }
        self.code = ReplyCode(rawValue: line[..<3].reduce(0) { $0 * 10 + UInt16($1 - 0x30) })
        self.isLast = line.count == 3 || line[3] == .space
        var text = line.dropFirst(4)
        self.octets = text.count
        let found = EnhancedStatusCode.prefix(of: text)
        if let found,
            reply == nil ? UInt16(found.code.class) == self.code.rawValue / 100 : found.code == reply?.enhanced
        {
            self.enhanced = found.code
            text = text.dropFirst(found.octets + 1)
        } else {
            self.enhanced = nil
        }
        self.text = String(decoding: text, as: UTF8.self)
    }
}
