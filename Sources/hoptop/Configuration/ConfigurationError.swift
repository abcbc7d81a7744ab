/// Mistakes in a configuration. The description has one line for each: file, line, key, what is wrong, what is allowed.
struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    struct Mistake: Equatable, CustomStringConvertible {
        /// A file, or an option of the command line.
        var source: String
        var line: Int?
        var key: String?
        var reason: String

        var description: String {
            let place = self.source + (self.line.map { ":\($0)" } ?? "")
            return "\(place): \(self.key.map { "\($0): " } ?? "")\(self.reason)"
        }
    }
    var mistakes: [Mistake]
    var description: String { self.mistakes.map(\.description).joined(separator: "\n") }
}
