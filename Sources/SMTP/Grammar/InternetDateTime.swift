/// A date-time of RFC 3339 §5.6, such as `2026-11-25T14:00:00Z`.
enum InternetDateTime {
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
        guard cursor.isAtEnd, day <= Self.days(in: month, year) else { return nil }
        let days = Self.days(before: year, month) + day - 1
        return (days * 86_400 + hour * 3600 + minute * 60 + second - offset) * 1000 + fraction
    }

    /// In UTC, whole seconds: `2026-11-25T14:00:00Z`.
    static func text(milliseconds: Int64) -> String {
        var days = milliseconds / 86_400_000
        let second = milliseconds / 1000 % 86_400
        var year: Int64 = 1970
        while days >= self.days(in: year) {
            days -= self.days(in: year)
            year += 1
        }
        var month: Int64 = 1
        while days >= self.days(in: month, year) {
            days -= self.days(in: month, year)
            month += 1
        }
        func padded(_ number: Int64, _ digits: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(days + 1, 2))"
        let time = "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
        return "\(date)T\(time)Z"
    }

    private static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private static func days(in year: Int64) -> Int64 { self.isLeap(year) ? 366 : 365 }

    private static func days(in month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 2: self.isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// From 1970-01-01 to the first of the month.
    private static func days(before year: Int64, _ month: Int64) -> Int64 {
        let before = year - 1
        let leaps = before / 4 - before / 100 + before / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400)
        return (year - 1970) * 365 + leaps + (1..<month).reduce(0) { $0 + self.days(in: $1, year) }
    }
}
