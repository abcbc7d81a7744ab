import Logging
import Relay

extension ConfigurationKey<LogConfiguration> {
    static let log: [ConfigurationKey<LogConfiguration>] =
        [
            .word("log.level", "What is logged: this and what is more serious.", \.level),
            .word(
                "log.format",
                "Lines for people; json: an object on each; postfix: as Postfix logs, for what reads that (pflogsumm).",
                \.format),
            .text(
                "log.file", "Where it goes instead of standard error; opened anew at SIGHUP, for logrotate.", "a file",
                example: "\"/var/log/hoptop/hoptop.log\"", \.file),
        ]
        + LogPart.allCases.map { part -> ConfigurationKey<LogConfiguration> in
            .optionalWord(
                "log.levels.\(part.rawValue)", "That of \(part.words).", example: "\"debug\"", \.levels[part])
        }
}

extension LogPart {
    fileprivate var words: String {
        switch self {
        case .main: "starting, stopping and the configuration"
        case .reception: "sessions of clients, and what they are refused"
        case .delivery: "sessions to next hops, and what becomes of mail"
        case .queue: "what operators and standing rules do, and of reports"
        case .spool: "the spool"
        case .dns: "names, and of domains' policies on TLS"
        case .control: "the API and the metrics"
        }
    }
}
