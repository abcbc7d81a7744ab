import Foundation

/// Whether the files of the theme that is shown were written since they were read.
struct ThemeWatch: Sendable {
    /// As it was asked for: a name, a path, or one over the other.
    let name: String
    private let files: [String]
    private var written: [Date?]

    init(_ name: String, files: [String]) {
        self.name = name
        self.files = files
        self.written = files.map(Self.time)
    }

    /// Tells each change once, and nothing while an editor has the file away.
    mutating func hasChanged() -> Bool {
        let now = self.files.map(Self.time)
        guard now != self.written, now.allSatisfy({ $0 != nil }) else { return false }
        self.written = now
        return true
    }

    private static func time(_ path: String) -> Date? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
    }
}
