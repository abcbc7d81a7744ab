import Foundation

/// A page of the manual in the mdoc language (mdoc(7)).
struct ManualPage {
    let name: String
    let section: Int
    private(set) var text: String
    /// Of a line of the source, where what stands for a hyphen takes two.
    private static let columns = 72

    /// - Parameter about: what follows the name and a dash, without a full stop.
    init(_ name: String, section: Int, about: String, date: Date) {
        self.name = name
        self.section = section
        self.text = """
            .Dd \(Self.day(of: date))
            .Dt \(name.uppercased()) \(section)
            .Os
            .Sh NAME
            .Nm \(name)
            .Nd \(Self.escaped(about))

            """
    }

    /// `November 29, 2026`, in UTC. The program has no names of months but these.
    private static func day(of date: Date) -> String {
        let months = [
            "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November",
            "December",
        ]
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let day = calendar.dateComponents([.year, .month, .day], from: date)
        return "\(months[(day.month ?? 1) - 1]) \(day.day ?? 1), \(day.year ?? 1970)"
    }

    mutating func heading(_ title: String) { self.text += ".Sh \(title)\n" }

    /// - Parameters:
    ///   - name: `Op`, `Fl`, `It`.
    ///   - arguments: macros among them are written as they are; a word is made safe by ``word(_:)``.
    mutating func macro(_ name: String, _ arguments: String...) {
        self.text += ".\(([name] + arguments).joined(separator: " "))\n"
    }

    /// Prose: each sentence on lines of its own.
    mutating func prose(_ text: some StringProtocol) {
        for sentence in Self.sentences(text) {
            var line = ""
            for word in sentence.split(separator: " ") {
                if !line.isEmpty, line.utf8.count + word.utf8.count >= Self.columns {
                    self.text += Self.escaped(line) + "\n"
                    line = ""
                }
                line += (line.isEmpty ? "" : " ") + word
            }
            self.text += Self.escaped(line) + "\n"
        }
    }

    /// Lines that stay as they are.
    mutating func literal(_ lines: [some StringProtocol]) {
        self.macro("Bd", "-literal", "-offset", "indent")
        for line in lines { self.text += Self.escaped(line) + "\n" }
        self.macro("Ed")
    }

    /// A word as a macro's argument: in quotes where it has spaces or might be taken for a macro.
    static func word(_ text: some StringProtocol) -> String {
        let escaped = self.escaped(text).replacingOccurrences(of: "\"", with: "\\(dq")
        let isPlain = escaped.count > 3 && !escaped.contains { " \t()[].,:;|?!".contains($0) }
        return isPlain ? escaped : "\"\(escaped)\""
    }

    /// Backslashes and hyphens stand for themselves, and no line begins with a control character.
    private static func escaped(_ text: some StringProtocol) -> String {
        let words = text.replacingOccurrences(of: "\\", with: "\\e").replacingOccurrences(of: "-", with: "\\-")
        return words.hasPrefix(".") || words.hasPrefix("'") ? "\\&" + words : words
    }

    /// Text in pieces that end with `. `, `? ` or `! ` before a capital letter.
    static func sentences(_ text: some StringProtocol) -> [String] {
        var sentences: [String] = []
        var current = ""
        for word in text.split(separator: " ", omittingEmptySubsequences: true) {
            let isEnd = current.last.map { ".?!".contains($0) } ?? false
            if isEnd, word.first?.isUppercase == true {
                sentences.append(current)
                current = ""
            }
            current += (current.isEmpty ? "" : " ") + word
        }
        return current.isEmpty ? sentences : sentences + [current]
    }
}
