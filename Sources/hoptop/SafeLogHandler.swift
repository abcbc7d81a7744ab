import Logging
import Mail
import Monitor

/// Log lines on stderr. What peers said can be in them, so everything passes `SafeText` first.
struct SafeLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let metadata = self.metadata.merging(event.metadata ?? [:]) { $1 }
        let facts = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        LogWriter.standardError.write(Self.line(event.level, "\(event.message)\(facts)", at: .now))
    }

    /// `2026-11-25T04:30:00.123Z info …`, with its end.
    static func line(_ level: Logger.Level, _ text: String, at time: Timestamp) -> String {
        "\(time.rfc3339) \(level) \(SafeText.describing(text))\n"
    }
}
