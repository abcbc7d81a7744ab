import SMTP

extension Timestamp {
    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

    /// Reads a date of RFC 5322 §3.3, also in the old forms of §4.3: two-digit years, no seconds, named zones, comments;
    /// and what clocks write against it: `24-Nov-2026`, `Nov 24 08:00:00 2026`, fractions of seconds.
    public init?(rfc5322 text: some StringProtocol) {
        var words = Self.withoutComments(text).split {
            $0 == " " || $0 == "\t" || $0 == "," || $0 == "\r" || $0 == "\n" || $0 == "\r\n"
        }
        if let first = words.first, first.first?.isLetter == true, !Self.isMonth(first) { words.removeFirst() }
        if let first = words.first, first.first?.isNumber == true, first.contains("-") {
            words.replaceSubrange(0...0, with: first.split(separator: "-"))
        }
        if words.count >= 4, Self.isMonth(words[0]) {
            words.replaceSubrange(0...3, with: [words[1], words[0], words[3], words[2]])
        }
        guard words.count >= 4, let day = Int(words[0]), (1...31).contains(day),
            let month = Self.months.firstIndex(of: words[1].lowercased()), let written = Int(words[2]),
            (0...9999).contains(written)
        else { return nil }
        let year =
            words[2].count <= 2 ? written + (written < 50 ? 2000 : 1900) : written < 1000 ? written + 1900 : written
        let clock = words[3].prefix { $0 != "." }.split(separator: ":").map { Int($0) ?? -1 }
        guard clock.count == 2 || clock.count == 3, (0...23).contains(clock[0]), (0...59).contains(clock[1]) else {
            return nil
        }
        let seconds = clock.count == 3 ? clock[2] : 0
        guard (0...60).contains(seconds) else { return nil }
        let offset = words.count > 4 ? Self.offset(words[4]) : 0
        let days = CivilDate(year: year, month: month + 1, day: day).days
        let time = clock[0] * 3600 + clock[1] * 60 + seconds - offset
        self.init(milliseconds: Int64(days * 86_400 + time) * 1000)
    }

    private static func isMonth(_ word: Substring) -> Bool { Self.months.contains(word.lowercased()) }

    /// Seconds east of Greenwich; an unknown name counts as none (§4.3).
    private static func offset(_ zone: Substring) -> Int {
        if let sign = zone.first, sign == "+" || sign == "-", zone.count == 5, let value = Int(zone.dropFirst()) {
            return (value / 100 * 3600 + value % 100 * 60) * (sign == "-" ? -1 : 1)
        }
        return switch zone.uppercased() {
        case "EDT": -4 * 3600
        case "EST", "CDT": -5 * 3600
        case "CST", "MDT": -6 * 3600
        case "MST", "PDT": -7 * 3600
        case "PST": -8 * 3600
        default: 0
        }
    }

    private static func withoutComments(_ text: some StringProtocol) -> String {
        var depth = 0
        var result = ""
        for character in text {
            if character == "(" { depth += 1 }
            if depth == 0 { result.append(character) }
            if character == ")", depth > 0 { depth -= 1 }
        }
        return result
    }
}
