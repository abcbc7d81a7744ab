/// A date-time of RFC 3339 §5.6, such as `2026-11-25T14:00:00Z`.
public enum InternetDateTime {
    /// Milliseconds since 1970-01-01T00:00:00Z; `nil` when `text` is no date-time. A fraction is cut to milliseconds.
    static func milliseconds(_ text: some StringProtocol) -> Int64? {
        var cursor = OctetCursor(Array(text.utf8.prefix(40)))
        func number(_ digits: Int, _ range: ClosedRange<Int64>) -> Int64? {
            var value: Int64 = 0
            for _ in 0..<digits {
                guard let octet = cursor.current, octet.isDigit else { return nil }
                value = value * 10 + Int64(octet - 0x30)
                cursor.skip()
            }
            return range.contains(value) ? value : nil
        }
        guard let year = number(4, 1970...9999), cursor.take(.hyphen), let month = number(2, 1...12),
            cursor.take(.hyphen), let day = number(2, 1...31),
            cursor.take(word: "T"), let hour = number(2, 0...23), cursor.take(.colon), let minute = number(2, 0...59),
            cursor.take(.colon), let second = number(2, 0...60)  // 60: a leap second.
        else { return nil }
        var fraction: Int64 = 0
        if cursor.take(.dot) {
            let digits = cursor.take(while: \.isDigit)
            guard !digits.isEmpty else { return nil }
            fraction = (digits + [0x30, 0x30]).prefix(3).reduce(0) { $0 * 10 + Int64($1 - 0x30) }
        }
        var offset: Int64 = 0
        if !cursor.take(word: "Z") {
            let isEast = cursor.take(UInt8(ascii: "+"))
            guard isEast || cursor.take(.hyphen), let hours = number(2, 0...23), cursor.take(.colon),
                let minutes = number(2, 0...59)
            else { return nil }
            offset = (hours * 60 + minutes) * (isEast ? 60 : -60)
        }
        let date = CivilDate(year: Int(year), month: Int(month), day: Int(day))
        // The 31st of a short month is another day.
        guard cursor.isAtEnd, CivilDate(days: date.days) == date else { return nil }
        return (Int64(date.days) * 86_400 + hour * 3600 + minute * 60 + second - offset) * 1000 + fraction
    }

    /// In UTC: `2026-11-25T14:00:00Z`, with `hasFraction` `2026-11-25T14:00:00.123Z`. Years before 0 and after 9999 are
    /// written as these.
    public static func text(milliseconds: Int64, hasFraction: Bool = false) -> String {
        let (seconds, fraction) = Int(milliseconds).quotientAndFloorRemainder(by: 1000)
        let (days, time) = seconds.quotientAndFloorRemainder(by: 86_400)
        let date = CivilDate(days: days)
        // Each line of a log has one, so it is not put together of strings.
        var text = Array((hasFraction ? "0000-00-00T00:00:00.000Z" : "0000-00-00T00:00:00Z").utf8)
        func put(_ number: Int, at places: ClosedRange<Int>) {
            var rest = number
            for place in places.reversed() {
                text[place] += UInt8(rest % 10)
                rest /= 10
            }
        }
        put(min(max(date.year, 0), 9999), at: 0...3)
        put(date.month, at: 5...6)
        put(date.day, at: 8...9)
        put(time / 3600, at: 11...12)
        put(time / 60 % 60, at: 14...15)
        put(time % 60, at: 17...18)
        if hasFraction { put(fraction, at: 20...22) }
        return String(decoding: text, as: UTF8.self)
    }
}
