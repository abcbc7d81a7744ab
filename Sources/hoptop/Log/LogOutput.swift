import Logging
import Mail
import NIOConcurrencyHelpers
import Relay

/// Where the log goes, how it looks, and what of it is wanted; a reload changes all of it. Loggers and facts share one.
final class LogOutput: Sendable {
    private let settings: NIOLockedValueBox<LogConfiguration>
    let writer: LogWriter

    /// - Throws: when the file cannot be written.
    init(_ configuration: LogConfiguration) throws {
        let settings = NIOLockedValueBox(configuration)
        self.settings = settings
        self.writer = try LogWriter(configuration.file) { count in
            settings.withLockedValue { $0.format }
                .lines(LogEntry(at: .now, level: .warning, part: .main, event: "log lines were dropped: \(count)"))
        }
    }

    /// Opens the file anew, under its name as it is now: whoever rotates logs has moved the old one away.
    ///
    /// - Throws: when it cannot be; then the old one goes on.
    func reopen() throws { try self.writer.reopen(self.settings.withLockedValue { $0.file }) }

    /// - Throws: when the file cannot be written; then nothing changes.
    func reload(_ configuration: LogConfiguration) throws {
        if configuration.file != self.settings.withLockedValue({ $0.file }) {
            try self.writer.reopen(configuration.file)
        }
        self.settings.withLockedValue { $0 = configuration }
    }

    func level(of part: LogPart) -> Logger.Level { self.settings.withLockedValue { $0.level(of: part) } }
    var format: LogFormat { self.settings.withLockedValue { $0.format } }

    /// A logger of the part ``LogPart/main``.
    var logger: Logger { Logger(label: "hoptop") { _ in SafeLogHandler(self) } }
}

/// `[log]`: what is logged, how, and where.
struct LogConfiguration: Hashable, Sendable {
    var level = Logger.Level.info
    /// Of parts that have one of their own.
    var levels: [LogPart: Logger.Level] = [:]
    var format = LogFormat.text
    /// `nil`: standard error.
    var file: String?

    func level(of part: LogPart) -> Logger.Level { self.levels[part] ?? self.level }
}
