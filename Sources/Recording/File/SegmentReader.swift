import CZlib
import Glibc

/// The lines of one segment, one after the other.
final class SegmentReader {
    private let file: CInt
    private var stream = z_stream()
    private var place: Int
    private let end: Int
    private var input = [UInt8](repeating: 0, count: 64 << 10)
    private var taken = 0
    private var filled = 0
    private var output = [UInt8](repeating: 0, count: 256 << 10)
    private var buffer: [UInt8] = []
    private var start = 0
    private var isOver = false
    private var octets = 0
    private var lines = 0
    /// Lines that are too long, and octets behind the last line that is whole.
    private(set) var unreadable = 0

    /// - Parameters:
    ///   - file: is read at places, and stays open.
    ///   - end: where the segment ends in it.
    init(_ segment: Segment, of file: CInt, end: Int) throws {
        self.file = file
        self.place = segment.offset + Segment.headerOctets
        self.end = end
        guard inflateInit2_(&self.stream, -15, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw RecordingError("there is no memory to read with")
        }
    }
    deinit { inflateEnd(&self.stream) }

    /// The next line without its end; `nil`: there is none that is whole. What is damaged ends the segment.
    func next() -> [UInt8]? {
        var searched = self.start
        while true {
            if let newline = self.newline(from: searched) {
                let line = Array(self.buffer[self.start..<newline])
                self.start = newline + 1
                searched = self.start
                self.lines += 1
                guard self.lines <= Segment.mostLines else { return self.leave() }
                guard line.count <= Segment.mostLineOctets else {
                    self.unreadable += 1
                    continue
                }
                return line
            }
            if self.start > 0 {
                self.buffer.removeFirst(self.start)
                self.start = 0
            }
            searched = self.buffer.count
            guard !self.isOver, self.buffer.count <= Segment.mostLineOctets, self.octets <= Segment.mostOctets else {
                return self.leave()
            }
            self.inflateMore()
        }
    }

    private func newline(from start: Int) -> Int? {
        self.buffer.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress, start < buffer.count,
                let found = memchr(base + start, CInt(UInt8(ascii: "\n")), buffer.count - start)
            else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }

    private func leave() -> [UInt8]? {
        if self.start < self.buffer.count { self.unreadable += 1 }
        self.buffer = []
        self.start = 0
        self.isOver = true
        return nil
    }

    private func inflateMore() {
        if self.taken == self.filled {
            let wanted = min(self.input.count, self.end - self.place)
            let count = wanted > 0 ? pread(self.file, &self.input, wanted, off_t(self.place)) : 0
            guard count > 0 else {
                self.isOver = true
                return
            }
            self.place += count
            (self.taken, self.filled) = (0, count)
        }
        let status = self.input.withUnsafeMutableBufferPointer { input in
            self.output.withUnsafeMutableBufferPointer { output in
                self.stream.next_in = input.baseAddress.map { $0 + self.taken }
                self.stream.avail_in = UInt32(self.filled - self.taken)
                self.stream.next_out = output.baseAddress
                self.stream.avail_out = UInt32(output.count)
                return inflate(&self.stream, Z_NO_FLUSH)
            }
        }
        self.taken = self.filled - Int(self.stream.avail_in)
        let made = self.output.count - Int(self.stream.avail_out)
        self.octets += made
        self.buffer += self.output.prefix(made)
        if status != Z_OK, status != Z_BUF_ERROR { self.isOver = true }
        // Nothing went in and nothing came out: there is nothing more to be had of it.
        if made == 0, self.taken < self.filled, status == Z_BUF_ERROR { self.isOver = true }
    }
}
