import Monitor

/// Text and what it means.
struct Run {
    var text: SafeText
    var role: Role
    init(_ text: String, _ role: Role = .base) {
        self.text = SafeText(text)
        self.role = role
    }
    init(_ text: SafeText, _ role: Role) {
        self.text = text
        self.role = role
    }

    /// A key and what it does.
    static func hint(_ key: String, _ word: String) -> [Run] { [Run(key, .hintKey), Run(" \(word)  ", .hintText)] }
}

extension [Run] {
    var columns: Int { self.reduce(0) { $0 + $1.text.columns } }
}

extension SafeText {
    init(blanks count: Int) { self.init(String(repeating: " ", count: max(0, count))) }
}
