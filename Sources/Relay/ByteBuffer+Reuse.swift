import NIOCore

extension ByteBuffer {
    /// What is kept for the next words; more than that goes back.
    static let keptOctets = 8 << 10

    /// Takes over the memory of what was written a moment ago, if nothing was put here meanwhile. What the channel could
    /// not write at once keeps its own.
    mutating func reuse(_ written: inout ByteBuffer) {
        guard self.capacity == 0, written.capacity <= Self.keptOctets else { return }
        written.clear()
        swap(&self, &written)
    }
}
