import Mail
import Monitor

// Which messages an action is for, where it is not the one that the cursor is on.
extension QueuePane {
    /// Tags the row at the cursor; `nil` turns its tag round.
    func tag(_ value: Bool?, _ around: Surroundings) -> [Effect] {
        guard let row = self.list.selected else { return [] }
        guard self.tags.set(row, to: value, under: self.query.filter) else {
            return [Self.allTagged(around)]
        }
        return []
    }

    private static func allTagged(_ around: Surroundings) -> Effect {
        .say("all that matched are tagged: \(around.sentence(.untagAll, "untags them"))", .plain)
    }

    /// Begins a range, or tags all of it.
    func tagRange(_ around: Surroundings) -> [Effect] {
        guard let row = self.list.selected else { return [] }
        let cursor = self.list.cursor
        guard let range = self.range else {
            self.range = TagRange(start: row, number: cursor)
            return []
        }
        guard range.rows(to: cursor).count <= TagRange.most else {
            let keys = "\(around.label(of: .filter)) and \(around.label(of: .tagAll))"
            let words = "a range has at most \(Format.count(TagRange.most)) rows: \(keys) tag by a filter"
            return [.say(words, .warning)]
        }
        self.range = nil
        if let rows = self.list.rows(range.rows(to: cursor)) {
            return self.tagAll(range.between(rows, and: row), around)
        }
        let feed = self.feed
        let query = self.query
        let request = range.request(to: cursor, row)
        return [
            .read(
                Read(
                    self.key("range"), isInstead: true, choosesTargets: true,
                    begin: { { try await QueueList.window(feed, query, request) } },
                    take: { (window: Window<QueueRow>, around) in
                        guard query == self.query else { return [] }
                        return self.tagAll(range.between(window.rows, and: row), around)
                    }, failed: { [.say($0, .failure)] }))
        ]
    }

    /// - Parameter rows: `nil` where they are not what they were when they were chosen.
    private func tagAll(_ rows: [QueueRow]?, _ around: Surroundings) -> [Effect] {
        let again = "\(around.sentence(.tagRange, "begins anew")), \(around.sentence(.freeze, "freezes them"))"
        guard let rows else { return [.say("rows have moved meanwhile: \(again)", .warning)] }
        for row in rows where !self.tags.set(row, to: true, under: self.query.filter) {
            return [Self.allTagged(around)]
        }
        return [.chosen, .say("tagged \(Format.plural(rows.count, "row"))", .plain)]
    }

    /// Freezes what the filter matches now: an action touches exactly those.
    func readFrozen() -> Read {
        let feed = self.feed
        let query = self.query
        return Read(
            self.key("freeze"), isInstead: true, choosesTargets: true, begin: { { try await feed.freeze(query) } },
            take: { set, around in
                guard query.filter == self.query.filter else { return [] }
                guard set.recipients > 0 else { return [.say("nothing to tag", .plain)] }
                self.tags = .frozen(set, query.filter, at: around.now)
                let words = "tagged \(Words.counts(set.recipients, set.messages)), as of now"
                return [
                    .chosen, .say(words + (set.absent?.withoutWords ?? ""), set.absent == nil ? .plain : .warning),
                ]
            }, failed: { [.say($0, .failure)] })
    }
}
