import Mail

/// Where the joined feed has come to in the journals of nodes; opaque, and text in JSON.
///
/// Places are each journal's own numbers. Nodes that share a queue have journals of the same, so that where one is lost another
/// goes on by the time of what was told last: what happened in the same millisecond may be told again, and an entry that stands
/// behind one of a later time (each has that of its node's clock) may be left out.
struct JoinedPlace: Hashable, Sendable, LosslessStringConvertible {
    private var ends = JoinedCursor([:])
    /// When the last entry happened that was told; `nil`: none was.
    var told: Timestamp?

    init() {}
    init?(_ description: String) {
        guard let colon = description.firstIndex(of: ":"),
            let ends = JoinedCursor(String(description[description.index(after: colon)...]))
        else { return nil }
        let time = description[..<colon]
        if !time.isEmpty {
            guard let time = Int64(time) else { return nil }
            self.told = Timestamp(milliseconds: time)
        }
        self.ends = ends
    }
    var description: String { "\(self.told.map { "\($0.milliseconds)" } ?? ""):\(self.ends)" }

    /// - Returns: `nil` where its journal was not read, or another has been since that tells of the same queue.
    func end(of node: String) -> String? { self.ends.ends[node] }

    /// What is still to be told of a journal.
    ///
    /// - Parameter end: the node's own place; `nil`: the time says where it goes on.
    func rest(of query: JournalQuery, behind end: String?) -> JournalQuery {
        guard end == nil, let told = self.told else { return query }
        var query = query
        if query.newestFirst {
            let until = told.adding(milliseconds: 1)
            query.until = min(query.until ?? until, until)
        } else {
            query.since = max(query.since ?? told, told)
        }
        return query
    }

    /// - Parameter names: those of all nodes whose journals tell of the same, this one among them.
    mutating func go(to end: String, of node: String, among names: [String]) {
        for name in names { self.ends.ends[name] = nil }
        self.ends.ends[node] = end
    }
}
