/// Which runs of four and of six octets occur in the texts of a block, capital letters made small, so that a search passes over
/// blocks that cannot have a word: each run has one bit.
///
/// Some 12,000 runs of four are in 500 entries, so that one that is not there has its bit set once in five times, and five of
/// them once in some thousands. Digits have few runs of four, and most blocks have all of them: numbers are told apart by
/// those of six. Both together take the page of the database that the row of a block has for itself.
struct GramFilter: Hashable {
    private static let short = (length: 4, octets: 8192)
    private static let long = (length: 6, octets: 8064)
    private(set) var bits: [UInt8]

    init() { self.bits = [UInt8](repeating: 0, count: Self.short.octets + Self.long.octets) }
    /// - Returns: `nil` where it is none, or one of before there were runs of six.
    init?(_ bits: [UInt8]) {
        guard bits.count == Self.short.octets + Self.long.octets else { return nil }
        self.bits = bits
    }

    /// Where the runs have their bits that end in the last octets of `run`.
    private static func place(short run: UInt64) -> Int { Int((UInt32(truncatingIfNeeded: run) &* 0x9E37_79B1) >> 16) }
    private static func place(long run: UInt64) -> Int {
        let hash = ((run & 0xFFFF_FFFF_FFFF) &* 0x9E37_79B9_7F4A_7C15) >> 32
        return Self.short.octets * 8 + Int((hash &* UInt64(Self.long.octets * 8)) >> 32)
    }

    mutating func insert(_ text: UnsafeRawBufferPointer) {
        guard text.count >= Self.short.length else { return }
        self.bits.withUnsafeMutableBufferPointer { bits in
            func set(_ bit: Int) { bits[bit >> 3] |= 1 << UInt8(bit & 7) }
            var run: UInt64 = 0
            for place in text.indices {
                run = run << 8 | UInt64(folded(text[place]))
                if place >= Self.short.length - 1 { set(Self.place(short: run)) }
                if place >= Self.long.length - 1 { set(Self.place(long: run)) }
            }
        }
    }

    /// Inserts what the text does not begin and end with as another one does whose runs are in the filter. Addresses that follow
    /// each other mostly have their domain in common.
    mutating func insert(_ text: UnsafeRawBufferPointer, butFor known: UnsafeRawBufferPointer) {
        let shorter = min(text.count, known.count)
        var start = 0
        while start < shorter, text[start] == known[start] { start += 1 }
        var end = 0
        while end < shorter - start, text[text.count - 1 - end] == known[known.count - 1 - end] { end += 1 }
        // All runs that reach into what is between.
        let reach = Self.long.length - 1
        self.insert(
            UnsafeRawBufferPointer(rebasing: text[max(start - reach, 0)..<min(text.count - end + reach, text.count)]))
    }

    /// Whether the text may be part of one that was inserted; one that is too short always may.
    ///
    /// - Parameter bits: of a filter, also of one of before there were runs of six.
    static func mayContain(_ text: [UInt8], _ bits: UnsafeRawBufferPointer) -> Bool {
        let hasLong = bits.count == Self.short.octets + Self.long.octets
        guard hasLong || bits.count == Self.short.octets, text.count >= Self.short.length else { return true }
        func has(_ bit: Int) -> Bool { bits[bit >> 3] & 1 << UInt8(bit & 7) != 0 }
        var run: UInt64 = 0
        for place in text.indices {
            run = run << 8 | UInt64(folded(text[place]))
            if place >= Self.short.length - 1, !has(Self.place(short: run)) { return false }
            if hasLong, place >= Self.long.length - 1, !has(Self.place(long: run)) { return false }
        }
        return true
    }
}

/// A capital letter of ASCII made small.
@inline(__always)
func folded(_ octet: UInt8) -> UInt8 { (0x41...0x5A).contains(octet) ? octet | 0x20 : octet }
