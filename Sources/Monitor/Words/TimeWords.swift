import Mail
import SMTP

/// A time as an operator types it: `06:00`, `06:00:30`, `2026-11-30`, `2026-11-30T06:00`. As all clocks of the screen, in UTC.
enum TimeWords {
    /// Of some day: milliseconds since its midnight.
    case clock(milliseconds: Int64)
    case moment(Timestamp)

    static let dayMilliseconds: Int64 = 86_400_000

    init?(_ text: some StringProtocol) {
        let word = text.hasSuffix("Z") ? text.dropLast() : text[...]
        let parts = word.split(separator: "T", omittingEmptySubsequences: false)
        if parts.count == 1, word.contains(":") {
            guard let clock = Self.clock(parts[0]) else { return nil }
            self = .clock(milliseconds: clock)
            return
        }
        let numbers = (parts.first ?? "").split(separator: "-").map { Int($0) ?? -1 }
        guard numbers.count == 3, (1970...9999).contains(numbers[0]) else { return nil }
        let date = CivilDate(year: numbers[0], month: numbers[1], day: numbers[2])
        guard (1...12).contains(date.month), CivilDate(days: date.days) == date,
            let clock = parts.count == 1 ? 0 : parts.count == 2 ? Self.clock(parts[1]) : nil
        else { return nil }
        self = .moment(Timestamp(milliseconds: Int64(date.days) * Self.dayMilliseconds + clock))
    }

    private static func clock(_ text: some StringProtocol) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int64($0) ?? -1 }
        guard parts.count == 2 || parts.count == 3, (0...23).contains(parts[0]),
            parts.dropFirst().allSatisfy({ (0...59).contains($0) })
        else { return nil }
        return (parts[0] * 3600 + parts[1] * 60 + (parts.count == 3 ? parts[2] : 0)) * 1000
    }

    /// The time of day `now` or the next one that is so late.
    static func next(_ clock: Int64, after now: Timestamp) -> Timestamp {
        let today = Timestamp(milliseconds: now.milliseconds / self.dayMilliseconds * self.dayMilliseconds + clock)
        return today > now ? today : today.adding(milliseconds: self.dayMilliseconds)
    }

    /// Milliseconds: `90s`, `30m`, `2h`, `3d`.
    static func span(_ word: some StringProtocol) -> Int64? {
        let units: [Character: Int64] = ["s": 1000, "m": 60_000, "h": 3_600_000, "d": Self.dayMilliseconds]
        guard let unit = word.last.flatMap({ units[$0] }), let count = Int64(word.dropLast()),
            (1...1_000_000).contains(count)
        else { return nil }
        return count * unit
    }
}
