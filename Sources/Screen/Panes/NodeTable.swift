import Mail
import Monitor

/// What is known of all nodes, by their index; and what follows from what is learned of one.
struct NodeTable {
    private(set) var all: [Node]

    init(_ feeds: [FeedEntry]) { self.all = feeds.map { Node($0) } }

    subscript(index: Int) -> Node { self.all[index] }
    var indices: Range<Int> { self.all.indices }

    /// What an overview tells beside how things are.
    enum News {
        /// Everything may be otherwise now, also what may be done.
        case answersAgain(since: Timestamp)
        /// It counts its sessions from 1 again: no name of before means what it did.
        case startedAnew
    }

    mutating func learn(_ capabilities: FeedCapabilities, of index: Int) {
        self.all[index].capabilities = capabilities
    }

    /// - Parameter pane: whose reads' failures stay until they are answered: an overview says nothing of them.
    mutating func learn(
        _ overview: Overview, of index: Int, at now: Timestamp, under pane: ObjectIdentifier? = nil
    ) -> [News] {
        let before = self.all[index]
        self.all[index].overview = overview
        self.all[index].overviewTaken = now
        let goesOn = before.blindness == nil && pane != nil && before.failure?.read.owner == pane
        if !goesOn { self.all[index].failure = nil }
        self.all[index].blindness = nil
        var news: [News] = []
        if let blindness = before.blindness { news.append(.answersAgain(since: blindness.since)) }
        if let started = before.overview?.started, started < overview.started { news.append(.startedAnew) }
        return news
    }

    mutating func answered(_ read: Read.Key) {
        if self.all[read.node].failure?.read == read { self.all[read.node].failure = nil }
    }

    /// A read failed; when it asked for the overview, nobody may be there at all.
    ///
    /// - Parameters:
    ///   - words: why it cannot be read.
    ///   - now: since when, if it answered until now.
    mutating func failed(_ read: Read.Key, _ error: any Error, _ words: String, at now: Timestamp) {
        self.all[read.node].failure = (read, words)
        guard read.kind == Read.overviewKind, let code = (error as? FeedError)?.code,
            code == .unavailable || code == .denied
        else { return }
        let since = self.all[read.node].blindness?.since ?? now
        self.all[read.node].blindness = Blindness(since: since, words: words)
    }
}

extension [Node] {
    /// As they were called at the start.
    var names: String { self.map(\.entry.name).joined(separator: ", ") }

    /// The first whose name at the start, else whose host name, begins so.
    func index(named name: String) -> Int? {
        let names: [(Node) -> String] = [{ $0.entry.name }, { $0.name }]
        return names.lazy.compactMap { of in
            self.firstIndex { of($0).lowercased().hasPrefix(name.lowercased()) }
        }.first
    }
}
