import Relay

extension ConfigurationKey<RouteDraft> {
    /// The keys of each `[[route]]`.
    static let route = Self.way + Self.limits

    /// What the hosts of a route are spared, and when it is tried again.
    private static let limits: [ConfigurationKey<RouteDraft>] = [
        .count(
            "connections", "Sessions at a time; without it delivery.connections.", example: "5",
            \.limits.connections, 1...10_000),
        .count(
            "messages-per-connection", "Messages in one session, which then ends; without it any number.",
            example: "20", \.limits.messagesPerConnection, 1...1_000_000),
        .init(
            path: "rate", explanation: "Messages in a second (s), minute (m), hour (h) or day (d), evenly spread.",
            read: { route, value throws(Refusal) in
                guard case .text(let text) = value, let rate = Quantity.rate(text) else {
                    throw Refusal(Quantity.rateForm)
                }
                route.limits.rate = rate
            }, write: { $0.limits.rate.map { quoted(Quantity.text($0)) } }, example: "\"600/m\""),
        .init(
            path: "retry", explanation: "In place of what [queue.retry] says: any of its keys.",
            read: { route, value throws(Refusal) in
                let form = "a table of \(Self.retryKeys.map(\.name).joined(separator: ", ")), each "
                guard case .table(let table) = value else { throw Refusal(form + Quantity.durationForm) }
                for (name, text) in table {
                    guard let key = Self.retryKeys.first(where: { $0.name == name }),
                        let duration = Quantity.duration(text), duration >= key.least
                    else { throw Refusal(form + Quantity.durationForm) }
                    route.retry[keyPath: key.field] = duration
                }
            },
            write: { route in
                let words = Self.retryKeys.compactMap { key in
                    route.retry[keyPath: key.field].map { "\(key.name) = \(quoted(Quantity.text(milliseconds: $0)))" }
                }
                return words.isEmpty ? nil : "{ \(words.joined(separator: ", ")) }"
            }, example: "{ first = \"10m\", longest = \"1h\", give-up = \"2d\", delay-notice = \"4h\" }"),
    ]

    private static let retryKeys:
        [(name: String, least: Int64, field: any WritableKeyPath<RouteRetry, Int64?> & Sendable)] = [
            ("first", 1, \.first), ("longest", 1, \.longest), ("give-up", 1, \.giveUp),
            ("delay-notice", 0, \.delayNotice),
        ]

    private static func count(
        _ path: String, _ explanation: String, example: String,
        _ field: any WritableKeyPath<RouteDraft, Int?> & Sendable, _ range: ClosedRange<Int>
    ) -> ConfigurationKey {
        ConfigurationKey(
            path: path, explanation: explanation,
            read: { route, value throws(Refusal) in
                guard case .number(let number) = value, range.contains(number) else {
                    throw Refusal("a number from \(range.lowerBound) to \(range.upperBound)")
                }
                route[keyPath: field] = number
            }, write: { $0[keyPath: field].map { "\($0)" } }, example: example)
    }
}

extension Quantity {
    private static let periods: [(unit: String, milliseconds: Int64)] = [
        ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]
    static let rateForm = "a rate such as \"10/s\", \"600/m\", \"1000/h\" or \"5000/d\""

    static func rate(_ text: String) -> RouteLimits.Rate? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].allSatisfy({ $0.isASCII && $0.isNumber }), let messages = Int(parts[0]),
            (1...1_000_000_000).contains(messages), let period = self.periods.first(where: { $0.unit == parts[1] })
        else { return nil }
        return RouteLimits.Rate(messages: messages, milliseconds: period.milliseconds)
    }

    static func text(_ rate: RouteLimits.Rate) -> String {
        "\(rate.messages)/\(self.periods.first { $0.milliseconds == rate.milliseconds }?.unit ?? "s")"
    }
}
