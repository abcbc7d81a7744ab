/// What is under way beside the keys: questions to feeds, and deeds. And who waits for the end of it.
struct Errands {
    var reads = ReadLedger()
    /// How many deeds are under way.
    private(set) var deeds = 0
    /// What else is under way for which no key waits.
    private var others = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    var isQuiet: Bool { self.reads.isEmpty && self.deeds == 0 && self.others == 0 }
    /// What a pane shows may change at any moment.
    func concern(_ pane: any Pane) -> Bool { self.deeds > 0 || self.reads.has(pane) }

    mutating func beginDeed() { self.deeds += 1 }
    mutating func endDeed() { self.deeds -= 1 }
    mutating func beginOther() { self.others += 1 }
    mutating func endOther() { self.others -= 1 }

    mutating func wait(_ continuation: CheckedContinuation<Void, Never>) { self.waiting.append(continuation) }
    /// - Returns: who has to be told that nothing is under way any more.
    mutating func takeWaiting() -> [CheckedContinuation<Void, Never>] {
        guard self.isQuiet else { return [] }
        defer { self.waiting = [] }
        return self.waiting
    }
}
