public import Logging

/// The parts of a relay that log, each at a level of its own.
public enum LogPart: String, Sendable, Hashable, CaseIterable {
    /// Starting, stopping, the configuration.
    case main
    /// Sessions of clients, and what they are refused.
    case reception
    /// Sessions to next hops, and what becomes of mail.
    case delivery
    /// What operators and standing rules do, and reports.
    case queue
    case spool
    /// Names, and policies of domains on TLS.
    case dns
    /// The API and the metrics.
    case control

    /// Where a logger says whose it is.
    public static let key = "part"
}

/// What reception says of sessions, by which forms of the log know it.
public enum ReceptionEvent {
    public static let refused = "refused"
    public static let begun = "session begun"
    public static let ended = "session ended"
}

extension Logger {
    /// The same for a part of the relay.
    public func of(_ part: LogPart) -> Logger {
        var log = self
        log[metadataKey: LogPart.key] = "\(part.rawValue)"
        return log
    }
}
