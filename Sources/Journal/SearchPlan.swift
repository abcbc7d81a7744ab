import Mail
import Monitor
import Spool

/// What a query says of entries that can be told without reading them: their time, their kind, and words that have to be
/// somewhere in their octets. What passes is read and asked the query itself.
struct SearchPlan {
    /// All of it must hold; of several one at least.
    private struct Alternative {
        var range: Range<Timestamp>
        var kinds: UInt32 = .max
        /// Capital letters made small.
        var words: [WordSearch] = []
        var isPossible: Bool { !self.range.isEmpty && self.kinds != 0 }
    }
    private let alternatives: [Alternative]
    private let query: JournalQuery
    private let now: Timestamp
    /// Outside of this nothing can match.
    let range: Range<Timestamp>
    let kinds: UInt32

    init(_ query: JournalQuery, at now: Timestamp) {
        self.query = query
        self.now = now
        let since = query.since ?? Timestamp(milliseconds: .min)
        let until = max(query.until ?? Timestamp(milliseconds: .max), since)
        func alternatives(_ filter: FilterExpression) -> [Alternative] {
            let none = Alternative(range: since..<until)
            return filter.alternatives.isEmpty
                ? [none] : filter.alternatives.map { $0.reduce(into: none) { Self.add($1, to: &$0) } }
        }
        // Few have more than one of each.
        let wanted = alternatives(query.wanted)
        self.alternatives = alternatives(query.filter).flatMap { one in
            wanted.map { other in
                Alternative(
                    range: one.range.clamped(to: other.range), kinds: one.kinds & other.kinds,
                    words: one.words + other.words)
            }
        }.filter(\.isPossible)
        let first = self.alternatives.map(\.range.lowerBound).min() ?? since
        self.range = first..<max(self.alternatives.map(\.range.upperBound).max() ?? first, first)
        self.kinds = self.alternatives.reduce(0) { $0 | $1.kinds }
    }

    private static func add(_ term: FilterTerm, to alternative: inout Alternative) {
        guard !term.isNegated else { return }
        switch term.test {
        // A Subject may be encoded, and these are not written as they are shown.
        case .text(.failure, _), .text(.subject, _), .text(.tls, _), .text(.session, _), .number: break
        case .plain(let test), .text(_, let test):
            switch test {
            case .contains(let word): alternative.words.append(WordSearch(Array(word.utf8)))
            case .equals(let word): alternative.words.append(WordSearch(Array(FilterTerm.TextTest.bare(word).utf8)))
            case .matches(let pattern): alternative.words += pattern.words.map { WordSearch(Array($0.utf8)) }
            }
        case .state(let prefix):
            alternative.kinds &= FactKind.allCases.filter { $0.word.hasPrefix(prefix) }
                .reduce(0) { $0 | PackedEntries.bit(of: $1) }
        case .code(let prefix): alternative.words.append(WordSearch(Array(prefix.utf8)))
        case .moment(_, let range): alternative.range = alternative.range.clamped(to: range)
        case .never: alternative.kinds = 0
        }
    }

    /// - Parameter grams: of a block of that time and of those kinds.
    func mayMatch(_ grams: UnsafeRawBufferPointer, kinds: UInt32) -> Bool {
        self.alternatives.contains { alternative in
            alternative.kinds & kinds != 0 && alternative.words.allSatisfy { GramFilter.mayContain($0.octets, grams) }
        }
    }

    /// Whether any entry of a block may match, by all of its octets.
    ///
    /// - Parameter areSmall: capital letters were made small; where they were not, only words without letters are looked for.
    func mayMatch(anyOf octets: UnsafeRawBufferPointer, areSmall: Bool) -> Bool {
        self.alternatives.contains { alternative in
            alternative.words.allSatisfy { word in !areSmall && word.hasLetters || word.isPart(of: octets) }
        }
    }

    /// Whether what a block has by its octets may match at all.
    ///
    /// - Parameter small: the octets with capital letters made small.
    func mayMatch(_ entry: PackedEntries.Entry, in small: UnsafeRawBufferPointer) -> Bool {
        self.alternatives.contains { alternative in
            alternative.kinds & entry.kind != 0 && alternative.range.contains(entry.at)
                && alternative.words.allSatisfy {
                    $0.isPart(of: UnsafeRawBufferPointer(rebasing: small[entry.start..<entry.end]))
                }
        }
    }

    func matches(_ entry: JournalEntry) -> Bool {
        let subject = JournalSubject(entry, at: self.now)
        return self.query.filter.matches(subject) && self.query.wanted.matches(subject)
    }
}
