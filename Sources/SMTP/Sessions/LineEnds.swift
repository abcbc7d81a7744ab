import NIOCore

/// What the two content codecs share.
enum LineEnds {
    /// The index of the next CR or LF at or behind `start`, or the count.
    ///
    /// Eight octets at a time: subtracting from each octet of a word what is one more than a CR borrows where the octet is
    /// a CR or smaller. A borrow can only mark a wrong octet above a right one, so the lowest mark is right. What it marks may
    /// be a TAB or another rare control.
    static func next(in octets: UnsafeRawBufferPointer, from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var index = start
        while index + 8 <= octets.count {
            let word = UInt64(littleEndian: octets.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let marks = (word &- ones &* UInt64(UInt8.cr + 1)) & ~word & (ones &* 0x80)
            if marks == 0 {
                index += 8
                continue
            }
            index += marks.trailingZeroBitCount / 8
            if octets[index] == .cr || octets[index] == .lf { return index }
            index += 1
        }
        while index < octets.count, octets[index] != .cr, octets[index] != .lf { index += 1 }
        return index
    }
}

extension ByteBuffer {
    /// Appends, and where there is nothing yet takes `slice` itself, so that what needs no change is never copied.
    mutating func join(_ slice: ByteBuffer) {
        if self.readableBytes == 0 { self = slice } else { self.writeImmutableBuffer(slice) }
    }

    /// `range` counts from the first readable octet.
    func slice(_ range: Range<Int>) -> ByteBuffer {
        self.getSlice(at: self.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
    }
}
