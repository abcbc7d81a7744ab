// What an action did, in words. One thing that an operator does may have several receipts.

extension [Receipt] {
    /// `41,207 recipients of 39,950 messages`
    public var counts: String {
        Words.counts(self.reduce(0) { $0 + $1.done }, self.reduce(0) { $0 + $1.messages })
    }
    public var didSomething: Bool { self.contains { $0.done > 0 } }
    /// Nothing of what was meant is there: nothing was done, and nothing was left alone.
    public var foundNothing: Bool { self.allSatisfy { $0.done == 0 && $0.skipped.isEmpty && $0.remarks.isEmpty } }
    /// Recipients that were left alone, and why.
    public var skipped: [SkipReason: Int] { self.reduce(into: [:]) { $0.merge($1.skipped, uniquingKeysWith: +) } }

    /// `retry: 3 recipients of 2 messages; it takes about 7s if all goes well; 1 skipped: an attempt is under way`
    ///
    /// What is to come stands before what was left alone, as a line may be too short for both.
    public func words(_ deed: String) -> String {
        "\(deed): \(self.counts)" + self.flatMap(\.remarks).map { "; \($0.words)" }.joined() + self.skippedWords
    }

    /// `; 3 skipped: on hold; 1 skipped: damaged`
    var skippedWords: String {
        self.skipped.sorted { $0.key.rawValue < $1.key.rawValue }
            .map { "; \(Format.count($0.value)) skipped: \($0.key.words)" }.joined()
    }
}

extension QueueAction {
    /// What becomes of those it is done to.
    public var consequence: String {
        switch self {
        case .retry: "They are due at once."
        case .hold: "They stay here until they are released."
        case .release: "They go on as before."
        case .drop: "They are settled and nobody is told."
        case .bounce: "They are settled with a report to each sender. No undo."
        }
    }
}
