public import Monitor

/// Text and what it means.
public struct Run: Sendable {
    public var text: SafeText
    public var role: Role
    public init(_ text: String, _ role: Role = .base) {
        self.text = SafeText(text)
        self.role = role
    }
    public init(_ text: SafeText, _ role: Role) {
        self.text = text
        self.role = role
    }

    /// A key and what it does.
    static func hint(_ key: String, _ word: String) -> [Run] { [Run(key, .hintKey), Run(" \(word)  ", .hintText)] }
}

extension [Run] {
    /// Columns that they take one after another.
    public var columns: Int { self.reduce(0) { $0 + $1.text.columns } }

    /// The runs on lines of at most so many columns: the last one goes on below where it began.
    func wrapped(_ columns: Int) -> [[Run]] {
        guard self.columns > columns, let last = self.last else { return [self] }
        let indent = self.dropLast().columns
        let parts = last.text.wrapped(Swift.max(2, columns - indent))
        return parts.enumerated().map { number, part in
            let head = number == 0 ? Array(self.dropLast()) : indent == 0 ? [] : [Run(SafeText(blanks: indent), .base)]
            return head + [Run(part, last.role)]
        }
    }
}

extension SafeText {
    init(blanks count: Int) { self.init(String(repeating: " ", count: max(0, count))) }
}
