import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers

/// A line for each thing that happened to mail, as `serve` logs it. It reads the facts, so that it loses none and nothing
/// that moves mail waits for it.
struct MailLog: Sendable {
    private static let page = 1000

    let feed: any MonitorFeed
    let log: Logger
    /// The trouble is told once, however often it is tried again.
    private let isFailing = NIOLockedValueBox(false)

    init(feed: any MonitorFeed, log: Logger) {
        self.feed = feed
        self.log = log
    }

    /// Follows until the feed's changes end or the task is cancelled.
    ///
    /// - Parameter cursor: the place behind the facts that are not to be told.
    /// - Returns: the place behind those that were told.
    func follow(after cursor: String) async -> String {
        let changes = self.feed.changes()
        var last = await self.tell(after: cursor)
        for await _ in changes { last = await self.tell(after: last) }
        return last
    }

    /// The place behind all facts there are, so that only what comes is told.
    func newest() async throws -> String { try await self.feed.facts(after: nil, count: 0).end }

    /// Tells what happened since.
    func tell(after cursor: String) async -> String {
        var last = cursor
        do {
            while true {
                let facts = try await self.feed.facts(after: last, count: Self.page)
                self.isFailing.withLockedValue { $0 = false }
                guard !facts.rows.isEmpty else { return last }
                if facts.missing > 0 { self.log.warning("facts were gone before they were logged: \(facts.missing)") }
                let lines = facts.rows.map { SafeLogHandler.line(.info, Self.text(of: $0), at: $0.at) }
                await LogWriter.standardError.writeAll(lines.joined())
                last = facts.end
                if facts.rows.count < Self.page { return last }
            }
        } catch {
            let wasFailing = self.isFailing.withLockedValue { isFailing in
                defer { isFailing = true }
                return isFailing
            }
            if !wasFailing { self.log.error("facts could not be read", metadata: ["error": "\(error)"]) }
            return last
        }
    }

    /// `relayed DGMZ00004 from=<a@b> to=<c@d> via=127.0.0.1:2526 took=12ms reply="250 2.0.0 Ok: queued as 4Q7K"`
    static func text(of fact: FactRow) -> String {
        var words = ""
        words.reserveCapacity(256)
        words += fact.kind.rawValue
        if let message = fact.message { words += " \(message)" }
        if let from = fact.from { words += " from=\(from)" }
        if let to = fact.to { words += " to=\(to)" }
        if let hop = fact.nextHop { words += " via=\(hop)" }
        if let octets = fact.contentOctets { words += " size=\(octets)" }
        if let took = fact.milliseconds { words += " took=\(took)ms" }
        if let text = fact.text {
            switch fact.kind {
            case .accepted: words += " client=\"\(text)\""
            case .deferred, .relayed, .bounced, .expired, .refused: words += " reply=\"\(text)\""
            case .damaged, .held, .released, .rerouted: words += " reason=\"\(text)\""
            case .reported: words += " report=\(text)"
            case .ruleSet, .ruleEnded: words += " rule=\"\(text)\""
            case .dropped, .retried, .restored: words += " \(text)"
            }
        }
        if let actor = fact.actor { words += actor.contains(" ") ? " by=\"\(actor)\"" : " by=\(actor)" }
        return words
    }
}
