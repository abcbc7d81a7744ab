/// Which runs of four octets occur in the texts of a block, capital letters made small, so that a search passes over blocks
/// that cannot have a word: 8 KiB in which each run has one bit. Some 12,000 runs are in 500 entries, so that a run that is
/// not there has its bit set once in five times, and five of them once in some thousands.
struct GramFilter: Hashable {
    static let octets = 8192
    static let gram = 4
    private(set) var bits: [UInt8]

    init() { self.bits = [UInt8](repeating: 0, count: Self.octets) }
    /// - Returns: `nil` where it is none.
    init?(_ bits: [UInt8]) {
        guard bits.count == Self.octets else { return nil }
        self.bits = bits
    }

    private static func place(_ gram: UInt32) -> Int { Int((gram &* 0x9E37_79B1) >> 16) }

    mutating func insert(_ text: UnsafeRawBufferPointer) {
        guard text.count >= Self.gram else { return }
        self.bits.withUnsafeMutableBufferPointer { bits in
            var gram: UInt32 = 0
            for place in text.indices {
                gram = gram << 8 | UInt32(folded(text[place]))
                if place < Self.gram - 1 { continue }
                let bit = Self.place(gram)
                bits[bit >> 3] |= 1 << UInt8(bit & 7)
            }
        }
    }

    /// Whether the text may be part of one that was inserted; one that is too short always may.
    ///
    /// - Parameter bits: of a filter.
    static func mayContain(_ text: [UInt8], _ bits: UnsafeRawBufferPointer) -> Bool {
        guard bits.count == Self.octets, text.count >= Self.gram else { return true }
        var gram: UInt32 = 0
        for place in text.indices {
            gram = gram << 8 | UInt32(folded(text[place]))
            if place < Self.gram - 1 { continue }
            let bit = Self.place(gram)
            if bits[bit >> 3] & 1 << UInt8(bit & 7) == 0 { return false }
        }
        return true
    }
}

/// A capital letter of ASCII made small.
@inline(__always)
func folded(_ octet: UInt8) -> UInt8 { (0x41...0x5A).contains(octet) ? octet | 0x20 : octet }
