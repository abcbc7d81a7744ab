public import Mail

/// A session of before with the same next hop, or of the same client.
public struct PastSession: Hashable, Sendable {
    public var ref: SessionRef
    /// When it ended, or something of it was written down.
    public var at: Timestamp
    /// How it ended, in words or as the reply says it; hostile until it is `SafeText`.
    public var words: String
    /// Mail went over in it, and nothing went wrong.
    public var isGood: Bool
}

extension MonitorFeed {
    /// Sessions like this one that are over, newest first: those that the node still keeps, then those of its journal.
    public func pastSessions(like row: ConnectionRow, count: Int = 100) async throws -> [PastSession] {
        let kept = try await self.connections(
            ConnectionQuery(filter: row.likeness, descending: true, includesEnded: true),
            window: WindowRequest(.row(number: 0), count: 4 * count))
        var past = kept.rows.compactMap { other -> PastSession? in
            guard let ended = other.ended, other.direction == row.direction, other.ref != row.ref else { return nil }
            return PastSession(
                ref: other.ref, at: ended, words: other.outcomeWords,
                isGood: other.messages > 0 && other.remark == nil)
        }
        // A node without a journal has the others only.
        let written = row.direction == .outbound ? (try? await self.writtenSessions(with: row, count: count)) ?? [] : []
        var known = Set(past.map(\.ref) + [row.ref])
        past += written.filter { known.insert($0.ref).inserted }
        return Array(past.sorted { $1.at < $0.at }.prefix(count))
    }

    /// The sessions with this host in which something became of mail.
    private func writtenSessions(with row: ConnectionRow, count: Int) async throws -> [PastSession] {
        let query = JournalQuery(filter: FilterExpression(.dest, is: row.peer))
        let window = try await self.journal(query, window: JournalRequest(count: count))
        return window.rows.compactMap { entry in
            guard let session = entry.fact.session, [.relayed, .deferred, .bounced].contains(entry.fact.kind)
            else { return nil }
            return PastSession(
                ref: session, at: entry.fact.at, words: entry.fact.text ?? entry.fact.kind.word,
                isGood: entry.fact.kind == .relayed)
        }
    }
}

extension ConnectionRow {
    /// The sessions with the same next hop, or of the same client.
    fileprivate var likeness: FilterExpression {
        guard let name = self.name else { return FilterExpression(.peer, is: self.peer) }
        return FilterExpression(.name, is: name)
    }
}
