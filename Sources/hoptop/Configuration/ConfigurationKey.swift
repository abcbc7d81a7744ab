import Relay
import SMTP

/// One key of the file: how it is read, written and explained. This table is the whole of what a configuration knows
/// beside `[[listen]]` and `[[route]]`.
struct ConfigurationKey: Sendable {
    enum Value: Sendable {
        case text(String)
        case number(Int)
        case texts([String])
    }
    /// Why a value is not taken: what is allowed.
    struct Refusal: Error {
        var allowed: String
        init(_ allowed: String) { self.allowed = allowed }
    }

    /// `limits.message-size`
    var path: String
    var explanation: String
    var read: @Sendable (inout RelayConfiguration, Value) throws(Refusal) -> Void
    /// As TOML; `nil` when there is nothing to write.
    var write: @Sendable (RelayConfiguration) -> String?

    static let all: [ConfigurationKey] = [
        .init(
            path: "hostname", explanation: "What this relay calls itself in EHLO, Received and reports.",
            read: { configuration, value throws(Refusal) in
                guard case .text(let text) = value, (try? Domain(parsing: text)) != nil else {
                    throw Refusal("a domain name such as \"mx1.example.net\"")
                }
                configuration.hostname = text
            }, write: { quoted($0.hostname) }),
        .init(
            path: "postmaster", explanation: "Where mail for <Postmaster> goes.",
            read: { configuration, value throws(Refusal) in
                guard case .text(let text) = value, let mailbox = try? Mailbox(parsing: text) else {
                    throw Refusal("a mailbox such as \"ops@example.net\"")
                }
                configuration.postmaster = mailbox
            }, write: { $0.postmaster.map { quoted($0.description) } }),
        .init(
            path: "relay.networks", explanation: "Clients that may relay anywhere.",
            read: { configuration, value throws(Refusal) in
                let form = "a list of networks such as [\"127.0.0.0/8\", \"::1/128\"]"
                guard case .texts(let texts) = value else { throw Refusal(form) }
                let networks = texts.map { Network($0) }
                guard !networks.contains(nil) else { throw Refusal(form) }
                configuration.networks = networks.compactMap { $0 }
            }, write: { list($0.networks.map(\.description)) }),
        .init(
            path: "relay.domains", explanation: "Recipients' domains that anyone may send to.",
            read: { configuration, value throws(Refusal) in
                let form = "a list of domains such as [\"example.net\", \"*.example.net\"]"
                guard case .texts(let texts) = value else { throw Refusal(form) }
                let patterns = texts.map { DomainPattern($0) }
                guard !patterns.contains(nil) else { throw Refusal(form) }
                configuration.domains = patterns.compactMap { $0 }
            }, write: { list($0.domains.map(\.description)) }),
        .init(
            path: "relay.source-routes",
            explanation: "Routes such as <@A,@B:u@c>: strip takes them off, honor walks them, reject refuses them.",
            read: { configuration, value throws(Refusal) in
                guard case .text(let text) = value, let mode = RelayConfiguration.SourceRoutes(rawValue: text) else {
                    throw Refusal("\"strip\", \"honor\" or \"reject\"")
                }
                configuration.sourceRoutes = mode
            }, write: { quoted($0.sourceRoutes.rawValue) }),
        .init(
            path: "spool.directory", explanation: "Where mail is kept.",
            read: { configuration, value throws(Refusal) in
                guard case .text(let text) = value, !text.isEmpty else { throw Refusal("a directory") }
                configuration.spoolDirectory = text
            }, write: { quoted($0.spoolDirectory) }),
        .duration("queue.undo", "How long a drop can be taken back.", \.undo),
        .duration("queue.retry.first", "Before the second attempt; doubled with each further one.", \.retry.first),
        .duration("queue.retry.longest", "The longest time between two attempts.", \.retry.longest),
        .duration("queue.retry.give-up", "After that the sender is told that it failed.", \.retry.giveUp),
        .duration(
            "queue.retry.delay-notice", "After that the sender is told of the delay, once; 0s: never.",
            \.retry.delayNotice, least: 0),
        .number("delivery.connections", "Sessions to one next hop at a time.", \.delivery.connections, 1...10_000),
        .number(
            "delivery.recipients", "Recipients in one transaction.", \.delivery.recipientsPerTransaction, 1...10_000),
        .duration("delivery.idle", "How long an open session waits for the next message.", \.timeouts.idle),
        .init(
            path: "limits.message-size", explanation: "Larger messages are refused.",
            read: { configuration, value throws(Refusal) in
                switch value {
                case .text(let text):
                    guard let octets = Quantity.size(text), octets > 0 else { throw Refusal(Quantity.sizeForm) }
                    configuration.limits.messageOctets = octets
                case .number(let octets) where octets > 0: configuration.limits.messageOctets = octets
                case .number, .texts: throw Refusal(Quantity.sizeForm)
                }
            }, write: { quoted(Quantity.text(octets: $0.limits.messageOctets)) }),
        .number(
            "limits.connections", "Inbound sessions in all; 0: what the limit on descriptors allows.",
            \.limits.connections,
            0...1_000_000),
        .number(
            "limits.connections-per-client", "From one address that is not in relay.networks.",
            \.limits.connectionsPerClient, 1...1_000_000),
        .number("limits.recipients", "Recipients of one message.", \.limits.recipients, 100...60_000),
        .number("limits.errors", "Wrong commands in one session.", \.limits.errors, 1...10_000),
        .duration("timeouts.command", "What a client may wait before its next command.", \.timeouts.command),
        .duration("timeouts.data", "Between two pieces of mail data.", \.timeouts.data),
        .duration("timeouts.connect", "For a next hop's host to answer.", \.timeouts.connect),
        .duration("timeouts.reply", "For a reply to a command.", \.timeouts.reply),
        .duration("timeouts.final-reply", "For the reply to the end of mail data.", \.timeouts.finalReply),
    ]

    private static func duration(
        _ path: String, _ explanation: String, _ field: any WritableKeyPath<RelayConfiguration, Int64> & Sendable,
        least: Int64 = 1
    ) -> ConfigurationKey {
        ConfigurationKey(
            path: path, explanation: explanation,
            read: { configuration, value throws(Refusal) in
                guard case .text(let text) = value, let duration = Quantity.duration(text), duration >= least else {
                    throw Refusal(Quantity.durationForm)
                }
                configuration[keyPath: field] = duration
            }, write: { quoted(Quantity.text(milliseconds: $0[keyPath: field])) })
    }

    private static func number(
        _ path: String, _ explanation: String, _ field: any WritableKeyPath<RelayConfiguration, Int> & Sendable,
        _ range: ClosedRange<Int>
    ) -> ConfigurationKey {
        ConfigurationKey(
            path: path, explanation: explanation,
            read: { configuration, value throws(Refusal) in
                guard case .number(let number) = value, range.contains(number) else {
                    throw Refusal("a number from \(range.lowerBound) to \(range.upperBound)")
                }
                configuration[keyPath: field] = number
            }, write: { "\($0[keyPath: field])" })
    }
}

/// A TOML text.
func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"", "\\": result += "\\\(scalar)"
        case "\u{0}"..<"\u{20}", "\u{7F}":
            let digits = String(scalar.value, radix: 16, uppercase: true)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}

func list(_ texts: [String]) -> String { "[" + texts.map(quoted).joined(separator: ", ") + "]" }
