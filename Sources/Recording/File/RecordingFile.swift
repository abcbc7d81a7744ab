import Foundation
import Glibc
import Mail
import Monitor

/// A moment of a recording, and what changed then.
struct RecordedMoment: Sendable {
    var at: Timestamp
    /// What follows is all that is known; nothing happened.
    var isWhole: Bool
    var changes: [RecordedLine]
}

/// A recording that is there to be read. Whoever wrote it may have meant harm: what it says is bounded, and no more of it
/// is held than a segment.
public final class RecordingFile: Sendable {
    public let header: RecordingHeader
    private let file: CInt
    private let size: Int
    let segments: [Segment]
    /// Octets at the end that belong to no segment.
    let excess: Int

    /// - Throws: ``RecordingError`` that says why it is no recording, or one that cannot be read here.
    public init(at path: String) throws {
        self.file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard self.file >= 0 else { throw RecordingError.system("\(path) cannot be opened") }
        do {
            var status = stat()
            guard fstat(self.file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw RecordingError("\(path) is no ordinary file: a recording is read at many places")
            }
            self.size = Int(status.st_size)
            (self.segments, self.excess) = Self.segments(of: self.file, size: self.size)
            guard let first = self.segments.first else {
                throw RecordingError("\(path) is no recording of hoptop: hoptop record makes one")
            }
            let end = first.length.map { first.offset + $0 } ?? self.size
            guard let line = try SegmentReader(first, of: self.file, end: end).next() else {
                throw RecordingError("\(path) ends before anything was recorded")
            }
            self.header = try Self.header(line, path)
        } catch {
            close(self.file)
            throw error
        }
    }
    deinit { close(self.file) }

    private static func segments(of file: CInt, size: Int) -> ([Segment], excess: Int) {
        var segments: [Segment] = []
        var offset = 0
        var header = [UInt8](repeating: 0, count: Segment.headerOctets)
        while offset < size {
            guard pread(file, &header, header.count, off_t(offset)) == header.count,
                let segment = Segment(header: header, at: offset),
                segment.begins >= segments.last?.begins ?? segment.begins,
                (segment.length ?? 0) <= size - offset
            else { break }
            segments.append(segment)
            offset = segment.length.map { offset + $0 } ?? size
        }
        return (segments, size - offset)
    }

    private struct Format: Decodable { var recording: Int }

    private static func header(_ line: [UInt8], _ path: String) throws -> RecordingHeader {
        let data = Data(line)
        guard NumberBounds.hold(in: line), let format = try? JSONDecoder().decode(Format.self, from: data) else {
            throw RecordingError("\(path) is no recording of hoptop: its first line is none")
        }
        guard format.recording <= RecordingHeader.newestFormat else {
            throw RecordingError(
                "\(path) has format \(format.recording), and this program reads up to \(RecordingHeader.newestFormat): "
                    + "replay it with a newer hoptop")
        }
        guard let header = try? JSONDecoder().decode(RecordingHeader.self, from: data), !header.nodes.isEmpty,
            header.nodes.count <= 64, header.nodes.allSatisfy({ $0.utf8.count <= 255 })
        else { throw RecordingError("the first line of \(path) is damaged: it does not say what was recorded") }
        return header
    }

    private func reader(_ index: Int) throws -> SegmentReader {
        let segment = self.segments[index]
        return try SegmentReader(
            segment, of: self.file, end: segment.length.map { segment.offset + $0 } ?? self.size)
    }

    /// The moments of a segment, of which the first is whole.
    ///
    /// - Returns: them, and how many lines were not understood or not whole.
    func moments(of index: Int) throws -> (moments: [RecordedMoment], unreadable: Int) {
        let reader = try self.reader(index)
        let decoder = JSONDecoder()
        var moments: [RecordedMoment] = []
        var unreadable = 0
        var isFirst = index == 0
        while let line = reader.next() {
            // The header.
            if isFirst {
                isFirst = false
                continue
            }
            guard NumberBounds.hold(in: line) else {
                unreadable += 1
                continue
            }
            let data = Data(line)
            if data.starts(with: Self.momentBegin), let moment = try? decoder.decode(MomentLine.self, from: data) {
                // Time does not go back, whatever is said.
                let at = max(moment.moment, moments.last?.at ?? self.segments[index].begins)
                moments.append(RecordedMoment(at: at, isWhole: moment.whole == true, changes: []))
            } else if !moments.isEmpty, let line = try? decoder.decode(RecordedLine.self, from: data),
                self.header.nodes.indices.contains(line.node)
            {
                moments[moments.count - 1].changes.append(line)
            } else if !Self.isUnknown(data) {
                unreadable += 1
            }
        }
        return (moments, unreadable + reader.unreadable)
    }

    private static let momentBegin = Data("{\"moment\":".utf8)

    /// A kind of line that a later program added.
    private static func isUnknown(_ data: Data) -> Bool {
        guard let line = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else { return false }
        return line["node"] is Int && !RecordedLine.Key.allCases.contains { $0 != .node && line[$0.rawValue] != nil }
    }
}
