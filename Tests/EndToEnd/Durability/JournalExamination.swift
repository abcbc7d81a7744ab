import Journal
import Mail
import Monitor
import NIOPosix
import Spool

@testable import hoptop

/// A journal that kills left, held against the facts of its spool.
enum JournalExamination {
    /// - Parameter directory: a spool that nobody has open, with its journal; none of its facts are so old that they are gone.
    /// - Returns: what is wrong; nothing, where each fact is in the journal once, and nothing else is.
    static func complaints(about directory: String) async throws -> [String] {
        let spool = try SQLiteSpool(directory: directory, threads: .singleton)
        let journal = Journal(JournalSettings(), spoolDirectory: directory, node: "mx.example.net", log: silence)
        let (changes, watcher) = FeedChange.stream()
        journal.follow(spool, since: .now, changes: changes) {}
        let isThere = try await eventually {
            guard (try? await journal.window(JournalQuery(), JournalRequest(count: 0))) != nil else { return false }
            return try await journal.status(spool: spool).behind == 0
        }
        var complaints = isThere ? [] : ["it does not take up what is behind: \(journal.failure ?? "no failure")"]
        if isThere {
            let facts = try await spool.facts(after: .start, count: .max).facts.map { FactRow($0, session: nil) }
            var entries: [JournalEntry] = []
            var place: String?
            while true {
                let window = try await journal.window(
                    JournalQuery(newestFirst: false), JournalRequest(behind: place, count: 1000))
                entries += window.rows
                place = window.end
                if window.isComplete { break }
            }
            if entries.map(\.ref.number) != entries.indices.map({ Int64($0 + 1) }) {
                complaints.append("its numbers are not one behind the other")
            }
            let kept = entries.map { entry in
                var fact = entry.fact
                fact.session = nil
                return fact
            }
            if kept != facts {
                let first = zip(kept, facts).first { $0 != $1 }
                complaints.append(
                    "it has \(kept.count) entries of \(facts.count) facts; the first difference: \(String(describing: first))"
                )
            }
        }
        watcher.finish()
        await journal.finish()
        await spool.close()
        return complaints
    }
}
