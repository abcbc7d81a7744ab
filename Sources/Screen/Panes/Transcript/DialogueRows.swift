import Mail
import Monitor

/// The lines of a dialogue as they are shown: of one side or of both, long replies folded into one row, and each with the
/// time since the line before.
struct DialogueRows {
    enum Side: Hashable { case both, client, server }
    struct Row {
        /// Where its line is among those of the dialogue.
        var index: Int
        /// So many more lines of the same reply are not shown.
        var folded = 0
        /// Milliseconds since the line before, whoever said that; `nil`: it is the first.
        var delta: Int64?
        /// An answer that took long.
        var isSlow = false
        /// Lines in front of it are no longer kept.
        var isBehindGap = false
    }

    private(set) var all: [Row] = []

    /// An answer that took longer is marked.
    private static let slowMilliseconds: Int64 = 1000
    /// A reply with more lines than this is folded, unless it is a refusal.
    private static let foldedAbove = 3

    init(_ lines: [TranscriptLine], _ side: Side, isExpanded: Bool) {
        var index = 0
        while index < lines.count {
            let line = lines[index]
            let before = index > 0 ? lines[index - 1] : nil
            var row = Row(index: index, delta: before.map { line.at.since($0.at) })
            row.isSlow = line.speaker == .server && (row.delta ?? 0) > Self.slowMilliseconds
            row.isBehindGap = before.map { line.number > $0.number + 1 } ?? false
            let reply = isExpanded || line.isError ? 1 : Self.replyLines(lines, from: index)
            if reply > Self.foldedAbove { row.folded = reply - 1 }
            if side.shows(line.speaker) { self.all.append(row) }
            index += 1 + row.folded
        }
    }

    /// How many lines the reply has that begins there.
    private static func replyLines(_ lines: [TranscriptLine], from start: Int) -> Int {
        var end = start
        while end + 1 < lines.count, lines[end].continues, lines[end + 1].number == lines[end].number + 1 { end += 1 }
        return end - start + 1
    }

    /// The row that shows the line, or else the last one in front of it.
    func row(ofLine index: Int) -> Int { max(0, (self.all.firstIndex { $0.index > index } ?? self.all.count) - 1) }

    /// The next row for which this holds, going round; `nil`: it holds for none.
    func next(from cursor: Int, _ step: Int, where wanted: (Row) -> Bool) -> Int? {
        let count = self.all.count
        guard count > 0 else { return nil }
        return (1...count).lazy.map { ((cursor + step * $0) % count + count) % count }.first { wanted(self.all[$0]) }
    }
}

extension DialogueRows.Side {
    /// What the relay itself remarks stands on both sides.
    fileprivate func shows(_ speaker: TranscriptLine.Speaker) -> Bool {
        switch self {
        case .both: true
        case .client: speaker != .server
        case .server: speaker != .client
        }
    }
    var words: String {
        switch self {
        case .both: ""
        case .client: "client only"
        case .server: "server only"
        }
    }
}
