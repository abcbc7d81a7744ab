import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import Relay
import Spool

/// A line for each thing that happened to mail or was done to the node, as `serve` logs it. It reads the facts, so that it loses
/// none and nothing that moves mail waits for it.
struct MailLog: Sendable {
    private static let page = 1000

    let engine: Engine
    let output: LogOutput
    let log: Logger
    /// What happened to mail is not told, but for how much of it operators did away with.
    let leavesOutMail: Bool
    /// The trouble is told once, however often it is tried again.
    private let isFailing = NIOLockedValueBox(false)
    /// Messages of which something is settled, and that were still queued when they were looked for.
    private let unfinished = NIOLockedValueBox(UnfinishedMessages())
    private let arrivals = NIOLockedValueBox(RecentArrivals())

    init(_ engine: Engine, _ output: LogOutput, leavesOutMail: Bool, log: Logger) {
        self.engine = engine
        self.output = output
        self.log = log
        self.leavesOutMail = leavesOutMail
    }

    /// Follows until nothing more can happen or the task is cancelled.
    ///
    /// - Returns: the place behind those that were told.
    func follow(from place: LogPlace) async -> (end: FactCursor, place: LogPlace) {
        let changes = self.engine.relay.feed(user: "log").changes()
        var last = await self.tell(after: place.start)
        await place.reached(last)
        for await _ in changes {
            last = await self.tell(after: last)
            await place.reached(last)
        }
        return (last, place)
    }

    /// Tells what happened since.
    func tell(after cursor: FactCursor) async -> FactCursor {
        var last = cursor
        var removals = Removals()
        do {
            while true {
                let page = try await self.engine.spool.facts(after: last, count: Self.page)
                self.isFailing.withLockedValue { $0 = false }
                if page.isEmpty {
                    await self.tellRemoved(behind: [])
                    await self.tell(removals)
                    return last
                }
                if page.missing > 0 { self.log.warning("facts were gone before they were logged: \(page.missing)") }
                if self.leavesOutMail {
                    for row in page.rows { removals.add(row) }
                    // Of facts about mail that are not told none is copied.
                    await self.tell(page.rows.lazy.filter { $0.fact.kind.isAboutNode }.map { $0.fact })
                } else {
                    await self.tell(page.facts)
                }
                last = page.end
                if page.count < Self.page {
                    await self.tell(removals)
                    return last
                }
            }
        } catch {
            let wasFailing = self.isFailing.withLockedValue { isFailing in
                defer { isFailing = true }
                return isFailing
            }
            if !wasFailing { self.log.error("facts could not be read", metadata: ["error": "\(error)"]) }
            await self.tell(removals)
            return last
        }
    }

    private func tell(_ facts: [Fact]) async {
        let format = self.output.format
        let counts = format == .postfix ? await self.recipients(of: facts) : [:]
        var lines = ""
        for fact in facts {
            // What is refused is logged by the session that refused it, each time.
            // What is done to another node that node logs.
            guard fact.kind != .refused, fact.concerns(node: self.engine.relay.node),
                self.output.level(of: fact.kind.part) <= fact.kind.level
            else { continue }
            var entry = LogEntry(fact)
            if format == .postfix, let id = fact.message {
                entry.recipients = counts[id]
                entry.arrived = self.arrivals.withLockedValue { $0.arrival(of: id, seeing: fact) }
            }
            lines += format.lines(entry)
        }
        await self.output.writer.writeAll(lines)
        if format == .postfix { await self.tellRemoved(behind: facts) }
    }

    private func tell(_ removals: Removals) async {
        let format = self.output.format
        let lines = removals.entries.filter { self.output.level(of: $0.part) <= $0.level }.map { format.lines($0) }
        if !lines.isEmpty { await self.output.writer.writeAll(lines.joined()) }
    }

    // MARK: what only Postfix's log has

    /// How many recipients each message that came in has. What is gone from the queue already had those that facts tell of.
    private func recipients(of facts: [Fact]) async -> [QueueID: Int] {
        let accepted = Set(facts.lazy.filter { $0.kind == .accepted }.compactMap(\.message))
        guard !accepted.isEmpty else { return [:] }
        var counts = await self.engine.relay.recipients(of: Array(accepted))
        var told: [QueueID: Set<Int>] = [:]
        for fact in facts {
            guard let id = fact.message, accepted.contains(id), counts[id] == nil, let recipient = fact.recipient else {
                continue
            }
            told[id, default: []].insert(recipient)
        }
        counts.merge(told.mapValues(\.count)) { known, _ in known }
        return counts
    }

    /// A message is removed when nothing of it is queued any more. A fact may be read before the queue knows of it, and the
    /// message is looked for again then.
    private func tellRemoved(behind facts: [Fact]) async {
        let settled = facts.lazy.filter(\.kind.settles).compactMap(\.message)
        let candidates = self.unfinished.withLockedValue { $0.take(with: settled) }
        guard !candidates.isEmpty, self.output.level(of: .delivery) <= .info else { return }
        let queued = await self.engine.relay.recipients(of: candidates)
        self.unfinished.withLockedValue { $0.add(candidates.filter { queued[$0] != nil }) }
        let lines = candidates.filter { queued[$0] == nil }.map { PostfixForm.removed($0, at: .now) }
        await self.output.writer.writeAll(lines.joined())
    }
}

/// Mail that operators dropped, purged or bounced: a line for each of them and each way, where recipients have no lines.
private struct Removals {
    private struct Deed: Hashable {
        var kind: FactKind
        var actor: String
    }
    private struct Extent {
        var recipients: Int64 = 0
        var messages: Set<QueueID> = []
        /// Of the last one.
        var at: Timestamp
    }
    private var extents: [Deed: Extent] = [:]

    mutating func add(_ row: SharedFact) {
        let fact = row.fact
        guard fact.kind == .dropped || fact.kind == .purged || fact.kind == .bounced, let actor = fact.actor else {
            return
        }
        let deed = Deed(kind: fact.kind, actor: actor)
        // Taken out meanwhile, so that its set has one owner.
        var extent = self.extents.removeValue(forKey: deed) ?? Extent(at: fact.at)
        extent.recipients += Int64(row.count)
        if let message = fact.message { extent.messages.insert(message) }
        extent.at = fact.at
        self.extents[deed] = extent
    }

    var entries: [LogEntry] {
        self.extents.sorted { $0.value.at < $1.value.at }.map { deed, extent in
            LogEntry(
                at: extent.at, level: .notice, part: deed.kind.part, event: deed.kind.rawValue,
                fields: [
                    ("recipients", .number(extent.recipients)), ("messages", .number(Int64(extent.messages.count))),
                    ("actor", .text(deed.actor)),
                ])
        }
    }
}

/// Messages in the order in which they came here, within bounds.
private struct UnfinishedMessages {
    private static let limit = 100_000
    private var messages: Set<QueueID> = []

    mutating func add(_ more: [QueueID]) {
        // Those beyond it end without a line that says so.
        for id in more where self.messages.count < Self.limit { self.messages.insert(id) }
    }

    mutating func take(with more: some Sequence<QueueID>) -> [QueueID] {
        defer { self.messages = [] }
        return self.messages.union(more).sorted()
    }
}

/// When messages came in of late, to the millisecond: of ten thousand at least.
private struct RecentArrivals {
    private static let generation = 10_000
    private var new: [QueueID: Timestamp] = [:]
    private var old: [QueueID: Timestamp] = [:]

    mutating func arrival(of id: QueueID, seeing fact: Fact) -> Timestamp? {
        if fact.kind == .accepted {
            if self.new.count >= Self.generation {
                self.old = self.new
                self.new = [:]
            }
            self.new[id] = fact.at
        }
        return self.new[id] ?? self.old[id]
    }
}
