public import NIOCore

/// Keeps the content of a client apart from the trace field that a relay puts before it (RFC 5321 §4.4).
///
/// Content may begin with anything. White space would continue our field, and plain words would become a broken one, so an
/// empty line goes between, unless a header field or an empty line comes first. Lines that an mbox file puts before a
/// message (`From ann@example.net Mon Jan  5 10:00:00 2026`, also quoted as `>From `) become `X-Mailbox-Line` fields, as
/// Postfix makes them, so that the fields behind them stay fields.
///
/// The decision depends on the first ``lookedAtOctets`` of a line alone, and not on how content is cut into chunks. Behind
/// it each chunk passes as it is.
public struct TraceBoundary: Sendable {
    /// Octets that are held back at most.
    static let lookedAtOctets = 998
    /// Lines that become fields; content that goes on in this way is text.
    static let mailboxLinesLimit = 100

    private enum State: Sendable {
        case undecided  // At the start of the content, or behind an mbox line. Next: mailboxLine, passed.
        case mailboxLine(column: Int, isBehindCR: Bool)  // In such a line. Next: undecided.
        case passed
    }

    private var state = State.undecided
    private var held = ByteBuffer()
    private var mailboxLines = 0

    public init() {}

    /// - Parameter chunk: of content, cut anywhere.
    /// - Returns: what goes behind the trace field next; empty while it is undecided.
    public mutating func receive(_ chunk: ByteBuffer) -> ByteBuffer {
        if case .passed = self.state { return chunk }
        guard self.held.readableBytes > 0 else { return self.separated(chunk, isComplete: false) }
        var input = ByteBuffer()
        swap(&input, &self.held)
        input.writeImmutableBuffer(chunk)
        return self.separated(input, isComplete: false)
    }

    /// The content is complete.
    ///
    /// - Returns: what was held back, and still goes behind the trace field.
    public mutating func finish() -> ByteBuffer {
        var input = ByteBuffer()
        swap(&input, &self.held)
        return input.readableBytes > 0 ? self.separated(input, isComplete: true) : input
    }

    private mutating func separated(_ input: ByteBuffer, isComplete: Bool) -> ByteBuffer {
        var input = input
        var output = ByteBuffer()
        while input.readableBytes > 0 {
            switch self.state {
            case .undecided:
                let isContinuation = self.mailboxLines > 0
                switch Beginning(input, behindMailboxLine: isContinuation, isComplete: isComplete) {
                case nil:
                    self.held = input
                    return output
                case .mailboxLine where self.mailboxLines < Self.mailboxLinesLimit:
                    self.mailboxLines += 1
                    let length = output.writeStaticString("X-Mailbox-Line: ")
                    self.state = .mailboxLine(column: length, isBehindCR: false)
                case .continuation: self.state = .mailboxLine(column: 0, isBehindCR: false)
                case .header: self.state = .passed
                case .text, .mailboxLine:
                    output.writeStaticString("\r\n")
                    self.state = .passed
                }
            case .mailboxLine(let column, let isBehindCR):
                self.passMailboxLine(&input, column, isBehindCR, into: &output)
            case .passed:
                guard output.readableBytes > 0 else { return input }
                output.writeImmutableBuffer(input)
                return output
            }
        }
        return output
    }

    /// Passes octets up to the end of the line. With the name before it the line may be too long, and is folded.
    private mutating func passMailboxLine(
        _ input: inout ByteBuffer, _ column: Int, _ isBehindCR: Bool, into output: inout ByteBuffer
    ) {
        var column = column
        var isBehindCR = isBehindCR
        while let octet: UInt8 = input.readInteger() {
            if isBehindCR, octet == 0x0A {
                output.writeInteger(octet)
                self.state = .undecided
                return
            }
            if column >= 998, octet != 0x0D {
                output.writeStaticString("\r\n ")
                column = 1
            }
            output.writeInteger(octet)
            column += 1
            isBehindCR = octet == 0x0D
        }
        self.state = .mailboxLine(column: column, isBehindCR: isBehindCR)
    }
}

/// How a line begins, where a header is expected.
private enum Beginning {
    /// A field, or the empty line that ends the header.
    case header
    case mailboxLine
    /// White space behind an mbox line, which it continues.
    case continuation
    case text

    /// `nil`: it takes more octets to say.
    init?(_ input: ByteBuffer, behindMailboxLine: Bool, isComplete: Bool) {
        let limit = TraceBoundary.lookedAtOctets
        let beginning = input.withUnsafeReadableBytes { octets in
            Self.find(
                UnsafeRawBufferPointer(rebasing: octets.prefix(limit)), behindMailboxLine: behindMailboxLine,
                isAll: isComplete || octets.count >= limit)
        }
        guard let beginning else { return nil }
        self = beginning
    }

    private static func find(
        _ octets: UnsafeRawBufferPointer, behindMailboxLine: Bool, isAll: Bool
    ) -> Beginning? {
        if octets[0] == 0x0D {
            guard octets.count > 1 else { return isAll ? .text : nil }
            return octets[1] == 0x0A ? .header : .text
        }
        if behindMailboxLine, self.isWhiteSpace(octets[0]) { return .continuation }
        // RFC 5322 §2.2: a name is printable, and §4.5: old programs put white space before the colon.
        let nameEnd = octets.firstIndex { $0 <= 0x20 || $0 >= 0x7F || $0 == 0x3A } ?? octets.count
        guard nameEnd > 0 else { return .text }
        guard nameEnd < octets.count else { return isAll ? .text : nil }
        if octets[nameEnd] == 0x3A { return .header }
        guard self.isWhiteSpace(octets[nameEnd]) else { return .text }
        let isFrom = octets[nameEnd] == 0x20 && octets[..<nameEnd].drop { $0 == 0x3E }.elementsEqual("From".utf8)
        guard let behind = octets[nameEnd...].first(where: { !self.isWhiteSpace($0) }) else {
            return isAll ? (isFrom ? .mailboxLine : .text) : nil
        }
        return behind == 0x3A ? .header : isFrom ? .mailboxLine : .text
    }

    private static func isWhiteSpace(_ octet: UInt8) -> Bool { octet == 0x20 || octet == 0x09 }
}
