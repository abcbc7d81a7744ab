public import Mail
import SMTP

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A moment as a filter names it, and the time for which it stands: `14:00` is a minute, `yesterday` a day.
///
/// `2h` is so long ago. A day is `today`, `yesterday` or `2026-11-28`; a time of day is `14h`, `14:00` or `14:00:30`, and
/// without a day the last such time that has begun. Both are joined by `T`, `@` or a space: `yesterday@14:00`. With a `Z`
/// at its end it is in UTC, otherwise in the zone of the machine that reads it.
public struct FilterMoment: Hashable, Sendable {
    /// The moments that it stands for.
    public var range: Range<Timestamp>
    public var start: Timestamp { self.range.lowerBound }

    private static let day = 86_400

    /// - Parameters:
    ///   - now: when it is read.
    ///   - offset: seconds east of Greenwich, at a time in seconds since 1970.
    /// - Returns: `nil` where it is none.
    public init?(
        _ text: String, now: Timestamp = .now, offset: (Int) -> Int = FilterMoment.localOffset
    ) {
        if let span = FilterParser.time(text), let unit = FilterParser.time("1\(text.suffix(1))") {
            let start = now.adding(milliseconds: -span)
            self.range = start..<start.adding(milliseconds: unit)
            return
        }
        let isUTC = text.hasSuffix("Z") || text.hasSuffix("z")
        let offset = isUTC ? { _ in 0 } : offset
        let seconds = Int(now.milliseconds.quotientAndFloorRemainder(by: 1000).quotient)
        let local = seconds + offset(seconds)
        let today = local.quotientAndFloorRemainder(by: Self.day).quotient
        let words = Self.words((isUTC ? text.dropLast() : text[...]).lowercased())
        guard let first = words.first, words.count <= 2 else { return nil }
        let days = Self.days(first, today: today)
        guard days != nil || words.count == 1 else { return nil }
        let time = days == nil ? Self.time(first) : words.count == 2 ? Self.time(words[1]) : (0, Self.day)
        guard let time else { return nil }
        var start = (days ?? today) * Self.day + time.start
        if days == nil, start > local { start -= Self.day }
        self.range = Self.moment(start, offset)..<Self.moment(start + time.count, offset)
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

    /// - Returns: the second of the day, and how many seconds are meant; fractions of a second are passed over.
    private static func time(_ word: Substring) -> (start: Int, count: Int)? {
        let word = word.prefix { $0 != "." }
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

    /// - Parameter clock: seconds since 1970 as a clock of the zone shows them.
    private static func moment(_ clock: Int, _ offset: (Int) -> Int) -> Timestamp {
        let near = clock - offset(clock)
        return Timestamp(milliseconds: Int64(clock - offset(near)) * 1000)
    }

    /// Seconds east of Greenwich in the zone of this machine.
    public static func localOffset(_ seconds: Int) -> Int {
        var seconds = time_t(seconds)
        var parts = tm()
        localtime_r(&seconds, &parts)
        return parts.tm_gmtoff
    }
}
