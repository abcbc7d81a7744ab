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
}

extension SafeText {
    init(blanks count: Int) { self.init(String(repeating: " ", count: max(0, count))) }
}
