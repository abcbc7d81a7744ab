import Mail

/// The line above the keys: what was said last.
struct Outcome {
    enum Kind { case ok, warning, failure, plain }
    typealias Words = (text: String, kind: Kind)
    /// How long a line stays that offers nothing.
    static let lifetime: Int64 = 30_000

    let text: String
    let kind: Kind
    /// When it has been there for long enough; `nil`: not before somebody is there to read it, and presses a key.
    private(set) var until: Timestamp?

    init(_ words: Words, until: Timestamp?) {
        self.text = words.text
        self.kind = words.kind
        self.until = until
    }

    /// A key was pressed.
    mutating func wasSeen(at now: Timestamp) {
        if self.until == nil { self.until = now.adding(milliseconds: Self.lifetime) }
    }
}
