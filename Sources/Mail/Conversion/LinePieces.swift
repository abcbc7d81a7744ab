import Glibc

/// Cuts a stream at its CRLFs, and lines that are too long to be held into pieces.
struct LinePieces: Sendable {
    /// Over any line that matters: a delimiter (RFC 2046 §5.1.1), a field's name.
    private static let pieceOctets = 2048

    struct Piece {
        var octets: ArraySlice<UInt8>
        /// Whether a line starts with it.
        var startsLine: Bool
        /// Whether the line's CRLF is at its end.
        var endsLine: Bool
        /// The octets without the CRLF.
        var text: ArraySlice<UInt8> { self.endsLine ? self.octets.dropLast(2) : self.octets }
    }

    private var held: [UInt8] = []
    private var isMidLine = false

    /// Where it cuts depends on the octets alone and not on the chunks, so that two passes see the same.
    mutating func receive(_ octets: some Collection<UInt8>, _ body: (Piece) -> Void) {
        self.held += octets
        let held = self.held
        var start = 0
        while start < held.count {
            let end = Self.lineEnd(held, from: start)
            // Two octets more, so that no CRLF is cut.
            if (end ?? held.count) - start >= Self.pieceOctets + 2 {
                let cut = start + Self.pieceOctets
                body(Piece(octets: held[start..<cut], startsLine: !self.isMidLine, endsLine: false))
                self.isMidLine = true
                start = cut
            } else if let end {
                body(Piece(octets: held[start..<end], startsLine: !self.isMidLine, endsLine: true))
                self.isMidLine = false
                start = end
            } else {
                break
            }
        }
        self.held = Array(held[start...])
    }

    /// The last line, where it has no CRLF.
    mutating func finish(_ body: (Piece) -> Void) {
        let held = self.held
        self.held = []
        guard !held.isEmpty else { return }
        body(Piece(octets: held[...], startsLine: !self.isMidLine, endsLine: false))
    }

    /// The index behind the next CRLF, as far as it matters.
    private static func lineEnd(_ octets: [UInt8], from start: Int) -> Int? {
        octets.withUnsafeBytes { octets in
            guard let base = octets.baseAddress else { return nil }
            let limit = min(octets.count, start + Self.pieceOctets + 2)
            var index = start
            while index < limit, let found = memchr(base + index, 0x0A, limit - index) {
                let place = UnsafeRawPointer(found) - base
                if place > start, octets[place - 1] == 0x0D { return place + 1 }
                index = place + 1
            }
            return nil
        }
    }
}
