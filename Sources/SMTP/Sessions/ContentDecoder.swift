import NIOCore

/// Mail data on its way in (RFC 5321 §4.5.2): takes the stuffed dots away and finds the lone one.
///
/// Only CRLF ends a line (§2.3.8), so only CRLF.CRLF ends mail data. A bare CR or LF becomes CRLF in what is kept and
/// never takes part in the end: if `\n.\r\n` ended it here while the client went on, or went through to a next hop that
/// ends there, what follows would be a message that nobody sent (CVE-2023-51764 to 51766). Such a lone dot stays as a
/// line of content, and is stuffed on the way out.
struct ContentDecoder: Sendable {
    private enum State: Sendable {
        case lineStart  // Behind a true CRLF, or at the very start. Next: dot, text.
        case dot  // A dot at the start of a line; nobody knows yet which kind. Next: dotCR, text.
        case dotCR  // An LF now ends mail data. Next: complete, text.
        case text  // Anywhere else in a line.
        case cr  // A CR ended the octets at hand, and is not passed on yet.
        case complete
    }

    /// Chunks smaller than this wait for more, so that a client's small writes are not the disk's.
    static let chunkOctets = 16 * 1024

    private var state = State.lineStart
    private var output = ByteBuffer()
    private var trace = ReceivedCounter()
    /// Decoded so far.
    private(set) var octets = 0

    var isComplete: Bool {
        if case .complete = self.state { true } else { false }
    }
    /// How many Received fields the header holds so far.
    var receivedFields: Int { self.trace.count }

    /// Takes octets from `input`: all of them, or those up to the end of mail data.
    mutating func decode(_ input: inout ByteBuffer) {
        guard !self.isComplete, input.readableBytes > 0 else { return }
        let taken = input.withUnsafeReadableBytes { self.decode($0, of: input) }
        input.moveReaderIndex(forwardBy: taken)
    }

    /// The next piece of content, lines ending with CRLF; `nil` while it is worth to wait for more.
    mutating func nextChunk() -> ByteBuffer? {
        let isDue = self.isComplete ? self.output.readableBytes > 0 : self.output.readableBytes >= Self.chunkOctets
        guard isDue else { return nil }
        defer { self.output = ByteBuffer() }
        return self.output
    }

    /// Forgets what is decoded and not taken yet: nobody wants this content.
    mutating func drop() { self.output = ByteBuffer() }

    /// - Returns: how many octets are done with.
    private mutating func decode(_ octets: UnsafeRawBufferPointer, of input: ByteBuffer) -> Int {
        var index = 0
        var start = 0  // From here to `index` octets pass as they are, and go in one piece.
        while index < octets.count {
            switch self.state {
            case .lineStart:
                guard octets[index] == .dot else {
                    self.state = .text
                    continue
                }
                self.pass(octets, start..<index, of: input)
                index += 1
                start = index
                self.state = .dot
            case .dot:
                if octets[index] == .cr {
                    index += 1
                    self.state = .dotCR
                } else if octets[index] == .lf {
                    self.insert(".")
                    self.state = .text  // The LF is bare, and treated there.
                } else {
                    self.state = .text
                }
                start = index
            case .dotCR:
                if octets[index] == .lf {
                    self.state = .complete
                    return index + 1
                }
                self.insert(".\r\n")
                self.state = .text
            case .text:
                index = LineEnds.next(in: octets, from: index)
                guard index < octets.count else { continue }
                if octets[index] == .cr, index + 1 < octets.count, octets[index + 1] == .lf {
                    index += 2
                    self.state = .lineStart
                    continue
                }
                self.pass(octets, start..<index, of: input)
                if octets[index] == .cr { self.state = .cr } else { self.insert("\r\n") }
                index += 1
                start = index
            case .cr:
                self.insert("\r\n")
                if octets[index] == .lf {
                    index += 1
                    start = index
                    self.state = .lineStart
                } else {
                    self.state = .text
                }
            case .complete:
                return index
            }
        }
        self.pass(octets, start..<index, of: input)
        return index
    }

    private mutating func pass(_ octets: UnsafeRawBufferPointer, _ range: Range<Int>, of input: ByteBuffer) {
        guard !range.isEmpty else { return }
        self.trace.scan(UnsafeRawBufferPointer(rebasing: octets[range]))
        self.octets += range.count
        self.output.join(input.slice(range))
    }

    private mutating func insert(_ text: StaticString) {
        text.withUTF8Buffer { self.trace.scan(UnsafeRawBufferPointer($0)) }
        self.octets += text.utf8CodeUnitCount
        self.output.writeStaticString(text)
    }
}

/// Counts the Received fields of a header that passes by: what a mail loop is known by (RFC 5321 §6.3).
struct ReceivedCounter: Sendable {
    private enum State: Sendable {
        case name(matched: Int)  // In a line that so far spells the field's name.
        case line  // In any other line.
        case finished  // Behind the first empty line.
    }

    private var state = State.name(matched: 0)
    private(set) var count = 0

    /// Takes the next octets of the content; its lines end with CRLF.
    mutating func scan(_ octets: UnsafeRawBufferPointer) {
        let name: StaticString = "RECEIVED:"
        var index = 0
        while index < octets.count {
            switch self.state {
            case .finished: return
            case .name(let matched):
                if matched == 0, octets[index] == .cr {
                    self.state = .finished
                } else if octets[index].upper != name.withUTF8Buffer({ $0[matched] }) {
                    self.state = .line
                } else {
                    index += 1
                    let isWhole = matched + 1 == name.utf8CodeUnitCount
                    self.count += isWhole ? 1 : 0
                    self.state = isWhole ? .line : .name(matched: matched + 1)
                }
            case .line:
                index = LineEnds.next(in: octets, from: index)
                guard index < octets.count else { continue }
                if octets[index] == .lf { self.state = .name(matched: 0) }
                index += 1
            }
        }
    }
}
