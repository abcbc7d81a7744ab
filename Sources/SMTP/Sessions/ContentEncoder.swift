import NIOCore

/// Puts content on the wire (RFC 5321 §4.5.2): a dot at a line start gets a second one. Content has CRLF line ends only.
struct ContentEncoder: Sendable {
    private var isLineStart = true
    private var lastWasCR = false

    mutating func encode(_ content: ByteBuffer) -> ByteBuffer {
        var wire = ByteBuffer()
        wire.reserveCapacity(content.readableBytes + 16)
        content.withUnsafeReadableBytes { octets in
            var start = 0
            for index in octets.indices {
                let octet = octets[index]
                if octet == .dot, self.isLineStart {
                    wire.writeBytes(octets[start...index])
                    start = index  // The same dot again.
                }
                self.isLineStart = octet == .lf && self.lastWasCR
                self.lastWasCR = octet == .cr
            }
            wire.writeBytes(octets[start...])
        }
        return wire
    }

    /// What comes behind the last octet of content: a line end if it lacks one, and the lone dot.
    var end: String { self.isLineStart ? ".\r\n" : "\r\n.\r\n" }
}
