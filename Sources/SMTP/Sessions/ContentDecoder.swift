import NIOCore

/// Mail data on its way in: behind DATA without its stuffed dots, up to the lone one (RFC 5321 §4.5.2); behind BDAT chunk
/// by chunk (RFC 3030 §2).
///
/// Only CRLF ends a line (§2.3.8), so only CRLF.CRLF ends mail data. A bare CR or LF becomes CRLF in what is kept and
/// never takes part in the end: if `\n.\r\n` ended it here while the client went on, or went through to a next hop that
/// ends there, what follows would be a message that nobody sent (CVE-2023-51764 to 51766). Such a lone dot stays as a
/// line of content, and is stuffed on the way out. Only content that is declared binary passes as it is.
struct ContentDecoder: Sendable {
    enum Framing: Sendable {
        case dot
        case chunks(binary: Bool)
    }

    private struct Faults: OptionSet, Sendable {
        static let bareLineEnd = Faults(rawValue: 1)
        static let longLine = Faults(rawValue: 2)
        let rawValue: UInt8
    }

    private enum State: Sendable {
        case lineStart  // Behind a true CRLF, or at the very start. Next: dot, text.
        case dot  // A dot at the start of a line; nobody knows yet which kind. Next: dotCR, text.
        case dotCR  // An LF now ends mail data. Next: complete, text.
        case text  // Anywhere else in a line.
        case cr  // A CR ended the octets at hand, and is not passed on yet.
        case complete
    }

    /// Chunks smaller than this wait for more, so that a client's small writes are no work for the driver.
    static let chunkOctets = 1024
    /// RFC 5322 §2.1.1, without CRLF.
    static let lineLimit = 998
    /// A line of a body that is longer than this is held back to its end, since it may have to be cut. Any line of a header
    /// is: the white space where it is folded may be anywhere in it.
    private static let heldColumn = 500

    private let framing: Framing
    private let folds: Bool
    private var state = State.lineStart
    private var output = ByteBuffer()
    private var trace = ReceivedCounter()
    /// Octets of the line so far, as it is passed on.
    private var column = 0
    /// Octets of the current chunk that are not read yet.
    private var remaining = 0
    /// Octets of the current chunk in all; 0 behind DATA.
    private(set) var announcedOctets = 0
    /// No mail data follows the current chunk.
    private(set) var isLastChunk: Bool
    /// Decoded so far.
    private(set) var octets = 0
    /// What was not as it should be so far, also where it was mended.
    private var faults: Faults = []

    /// - Parameter folds: whether a line beyond the limit is made into two.
    init(_ framing: Framing = .dot, folds: Bool = true) {
        self.framing = framing
        self.folds = folds
        switch framing {
        case .dot: self.isLastChunk = true
        case .chunks: self.isLastChunk = false
        }
    }

    /// All mail data is decoded.
    var isComplete: Bool {
        if case .complete = self.state { true } else { false }
    }
    /// The chunk, or mail data as a whole, is over: the next octet is a command's.
    var isAtEnd: Bool {
        switch self.framing {
        case .dot: self.isComplete
        case .chunks: self.remaining == 0
        }
    }
    /// A CR or LF stood alone.
    var hasBareLineEnd: Bool { self.faults.contains(.bareLineEnd) }
    /// A line exceeded the limit, also where it was folded.
    var hasLongLine: Bool { self.faults.contains(.longLine) }
    /// How many Received fields the header holds so far.
    var receivedFields: Int { self.trace.count }

    /// Takes the next octets for mail data, so many.
    mutating func beginChunk(octets: Int, isLast: Bool) {
        self.remaining = octets
        self.announcedOctets = octets
        self.isLastChunk = isLast
    }

    /// Takes octets from `input`: all of them, or those up to the end of the chunk or of mail data.
    mutating func decode(_ input: inout ByteBuffer) {
        while self.decodeToFault(&input) {}
    }

    /// The same, but no further than the first fault of a kind that was not met before: which of several faults a client is
    /// told of must not depend on how its octets came in pieces.
    /// - Returns: whether there was one.
    mutating func decodeToFault(_ input: inout ByteBuffer) -> Bool {
        guard !self.isComplete else { return false }
        let faults = self.faults
        switch self.framing {
        case .dot:
            guard input.readableBytes > 0 else { return false }
            let taken = input.withUnsafeReadableBytes { self.decode($0, of: input) }
            input.moveReaderIndex(forwardBy: taken)
        case .chunks(let binary):
            let count = min(self.remaining, input.readableBytes)
            if count > 0 {
                let taken = input.withUnsafeReadableBytes { octets in
                    let octets = UnsafeRawBufferPointer(rebasing: octets.prefix(count))
                    guard binary else { return self.decode(octets, of: input) }
                    self.pass(octets, 0..<count, of: input)
                    return count
                }
                input.moveReaderIndex(forwardBy: taken)
                self.remaining -= taken
            }
            guard self.remaining == 0, self.isLastChunk else { break }
            if case .cr = self.state { self.insertBareLineEnd() }
            self.state = .complete
        }
        return self.faults != faults
    }

    /// The next piece of content; `nil` while it is worth to wait for more.
    mutating func nextChunk() -> ByteBuffer? {
        let isHolding = self.folds && !self.isComplete && (self.column > Self.heldColumn || self.trace.isInHeader)
        let held = isHolding ? min(self.column, self.output.readableBytes) : 0
        let ready = self.output.readableBytes - held
        guard self.isComplete ? ready > 0 : ready >= Self.chunkOctets else { return nil }
        if held > 0 { return self.output.readSlice(length: ready) }
        defer { self.output = ByteBuffer() }
        return self.output
    }

    /// Forgets what is decoded and not taken yet: nobody wants this content.
    mutating func drop() { self.output = ByteBuffer() }

    /// - Returns: how many octets are done with.
    private mutating func decode(_ octets: UnsafeRawBufferPointer, of input: ByteBuffer) -> Int {
        var index = 0
        var start = 0  // From here to `index` octets pass as they are, and go in one piece.
        let faults = self.faults
        while index < octets.count, self.faults == faults {
            switch self.state {
            case .lineStart:
                guard octets[index] == .dot, case .dot = self.framing else {
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
                self.insert(".")
                self.insertBareLineEnd()
                self.state = .text
            case .text:
                let from = index
                index = LineEnds.next(in: octets, from: index)
                self.column += index - from
                if self.column > Self.lineLimit { self.lineIsLong(octets, &start, from, &index, of: input) }
                guard index < octets.count, self.faults == faults else { continue }
                if octets[index] == .cr, index + 1 < octets.count, octets[index + 1] == .lf {
                    index += 2
                    self.column = 0
                    self.state = .lineStart
                    continue
                }
                self.pass(octets, start..<index, of: input)
                if octets[index] == .cr { self.state = .cr } else { self.insertBareLineEnd() }
                index += 1
                start = index
            case .cr:
                if octets[index] == .lf {
                    self.insert("\r\n")
                    self.column = 0
                    index += 1
                    start = index
                    self.state = .lineStart
                } else {
                    self.insertBareLineEnd()
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

    private mutating func insertBareLineEnd() {
        self.insert("\r\n")
        self.column = 0
        self.faults.insert(.bareLineEnd)
    }
}

/// Folding.
extension ContentDecoder {
    /// The octets from `from` up to `end` go beyond the limit, and nothing from `start` on is passed yet.
    /// - Parameter end: moved back to just behind the limit where that is a fault met for the first time.
    private mutating func lineIsLong(
        _ octets: UnsafeRawBufferPointer, _ start: inout Int, _ from: Int, _ end: inout Int, of input: ByteBuffer
    ) {
        let isFirst = !self.hasLongLine
        self.faults.insert(.longLine)
        guard self.folds else {
            if isFirst {
                end -= self.column - Self.lineLimit - 1
                self.column = Self.lineLimit + 1
            }
            return
        }
        self.pass(octets, start..<from, of: input)
        self.column -= end - from
        var index = from
        while index < end {
            if self.column >= Self.lineLimit { self.fold(before: octets[index]) }
            let next = min(end, index + Self.lineLimit - self.column)
            self.pass(octets, index..<next, of: input)
            self.column += next - index
            index = next
        }
        start = end
    }

    /// Ends a line that is full. A field is folded at its last white space, and only where it has none gets a space
    /// more (RFC 5322 §2.2.3); elsewhere the line is cut, though not inside a character.
    private mutating func fold(before next: UInt8) {
        let held = Array(self.output.readableBytesView.suffix(min(self.column, self.output.readableBytes)))
        var tail = held[held.endIndex...]
        var end: StaticString = "\r\n"
        if self.trace.isInHeader {
            let text = held.firstIndex { !Self.isWhiteSpace($0) } ?? held.endIndex
            if let space = held[text...].lastIndex(where: Self.isWhiteSpace) {
                tail = held[space...]
            } else if !Self.isWhiteSpace(next) {
                end = "\r\n "
            }
        }
        if tail.isEmpty, Self.isContinuation(next),
            let lead = held.suffix(3).lastIndex(where: { !Self.isContinuation($0) }), held[lead] >= 0xC0
        {
            tail = held[lead...]
        }
        self.output.moveWriterIndex(to: self.output.writerIndex - tail.count)
        self.output.writeStaticString(end)
        self.output.writeBytes(tail)
        self.octets += end.utf8CodeUnitCount
        self.column = end.utf8CodeUnitCount - 2 + tail.count
    }

    private static func isWhiteSpace(_ octet: UInt8) -> Bool { octet == .space || octet == .tab }
    private static func isContinuation(_ octet: UInt8) -> Bool { octet & 0xC0 == 0x80 }
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

    var isInHeader: Bool {
        if case .finished = self.state { false } else { true }
    }

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
