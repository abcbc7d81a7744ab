public import Mail
import SMTP

/// A moment as a filter names it, and the time for which it stands: `14:00` is a minute, `yesterday` a day.
///
/// `2h` is so long ago. A day is `today`, `yesterday` or `2026-11-28`; a time of day is `14:00` or `14:00:30`, behind a day
/// also `14h`, and without a day the last such time that has begun. Both are joined by `T`, `@` or a space:
/// `yesterday@14:00`. All of it is in UTC, as everything is that is shown; a `Z` may say so.
public struct FilterMoment: Hashable, Sendable {
    /// The moments that it stands for.
    public var range: Range<Timestamp>
    public var start: Timestamp { self.range.lowerBound }

    private static let day = 86_400

    /// - Parameter now: when it is read.
    /// - Returns: `nil` where it is none.
    public init?(_ text: String, now: Timestamp = .now) {
        if let span = FilterParser.time(text), let unit = FilterParser.time("1\(text.suffix(1))") {
            let start = now.adding(milliseconds: -span)
            self.range = start..<start.adding(milliseconds: unit)
            return
        }
        let seconds = Int(now.milliseconds.quotientAndFloorRemainder(by: 1000).quotient)
        let today = seconds.quotientAndFloorRemainder(by: Self.day).quotient
        var fraction: Int64?
        var text = text.lowercased()
        if text.hasSuffix("z") { text.removeLast() }
        if let point = text.firstIndex(of: ".") {
            let digits = text[text.index(after: point)...].prefix { $0.isASCII && $0.isNumber }
            fraction = Int64((digits + "000").prefix(3))
            text.removeSubrange(point..<digits.endIndex)
        }
        let words = Self.words(text)
        guard let first = words.first, words.count <= 2 else { return nil }
        let days = Self.days(first, today: today)
        guard days != nil || words.count == 1 else { return nil }
        let time = days == nil ? Self.time(first) : words.count == 2 ? Self.time(words[1]) : (0, Self.day)
        guard let time else { return nil }
        var start = (days ?? today) * Self.day + time.start
        if days == nil, start > seconds { start -= Self.day }
        self.range = Self.moment(start)..<Self.moment(start + time.count)
        guard let fraction else { return }
        guard time.count == 1 else { return nil }
        let moment = self.start.adding(milliseconds: fraction)
        self.range = moment..<moment.adding(milliseconds: 1)
    }

    /// The day and the time of day, as far as they are there.
    private static func words(_ text: String) -> [Substring] {
        if let mark = text.firstIndex(where: { $0 == "@" || $0 == " " }) {
            return [text[..<mark], text[text.index(after: mark)...]]
        }
        // The days' names have the letter, too.
        guard let mark = text.lastIndex(of: "t"), text[mark...].dropFirst().first?.isNumber == true else {
            return [text[...]]
        }
        return [text[..<mark], text[text.index(after: mark)...]]
    }

    /// - Returns: days since 1970; `nil` where no day is named.
    private static func days(_ word: Substring, today: Int) -> Int? {
        if word == "today" { return today }
        if word == "yesterday" { return today - 1 }
        let numbers = word.split(separator: "-", omittingEmptySubsequences: false).map(Self.number)
        guard numbers.count == 3, let year = numbers[0], let month = numbers[1], let day = numbers[2],
            (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        let date = CivilDate(year: year, month: month, day: day)
        return CivilDate(days: date.days) == date ? date.days : nil
    }

    /// - Returns: the second of the day, and how many seconds are meant.
    private static func time(_ word: Substring) -> (start: Int, count: Int)? {
        let parts = (word.hasSuffix("h") ? word.dropLast() : word)
            .split(separator: ":", omittingEmptySubsequences: false)
        let numbers = parts.compactMap(Self.number)
        guard numbers.count == parts.count, (1...3).contains(numbers.count), !word.hasSuffix("h") || numbers.count == 1,
            zip(numbers, [23, 59, 60]).allSatisfy({ $0 <= $1 })
        else { return nil }
        let start = zip(numbers, [3600, 60, 1]).reduce(0) { $0 + $1.0 * $1.1 }
        return (start, [3600, 60, 1][numbers.count - 1])
    }

    private static func number(_ text: Substring) -> Int? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
    }

    /// The moments at which something happened of which a field says this.
    func range(_ field: FilterField, _ comparison: FilterTerm.Comparison) -> Range<Timestamp> {
        let (first, last) = (Timestamp(milliseconds: .min), Timestamp(milliseconds: .max))
        switch (field, comparison) {
        case (.since, _), (_, .greaterOrEqual): return self.start..<last
        case (.until, _), (_, .less): return first..<self.start
        case (_, .greater): return self.range.upperBound..<last
        case (_, .lessOrEqual): return first..<self.range.upperBound
        case (_, .equal): return self.range
        }
    }

    /// - Parameter seconds: since 1970.
    private static func moment(_ seconds: Int) -> Timestamp { Timestamp(milliseconds: Int64(seconds) * 1000) }
}
