public import NIOCore

/// What content is made of, found in one pass while it streams by: which extensions it needs of a next hop.
///
/// The header ends at the first empty line; content without one is all header.
public struct ContentSurvey: Sendable, Equatable {
    /// Octets over 127 in the header: it needs SMTPUTF8 (RFC 6531).
    public private(set) var isHeaderEightBit = false
    /// Octets over 127 behind the header: it needs 8BITMIME (RFC 6152).
    public private(set) var isBodyEightBit = false
    /// NUL needs BINARYMIME (RFC 3030).
    public private(set) var hasNUL = false
    /// A CR that no LF follows.
    public private(set) var hasBareCR = false
    /// An LF that follows no CR.
    public private(set) var hasBareLF = false
    /// Octets of the longest line, without its CRLF.
    public private(set) var longestLineOctets = 0
    public private(set) var contentOctets = 0

    private var lineOctets = 0
    private var isBehindCR = false
    private var isInHeader = true

    public init() {}

    /// Whether it is neither lines of 998 octets at most (RFC 5321 §4.5.3.1.6) nor free of NUL and bare CR and LF.
    public var isBinary: Bool { self.hasNUL || self.hasBareCR || self.hasBareLF || self.longestLineOctets > 998 }

    public mutating func receive(_ chunk: ByteBuffer) {
        chunk.readableBytesView.withUnsafeBytes { self.receive($0) }
    }

    /// The content is complete: a CR at its very end is bare.
    public mutating func finish() {
        if self.isBehindCR { self.endBareCR() }
        self.longestLineOctets = max(self.longestLineOctets, self.lineOctets)
    }

    mutating func receive(_ octets: UnsafeRawBufferPointer) {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let high = ones &* 0x80
        self.contentOctets += octets.count
        var index = 0
        while index < octets.count {
            // Eight octets at a time as in LineEnds; only words with a CR or LF are looked into.
            if index + 8 <= octets.count, !self.isBehindCR {
                let word = octets.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                let cr = word ^ (ones &* 0x0D)
                let lf = word ^ (ones &* 0x0A)
                if ((cr &- ones) & ~cr | (lf &- ones) & ~lf) & high == 0 {
                    if word & high != 0 { self.markEightBit() }
                    if (word &- ones) & ~word & high != 0 { self.hasNUL = true }
                    self.lineOctets += 8
                    index += 8
                    continue
                }
            }
            self.receive(octets[index])
            index += 1
        }
    }

    private mutating func receive(_ octet: UInt8) {
        switch (octet, self.isBehindCR) {
        case (0x0A, true):
            self.isBehindCR = false
            if self.lineOctets == 0 { self.isInHeader = false }
            self.longestLineOctets = max(self.longestLineOctets, self.lineOctets)
            self.lineOctets = 0
        case (0x0D, false): self.isBehindCR = true
        case (0x0D, true): self.endBareCR(next: true)
        case (_, true):
            self.endBareCR()
            self.receive(octet)
        case (_, false):
            self.lineOctets += 1
            if octet >= 0x80 { self.markEightBit() }
            if octet == 0 { self.hasNUL = true }
            if octet == 0x0A { self.hasBareLF = true }
        }
    }

    private mutating func endBareCR(next: Bool = false) {
        self.isBehindCR = next
        self.hasBareCR = true
        self.lineOctets += 1
    }

    private mutating func markEightBit() {
        if self.isInHeader { self.isHeaderEightBit = true } else { self.isBodyEightBit = true }
    }
}
