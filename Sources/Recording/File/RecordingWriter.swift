import Foundation
import Glibc
import Mail
import Monitor

/// Writes a recording. What was said to have happened by a call that returned is in the file, also over a `kill -9`.
final class RecordingWriter {
    private let file: CInt
    private let path: String
    private let header: RecordingHeader
    private let limit: Int
    private let redactor: Redactor?
    private var segment: (place: Segment, writer: SegmentWriter, wholeOctets: Int)?
    /// Of the file.
    private(set) var octets = 0
    private(set) var segments = 0

    /// A segment whose changes weigh less than this is not ended by them.
    private static let leastChanges = 256 << 10
    /// So that a reader that keeps a segment in memory keeps little.
    private static let mostOctets = Segment.mostOctets / 2

    /// Makes the file, which only its owner can read.
    ///
    /// - Parameter limit: octets that the file may have.
    /// - Throws: ``RecordingError``, also where there is such a file already.
    init(at path: String, _ header: RecordingHeader, limit: Int, redactor: Redactor?) throws {
        self.file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard self.file >= 0 else {
            throw errno == EEXIST
                ? RecordingError("\(path) is there already: name another file, or remove it")
                : RecordingError.system("\(path) cannot be made")
        }
        self.path = path
        self.header = header
        self.limit = limit
        self.redactor = redactor
    }
    deinit { close(self.file) }

    /// The changes since the last whole picture weigh more than it did, or there is none yet.
    var wantsWhole: Bool {
        guard let segment else { return true }
        let changes = segment.writer.octetsIn - segment.wholeOctets
        return changes > max(segment.wholeOctets, Self.leastChanges) || segment.writer.octetsIn > Self.mostOctets
    }
    /// Nothing more fits.
    var isFull: Bool { self.octets >= self.limit }

    /// Begins a segment, which ends the one before.
    func write(whole pictures: [NodePicture], at now: Timestamp) throws {
        try self.endSegment()
        let place = Segment(offset: self.octets, begins: now)
        let writer = try SegmentWriter()
        try self.put(place.header)
        self.segments += 1
        let changes = pictures.enumerated().flatMap { node, picture in
            picture.whole.map { RecordedLine(node: node, change: $0) }
        }
        let header = self.segments == 1 ? try self.line(self.header) : []
        let moment = try self.line(MomentLine(moment: now, whole: true))
        try self.put(writer.flushed(header + moment + self.lines(changes)))
        self.segment = (place, writer, writer.octetsIn)
    }

    func write(_ changes: [RecordedLine], at now: Timestamp) throws {
        guard let writer = self.segment?.writer else { return }
        try self.put(writer.flushed(try self.line(MomentLine(moment: now)) + self.lines(changes)))
    }

    /// Ends the file, and sees to it that it is on the disk.
    func end() throws {
        try self.endSegment()
        guard fsync(self.file) == 0 else { throw RecordingError.system("\(self.path) cannot be synced") }
    }

    private func endSegment() throws {
        guard let segment else { return }
        self.segment = nil
        try self.put(segment.writer.ended())
        // From now on whoever looks for a time finds the next segment without reading this one.
        let length = Segment.octets(of: Int64(self.octets - segment.place.offset))
        let count = pwrite(self.file, length, length.count, off_t(segment.place.offset + Segment.lengthPlace))
        guard count == length.count else { throw RecordingError.system("\(self.path) cannot be written") }
    }

    private func lines(_ changes: [RecordedLine]) throws -> [UInt8] {
        let lines = try self.redactor?.redacted(changes) ?? changes.map { try SafeJSON.encode($0) }
        return lines.flatMap { Array($0) + [UInt8(ascii: "\n")] }
    }

    /// A line that names nobody, or whose names were replaced already.
    private func line(_ value: some Encodable) throws -> [UInt8] {
        Array(try SafeJSON.encode(value)) + [UInt8(ascii: "\n")]
    }

    private func put(_ octets: [UInt8]) throws {
        var rest = octets[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(self.file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw RecordingError.system("\(self.path) cannot be written") }
            self.octets += count
            rest = rest.dropFirst(count)
        }
    }
}
