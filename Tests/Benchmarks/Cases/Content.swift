import NIOCore

/// The mail that the cases send.
enum Content {
    /// A header and lines of text, `octets` or some more, with CRLF.
    ///
    /// - Parameter dotEvery: so many lines lie between those that start with a dot; 0: there are none.
    static func text(octets: Int, dotEvery: Int = 0) -> ByteBuffer {
        var buffer = ByteBuffer(
            string: "From: <ann@example.net>\r\nTo: <bob@example.org>\r\nSubject: how much it costs\r\n\r\n")
        var line = 0
        while buffer.readableBytes < octets {
            line += 1
            if dotEvery > 0, line % dotEvery == 0 { buffer.writeStaticString(".") }
            buffer.writeStaticString("The quick brown fox jumps over the lazy dog, and nobody is told how often.\r\n")
        }
        return buffer
    }

    /// `buffer` as a socket gives it: in reads of 64 KiB.
    static func reads(of buffer: ByteBuffer) -> [ByteBuffer] {
        var rest = buffer
        var reads: [ByteBuffer] = []
        while let read = rest.readSlice(length: min(rest.readableBytes, 64 << 10)), read.readableBytes > 0 {
            reads.append(read)
        }
        return reads
    }
}
