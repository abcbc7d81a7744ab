import Logging
import Mail
import Relay

/// Lines of the parts of the program.
struct SafeLogHandler: LogHandler {
    private let output: LogOutput
    var metadata: Logger.Metadata = [:] { didSet { self.part = Self.part(self.metadata) } }
    private var part = LogPart.main

    init(_ output: LogOutput) { self.output = output }

    /// The part's as it is now.
    var logLevel: Logger.Level {
        get { self.output.level(of: self.part) }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var metadata = self.metadata.merging(event.metadata ?? [:]) { $1 }
        metadata[LogPart.key] = nil
        let fields = metadata.sorted { $0.key < $1.key }.map {
            (name: $0.key, value: LogEntry.Value.text("\($0.value)"))
        }
        let entry = LogEntry(at: .now, level: event.level, part: self.part, event: "\(event.message)", fields: fields)
        self.output.writer.write(self.output.format.lines(entry))
    }

    private static func part(_ metadata: Logger.Metadata) -> LogPart {
        metadata[LogPart.key].flatMap { LogPart(rawValue: "\($0)") } ?? .main
    }
}
