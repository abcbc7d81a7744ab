import Glibc
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
        var time = time_t()
        _ = Glibc.time(&time)
        var parts = tm()
        gmtime_r(&time, &parts)
        var stamp = [CChar](repeating: 0, count: 32)
        strftime(&stamp, stamp.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        let text = SafeText("\(event.level) \(event.message)\(facts)").description
        fputs("\(String(cString: stamp)) \(text)\n", stderr)
    }
}
