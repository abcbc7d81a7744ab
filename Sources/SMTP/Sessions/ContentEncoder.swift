import NIOCore

/// Mail data on its way out (RFC 5321 §4.5.2): doubles the dot that starts a line, unless it goes in chunks, which need
/// no mark for their end (RFC 3030 §2).
///
/// A bare CR or LF leaves as CRLF: what we store has none, but a message of another origin must not end early at a next
/// hop that takes LF for a line's end.
struct ContentEncoder: Sendable {
    private enum State: Sendable {
        case lineStart
        case text
        case cr  // A CR ended the last chunk, and is not passed on yet.
    }

    private let doublesDots: Bool
    private var state = State.lineStart

    init(doublesDots: Bool = true) { self.doublesDots = doublesDots }

    /// - Returns: what to write; `chunk` itself where nothing has to change. May be empty.
    mutating func encode(_ chunk: ByteBuffer) -> ByteBuffer {
        chunk.withUnsafeReadableBytes { self.encode($0, of: chunk) }
    }

    /// The end of the last line, where it has none; the lone dot has to start a line.
    mutating func finish() -> ByteBuffer? {
        switch self.state {
        case .lineStart: return nil
        case .text, .cr:
            self.state = .lineStart
            return ByteBuffer(staticString: "\r\n")
        }
    }

    private mutating func encode(_ octets: UnsafeRawBufferPointer, of chunk: ByteBuffer) -> ByteBuffer {
        var output = ByteBuffer()
        var index = 0
        var start = 0  // From here to `index` octets pass as they are, and go in one piece.
        while index < octets.count {
            switch self.state {
            case .lineStart:
                if self.doublesDots, octets[index] == .dot {
                    output.join(chunk.slice(start..<index))
                    output.writeStaticString(".")
                    start = index
                }
                self.state = .text
            case .text:
                index = LineEnds.next(in: octets, from: index)
                guard index < octets.count else { continue }
                if octets[index] == .cr, index + 1 < octets.count, octets[index + 1] == .lf {
                    index += 2
                    self.state = .lineStart
                    continue
                }
                output.join(chunk.slice(start..<index))
                if octets[index] == .cr {
                    self.state = .cr
                } else {
                    output.writeStaticString("\r\n")
                    self.state = .lineStart
                }
                index += 1
                start = index
            case .cr:
                output.writeStaticString("\r\n")
                if octets[index] == .lf {
                    index += 1
                    start = index
                }
                self.state = .lineStart
            }
        }
        output.join(chunk.slice(start..<index))
        return output
    }
}
