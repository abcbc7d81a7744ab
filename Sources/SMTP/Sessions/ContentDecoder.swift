import NIOCore

/// Takes mail data off the wire (RFC 5321 §4.5.2): finds its end, removes stuffed dots, makes every line end CRLF.
///
/// Only CRLF.CRLF ends it. A bare CR or LF becomes CRLF, but what follows it is no line start of the wire's: a dot there is
/// content, never the end and never stuffing. Whoever smuggles with `\n.\n` (CVE-2023-51764 to 51766) gets a line with a
/// dot in it, which the sender stuffs.
struct ContentDecoder: Sendable {
    private enum Place: Sendable {
        case lineStart  // Behind a true CRLF, or at the first octet.
        case dot  // A dot at such a start; not passed on yet.
        case dotCR  // And a CR behind it: LF ends the data.
        case text
        case cr  // A CR that may be half a line end.
    }
    private var place = Place.lineStart

    /// - Returns: the decoded octets of all of `input` up to the end, and whether the end was reached. What is behind
    ///   the end stays in `input`.
    mutating func decode(_ input: inout ByteBuffer) -> (content: ByteBuffer, isEnd: Bool) {
        var content = ByteBuffer()
        content.reserveCapacity(input.readableBytes + 8)
        var place = self.place
        var isEnd = false
        let taken = input.withUnsafeReadableBytes { octets in
            var index = 0
            while index < octets.count, !isEnd {
                let octet = octets[index]
                switch place {
                case .lineStart:
                    if octet == .dot {
                        place = .dot
                        index += 1
                    } else {
                        place = .text
                    }
                case .dot:
                    if octet == .cr {
                        place = .dotCR
                        index += 1
                    } else {
                        // `.LF` is not the end, so its dot stays, to be seen.
                        if octet == .lf { content.writeInteger(UInt8.dot) }
                        place = .text
                    }
                case .dotCR:
                    if octet == .lf {
                        isEnd = true
                        index += 1
                    } else {
                        content.writeStaticString(".\r\n")
                        place = .text
                    }
                case .text:
                    var end = index
                    while end < octets.count, octets[end] != .cr, octets[end] != .lf { end += 1 }
                    content.writeBytes(octets[index..<end])
                    index = end
                    guard index < octets.count else { break }
                    if octets[index] == .cr { place = .cr } else { content.writeStaticString("\r\n") }
                    index += 1
                case .cr:
                    content.writeStaticString("\r\n")
                    if octet == .lf {
                        place = .lineStart
                        index += 1
                    } else {
                        place = .text
                    }
                }
            }
            return index
        }
        input.moveReaderIndex(forwardBy: taken)
        self.place = isEnd ? .lineStart : place
        return (content, isEnd)
    }
}

/// Counts the Received fields of a header as it passes (RFC 5321 §6.3), without keeping any of it.
struct ReceivedCounter: Sendable {
    private static let name = Array("received:".utf8)
    private(set) var count = 0
    private var column = 0
    private var matches = true
    private var isOver = false

    mutating func pass(_ content: ByteBuffer) {
        for octet in content.readableBytesView {
            if self.isOver { return }
            if octet == .lf {
                self.isOver = self.column == 0
                self.column = 0
                self.matches = true
            } else if octet != .cr {
                if self.matches, self.column < Self.name.count {
                    self.matches = (octet.isLetter ? octet | 0x20 : octet) == Self.name[self.column]
                    if self.matches, self.column == Self.name.count - 1 { self.count += 1 }
                }
                self.column += 1
            }
        }
    }
}
