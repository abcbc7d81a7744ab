import Mail
import Monitor

/// The messages that were chosen one by one, or all that a filter matched.
enum Tags {
    /// Messages by their identity, each as it was last seen.
    case some([String: Tagged])
    /// All that a filter matched at one moment.
    case frozen(FrozenSet, FilterExpression, at: Timestamp)

    struct Tagged {
        var ref: MessageRef
        /// The filter under which it was tagged: of its recipients only those are meant that match.
        var filter: FilterExpression
        var recipients: Int
        /// Of these those of an attempt under way; `nil`: not known.
        var active: Int?

        init(_ row: QueueRow, under filter: FilterExpression) {
            self.ref = row.ref
            self.filter = filter
            self.recipients = row.matching
            self.active = row.matchingActive
        }
    }
    static let none = Tags.some([:])

    var isEmpty: Bool {
        switch self {
        case .some(let tagged): tagged.isEmpty
        case .frozen: false
        }
    }
    var messages: Int {
        switch self {
        case .some(let tagged): tagged.count
        case .frozen(let set, _, _): set.messages
        }
    }
    func contains(_ row: QueueRow) -> Bool {
        switch self {
        case .some(let tagged): !tagged.isEmpty && tagged[row.identity] != nil
        case .frozen: true
        }
    }

    /// - Parameter value: `nil` turns the row's tag round.
    /// - Returns: false where a whole set is tagged, of which none can be left out.
    mutating func set(_ row: QueueRow, to value: Bool?, under filter: FilterExpression) -> Bool {
        guard case .some(var tagged) = self else { return false }
        let wants = value ?? (tagged[row.identity] == nil)
        tagged[row.identity] = wants ? Tagged(row, under: filter) : nil
        self = .some(tagged)
        return true
    }

    /// A tag names the message as it was last seen.
    mutating func refresh(_ rows: [QueueRow], under filter: FilterExpression) {
        guard case .some(var tagged) = self, !tagged.isEmpty else { return }
        for row in rows {
            guard var tag = tagged[row.identity] else { continue }
            tag.ref = row.ref
            if tag.filter == filter { tag = Tagged(row, under: filter) }
            tagged[row.identity] = tag
        }
        self = .some(tagged)
    }

    /// - Parameter clear: takes the tags off.
    func chosen(clear: @escaping () -> Void) -> Chosen? {
        switch self {
        case .frozen(let set, let filter, let time):
            let which = filter.matchesAll ? "all there were" : "those that matched \(filter.text)"
            return Chosen(
                set, words: "all \(Words.counts(set.recipients, set.messages)) tagged",
                limits: "\(which) at \(Format.clock(time))Z", done: clear)
        case .some(let tagged):
            guard !tagged.isEmpty else { return nil }
            let all = tagged.values.sorted { $0.ref.id < $1.ref.id }
            let targets = Dictionary(grouping: all, by: \.filter).map { filter, some in
                Targets.messages(references: some.map(\.ref), matching: filter)
            }
            let filters = Set(all.map(\.filter)).filter { !$0.matchesAll }.map(\.text).sorted()
            return Chosen(
                targets: targets, recipients: all.reduce(0) { $0 + $1.recipients }, messages: all.count,
                active: all.reduce(0) { sum, tag in sum.flatMap { sum in tag.active.map { sum + $0 } } },
                words: "\(Format.count(all.count)) tagged",
                limits: filters.isEmpty ? nil : "only what matched \(filters.joined(separator: " or ")) when tagged",
                sample: all.prefix(5).map(\.ref.id), done: clear)
        }
    }
}

extension QueueRow {
    /// Of the recipients that match, those of an attempt under way; `nil`: not known where some match only.
    var matchingActive: Int? { self.matching == self.recipients.unsettled ? self.recipients[.active] : nil }
}
