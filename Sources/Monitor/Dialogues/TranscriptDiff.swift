import Mail

/// What two dialogues of the same kind differ in: what was said otherwise, and where an answer took longer.
///
/// Each is compared from its greeting to the end of one transaction (RFC 5321 §3.3). What differs from one time to the next
/// anyway is no difference: mailboxes, host names, numbers, identifiers, and the order in which capabilities are told.
public struct TranscriptDiff: Hashable, Sendable {
    public enum Change: String, Hashable, Sendable {
        /// Said both times.
        case same
        /// Said before, and not this time.
        case missing
        /// Said this time, and not before.
        case added
    }
    public struct Row: Hashable, Sendable {
        public var change: Change
        public var speaker: TranscriptLine.Speaker
        /// What was said this time; where that is nothing, what was said before. Hostile until it is `SafeText`.
        public var text: String
        /// How long the answer took, in milliseconds; `nil`: it is no answer, or was not given that time.
        public var took: Int64?
        public var tookBefore: Int64?

        /// It took twice as long, and enough longer to be felt.
        public var isSlower: Bool {
            guard let took, let tookBefore else { return false }
            return took - tookBefore >= TranscriptDiff.feltMilliseconds && took >= 2 * tookBefore
        }
    }
    fileprivate static let feltMilliseconds: Int64 = 200

    public private(set) var rows: [Row] = []

    /// - Parameters:
    ///   - lines: the dialogue that is looked at.
    ///   - place: the index of a line of its transaction.
    ///   - before: the dialogue it is compared with, of which the transaction is taken whose content was accepted.
    public init(_ lines: [TranscriptLine], at place: Int, against before: [TranscriptLine]) {
        let now = Self.excerpt(lines, Self.transaction(of: lines, at: place))
        let then = Self.excerpt(before, Self.goodTransaction(of: before), capabilitiesAs: now)
        let difference = now.map(\.key).difference(from: then.map(\.key))
        var missing = Array(difference.removals.map(\.place).reversed())
        var added = Array(difference.insertions.map(\.place).reversed())
        // Both walk on together: what only one of them has is passed before what both have.
        var (old, new) = (0, 0)
        while old < then.count || new < now.count {
            if missing.last == old {
                missing.removeLast()
                self.rows.append(then[old].row(.missing))
                old += 1
            } else if added.last == new {
                added.removeLast()
                self.rows.append(now[new].row(.added))
                new += 1
            } else if old < then.count, new < now.count {
                var row = now[new].row(.same)
                row.tookBefore = then[old].took
                self.rows.append(row)
                (old, new) = (old + 1, new + 1)
            } else {
                break
            }
        }
    }

    /// Nothing was said otherwise, and nothing took longer.
    public var isSame: Bool { self.rows.allSatisfy { $0.change == .same && !$0.isSlower } }
    /// How many lines were said otherwise, and how many answers took longer.
    public var counts: (otherwise: Int, slower: Int) {
        (self.rows.count { $0.change != .same }, self.rows.count(where: \.isSlower))
    }

    // MARK: what is compared

    private struct Said {
        var line: TranscriptLine
        var key: String
        var took: Int64?

        func row(_ change: Change) -> Row {
            Row(
                change: change, speaker: self.line.speaker, text: self.line.text,
                took: change == .missing ? nil : self.took, tookBefore: change == .missing ? self.took : nil)
        }
    }

    /// What is compared takes memory by the square of the lines that differ, and a host says as many as it likes.
    private static let linesCompared = 1000

    /// The lines before the first transaction, and those of one.
    ///
    /// - Parameter other: in whose order capabilities stand, as far as it has them.
    private static func excerpt(
        _ lines: [TranscriptLine], _ transaction: Range<Int>, capabilitiesAs other: [Said] = []
    ) -> [Said] {
        let setup = lines.prefix { !$0.begins("mail from:") }
        let wanted = Array(setup) + (transaction.lowerBound >= setup.count ? Array(lines[transaction]) : [])
        var said: [Said] = []
        var asked: TranscriptLine?
        var isHello = false
        for line in wanted.prefix(Self.linesCompared) {
            var took: Int64?
            switch line.speaker {
            case .client:
                asked = line
                isHello = line.begins("ehlo") || line.begins("lhlo")
            case .server:
                // Only the first line of a reply tells how long it took.
                took = asked.map { line.at.since($0.at) }
                asked = nil
            case .relay: break
            }
            let isCapability = isHello && line.speaker == .server
            said.append(Said(line: line, key: line.key(isCapability: isCapability), took: took))
        }
        return Self.ordered(said, as: other)
    }

    /// A host may tell its capabilities in another order each time, which is no difference: they come to stand as in the
    /// other dialogue, and what that has not, behind them. Its greeting stays in front.
    private static func ordered(_ said: [Said], as other: [Said]) -> [Said] {
        var ordered = said
        for (block, model) in zip(Self.capabilities(in: said), Self.capabilities(in: other)) {
            let places = Dictionary(
                other[model].enumerated().map { ($0.element.key, $0.offset) }, uniquingKeysWith: { first, _ in first })
            let ranked = said[block].dropFirst().enumerated().map {
                (places[$0.element.key] ?? .max, $0.offset, $0.element)
            }
            ordered.replaceSubrange(
                block.dropFirst(), with: ranked.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2))
        }
        return ordered
    }

    /// Where a host told its capabilities, each time with its greeting.
    private static func capabilities(in said: [Said]) -> [Range<Int>] {
        var blocks: [Range<Int>] = []
        for index in said.indices where said[index].key.hasPrefix(TranscriptLine.capabilityMark) {
            if let last = blocks.last, last.upperBound == index {
                blocks[blocks.count - 1] = last.lowerBound..<index + 1
            } else {
                blocks.append(index..<index + 1)
            }
        }
        return blocks
    }

    private static func transactions(of lines: [TranscriptLine]) -> [Range<Int>] {
        let starts = lines.indices.filter { lines[$0].begins("mail from:") }
        return starts.indices.map { index in
            let end = index + 1 < starts.count ? starts[index + 1] : lines.count
            let rest = starts[index]..<end
            // What ends the session is of no transaction.
            return rest.lowerBound..<(rest.first { lines[$0].isLeave } ?? end)
        }
    }

    private static func transaction(of lines: [TranscriptLine], at place: Int) -> Range<Int> {
        let all = self.transactions(of: lines)
        return all.last { $0.lowerBound <= place } ?? all.first ?? lines.count..<lines.count
    }

    /// The last one whose content was accepted.
    private static func goodTransaction(of lines: [TranscriptLine]) -> Range<Int> {
        let all = self.transactions(of: lines)
        let good = all.last { range in
            guard let content = range.last(where: { lines[$0].isContent }) else { return false }
            return lines[content..<range.upperBound].contains { $0.severity == "2" }
        }
        return good ?? all.last ?? lines.count..<lines.count
    }
}

extension CollectionDifference.Change {
    fileprivate var place: Int {
        switch self {
        case .insert(let offset, _, _), .remove(let offset, _, _): offset
        }
    }
}
