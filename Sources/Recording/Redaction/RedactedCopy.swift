import Glibc
import Monitor

/// A recording with other names, made of one that has them.
public enum RedactedCopy {
    /// Reads a recording, segment by segment, and writes it anew with names and content replaced.
    ///
    /// - Parameter path: where no file is.
    /// - Returns: the octets of the new file.
    /// - Throws: ``RecordingError``; also where it was redacted before.
    public static func make(of file: RecordingFile, at path: String) throws -> Int {
        guard !file.header.isRedacted else {
            throw RecordingError("its names were replaced when it was recorded: it can be shared as it is")
        }
        let redactor = Redactor()
        var header = file.header
        header.nodes = header.nodes.map { redactor.host($0) }
        header.isRedacted = true
        let writer = try RecordingWriter(at: path, header, limit: .max, redactor: redactor)
        do { try self.copy(file, to: writer, nodes: header.nodes.count) } catch {
            unlink(path)
            throw error
        }
        return writer.octets
    }

    private static func copy(_ file: RecordingFile, to writer: RecordingWriter, nodes: Int) throws {
        var pictures = (0..<nodes).map { _ in NodePicture() }
        for segment in file.segments.indices {
            for moment in try file.moments(of: segment).moments {
                if moment.isWhole { pictures = (0..<nodes).map { _ in NodePicture() } }
                for line in moment.changes { pictures[line.node].apply(line.change) }
                if moment.isWhole || writer.segments == 0 {
                    try writer.write(whole: pictures, at: moment.at)
                } else {
                    try writer.write(moment.changes, at: moment.at)
                }
            }
        }
        guard writer.segments > 0 else { throw RecordingError("the recording ends before anything was recorded") }
        try writer.end()
    }
}
