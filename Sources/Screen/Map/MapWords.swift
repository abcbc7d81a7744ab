import Mail
import Monitor

/// What is said of a link: how much goes over it, how long that takes, what waits, and what is amiss.
struct MapWords {
    /// `1.4/s`; empty: nothing went in the last minute.
    let rate: String
    private let delay: String
    /// With its noun, and without.
    private let waiting: (long: String, short: String)
    private let waitingInRow: Int
    /// `back-off 12s`; empty: all is well.
    private let state: (long: String, short: String)
    private let role: Role

    fileprivate init(_ link: MapGraph.Link, _ now: Timestamp) {
        self.rate = link.isPast ? "" : Self.rate(link)
        self.delay = link.traffic.median.map { Format.took(milliseconds: Int64($0)) } ?? ""
        let count = Format.count(link.waiting)
        self.waitingInRow = link.waiting
        self.waiting = link.waiting == 0 ? ("", "") : ("\(count) waiting", "\(count) wait")
        self.state = link.condition == .ok ? ("", "") : (link.stateWords(now), link.condition.word)
        self.role = link.role
    }

    /// Of less than one in ten seconds it is told how many there were in a minute.
    private static func rate(_ link: MapGraph.Link) -> String {
        guard link.traffic.lastMinute > 0 else { return "" }
        if link.rate >= 99.95 { return Format.count(Int(link.rate.rounded())) + "/s" }
        return link.rate >= 0.1 ? Format.decimal(link.rate) + "/s" : "\(link.traffic.lastMinute)/min"
    }

    /// As much as fits in one line: what is amiss, then what waits, how much goes over it, and how long that takes.
    func line(_ columns: Int) -> [Run] {
        let (rate, delay) = (Run(self.rate, .title), Run(self.delay, .muted))
        let (waiting, wait) = (Run(self.waiting.long, .base), Run(self.waiting.short, .base))
        let (state, word) = (Run(self.state.long, self.role), Run(self.state.short, self.role))
        let choices = [
            [rate, delay, waiting, state], [rate, waiting, state], [rate, wait, state], [rate, wait, word],
            [waiting, state], [wait, word], word.text.isEmpty ? [rate] : [Run(self.waitingCount, .base), word], [word],
        ]
        let lines = choices.map { $0.filter { !$0.text.isEmpty } }
        return Array((lines.first { $0.words <= columns } ?? []).map { [$0] }.joined(separator: [Run(" ")]))
    }

    /// Three short lines; where something is amiss that is told instead of the delay.
    func stacked(_ columns: Int) -> [Run] {
        let isWell = self.state.long.isEmpty
        let state = Self.fitting([self.state.long, self.state.short], columns)
        return [
            Run(self.rate, .title), isWell ? Run(self.delay, .muted) : Run(state, self.role),
            Run(Self.fitting([self.waiting.long, self.waiting.short, self.waitingCount], columns), .base),
        ]
    }

    private var waitingCount: String { String(self.waiting.short.prefix { $0 != " " }) }

    private static func fitting(_ texts: [String], _ columns: Int) -> String {
        texts.first { $0.count <= columns } ?? texts.last ?? ""
    }

    /// Each by itself, for a table.
    var cells: (rate: String, delay: String, waiting: Int, state: Run) {
        (self.rate, self.delay, self.waitingInRow, Run(self.state.long, self.role))
    }
}

extension MapGraph.Link {
    func words(_ now: Timestamp) -> MapWords { MapWords(self, now) }

    /// Milliseconds since the newest of ``LinkTraffic/recent``.
    func elapsed(at now: Timestamp) -> Int64 { max(0, now.since(self.taken)) }
}

extension [Run] {
    /// The columns of these with a space between each two.
    fileprivate var words: Int { self.reduce(-1) { $0 + $1.text.columns + 1 } }
}
