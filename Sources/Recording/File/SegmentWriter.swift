import CZlib
import Glibc

/// Compresses the lines of one segment (RFC 1951). What is flushed can be read, whatever comes after.
final class SegmentWriter {
    private var stream = z_stream()
    private var checksum: UInt
    private(set) var octetsIn = 0
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)

    /// - Throws: ``RecordingError`` where there is no memory.
    init() throws {
        self.checksum = crc32(0, nil, 0)
        // Without a header of zlib's, as a member of gzip has its own.
        guard
            deflateInit2_(
                &self.stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                CInt(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw RecordingError("there is no memory to compress with") }
    }
    deinit { deflateEnd(&self.stream) }

    /// - Returns: what is to be written for it, up to its last octet.
    func flushed(_ lines: [UInt8]) -> [UInt8] { self.deflated(lines, Z_SYNC_FLUSH) }

    /// The end of the member.
    func ended() -> [UInt8] {
        self.deflated([], Z_FINISH) + Segment.octets(of: Int64(self.checksum)).prefix(4)
            + Segment.octets(of: Int64(self.octetsIn)).prefix(4)
    }

    private func deflated(_ lines: [UInt8], _ flush: CInt) -> [UInt8] {
        self.octetsIn += lines.count
        var lines = lines
        var output: [UInt8] = []
        lines.withUnsafeMutableBufferPointer { lines in
            self.checksum = crc32(self.checksum, lines.baseAddress, UInt32(lines.count))
            self.stream.next_in = lines.baseAddress
            self.stream.avail_in = UInt32(lines.count)
            repeat {
                self.buffer.withUnsafeMutableBufferPointer { buffer in
                    self.stream.next_out = buffer.baseAddress
                    self.stream.avail_out = UInt32(buffer.count)
                    deflate(&self.stream, flush)
                }
                output += self.buffer.dropLast(Int(self.stream.avail_out))
                // A buffer that was filled to its end may not have been enough.
            } while self.stream.avail_out == 0
        }
        return output
    }
}
