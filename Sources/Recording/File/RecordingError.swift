import Glibc

/// Why a recording cannot be written or read. The description is one line and says what to do.
public struct RecordingError: Error, Hashable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
    /// What the system says.
    static func system(_ words: String) -> RecordingError {
        RecordingError("\(words): \(String(cString: strerror(errno)))")
    }
}
