import NIOCore

/// Octets that came in and were not read yet, and the lines in them.
///
/// A line ends with CRLF, or with a bare LF: people type at servers through tools that send no CR. Of a line beyond the
/// limit only the start is kept, so one without an end holds no memory.
struct LineBuffer: Sendable {
    struct Line: Sendable {
        /// The line without its end.
        var octets: ByteBuffer
        /// Octets are missing at its end.
        var isCut: Bool
    }

    /// The limit of a line in octets, without CRLF.
    let limit: Int
    private(set) var octets = ByteBuffer()
    /// How many of `octets` are known to hold no LF, so that a line that arrives in crumbs is not searched again.
    private var searched = 0
    /// The start of a line beyond the limit; the rest of it is being passed over.
    private var cut: ByteBuffer?

    init(limit: Int) { self.limit = limit }

    var isEmpty: Bool { self.octets.readableBytes == 0 && self.cut == nil }
    var readableOctets: Int { self.octets.readableBytes }

    mutating func append(_ buffer: ByteBuffer) {
        guard self.octets.readableBytes > 0 else {
            self.octets = buffer
            return
        }
        // A peer that always leaves half a line behind must not make the buffer grow by what was read long ago.
        if self.octets.readerIndex > 32 * 1024 { self.octets.discardReadBytes() }
        self.octets.writeImmutableBuffer(buffer)
    }

    mutating func clear() {
        self.octets = ByteBuffer()
        self.searched = 0
        self.cut = nil
    }

    /// The octets are read as something else than lines: mail data.
    mutating func withOctets<Value>(_ read: (inout ByteBuffer) -> Value) -> Value {
        self.searched = 0
        defer { self.letGo() }
        return read(&self.octets)
    }

    /// Memory with nothing in it is for the next octets to be read into.
    private mutating func letGo() {
        if self.octets.readableBytes == 0 { self.octets = ByteBuffer() }
    }

    mutating func nextLine() -> Line? {
        let view = self.octets.readableBytesView
        guard let end = view.dropFirst(self.searched).firstIndex(of: .lf) else {
            self.passOver()
            return nil
        }
        let length = end - view.startIndex
        self.searched = 0
        var line = self.octets.readSlice(length: length) ?? ByteBuffer()
        self.octets.moveReaderIndex(forwardBy: 1)
        self.letGo()
        if let cut = self.cut.take() { return Line(octets: cut, isCut: true) }
        if line.readableBytesView.last == .cr { line.moveWriterIndex(to: line.writerIndex - 1) }
        guard line.readableBytes <= self.limit else {
            return Line(octets: line.readSlice(length: self.limit) ?? line, isCut: true)
        }
        return Line(octets: line, isCut: false)
    }

    /// There is no end of line yet: lets go of what exceeds the limit.
    private mutating func passOver() {
        self.searched = self.octets.readableBytes
        guard self.cut != nil || self.octets.readableBytes > self.limit + 1 else {  // 1: a CR may be the last.
            // The start of a line may wait long for its end, and must not hold all the memory that it was read into.
            if self.octets.storageCapacity > 4 * self.octets.readableBytes + 1024 {
                self.octets = ByteBuffer(bytes: self.octets.readableBytesView)
            }
            return
        }
        if self.cut == nil { self.cut = ByteBuffer(bytes: self.octets.readableBytesView.prefix(self.limit)) }
        self.octets = ByteBuffer()
        self.searched = 0
    }
}
