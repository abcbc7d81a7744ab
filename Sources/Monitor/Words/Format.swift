public import Mail

/// Numbers and times as people read them, on the screen and in the output of commands.
public enum Format {
    /// `41,207`
    public static func count(_ value: Int) -> String {
        let digits = String(value.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return value < 0 ? "-" + text : text
    }

    /// A count in at most so many columns: `41,207`; where that has no room `41207`, `1205k`, `1M`.
    public static func count(_ value: Int, columns: Int) -> String {
        let thousands = (value + 500) / 1000
        let forms = [Self.count(value), "\(value)", "\(thousands)k"]
        return forms.first { $0.count <= columns } ?? "\((thousands + 500) / 1000)M"
    }

    /// A size in at most five columns: `941`, `14K`, `1.2M`.
    public static func octets(_ value: Int) -> String {
        if value < 1000 { return "\(value)" }
        var amount = Double(value) / 1024
        for unit in ["K", "M", "G", "T"] {
            if amount < 9.95 { return self.decimal(amount) + unit }
            if amount < 999.5 { return "\(Int(amount.rounded()))" + unit }
            amount /= 1024
        }
        return "\(Int(amount))P"
    }
    /// Octets in words: `38 KiB`.
    public static func octetsLong(_ value: Int) -> String {
        let short = self.octets(value)
        guard let unit = short.last, unit.isLetter else { return "\(value) B" }
        return "\(short.dropLast()) \(unit)iB"
    }

    public static func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// An age in at most five columns: `7s`, `4m09`, `2h10m`, `3d07h`.
    public static func age(milliseconds: Int64) -> String {
        let seconds = max(0, milliseconds / 1000)
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        if seconds < 60 { return "\(seconds)s" }
        if seconds < 3600 { return "\(seconds / 60)m" + two(seconds % 60) }
        if seconds < 86_400 { return "\(seconds / 3600)h" + two(seconds / 60 % 60) }
        if seconds < 100 * 86_400 { return "\(seconds / 86_400)d" + two(seconds / 3600 % 24) }
        return "\(seconds / 86_400)d"
    }
    /// The largest unit only: `44m`.
    public static func span(milliseconds: Int64) -> String {
        let seconds = max(0, (milliseconds + 999) / 1000)
        if seconds < 120 { return "\(seconds)s" }
        if seconds < 7200 { return "\((seconds + 59) / 60)m" }
        if seconds < 48 * 3600 { return "\(seconds / 3600)h" }
        return "\(seconds / 86_400)d"
    }
    /// An age in a list, `7s`, `40s`, `4m`, `2h10m`: full of them a screen is not to change each second.
    public static func roughAge(milliseconds: Int64) -> String {
        let seconds = max(0, milliseconds / 1000)
        if seconds < 60 { return "\(seconds < 10 ? seconds : seconds / 10 * 10)s" }
        return seconds < 3600 ? "\(seconds / 60)m" : self.age(milliseconds: milliseconds)
    }
    /// A wait in a list, as ``roughAge(milliseconds:)`` is an age: nothing goes before it says so.
    public static func roughSpan(milliseconds: Int64) -> String {
        let seconds = max(0, (milliseconds + 999) / 1000)
        if seconds <= 60 { return "\(seconds < 10 ? seconds : (seconds + 9) / 10 * 10)s" }
        return self.span(milliseconds: max(milliseconds, 120_000))
    }
    /// How long something took: `38ms`, `1.4s`, `12s`, `4m09`.
    public static func took(milliseconds: Int64) -> String {
        if milliseconds < 0 { return "-" + self.took(milliseconds: -milliseconds) }
        if milliseconds < 1000 { return "\(milliseconds)ms" }
        if milliseconds < 10_000 { return self.decimal(Double(milliseconds) / 1000) + "s" }
        return self.age(milliseconds: milliseconds)
    }
    /// The time since the line before: `+.019`, `+12.42`.
    public static func delta(milliseconds: Int64) -> String {
        if milliseconds < 0 { return "-" + String(self.delta(milliseconds: -milliseconds).dropFirst()) }
        let seconds = milliseconds / 1000
        let rest = milliseconds % 1000
        if seconds >= 100 { return "+\(seconds)s" }
        if seconds > 0 { return "+\(seconds).\(rest / 100)\(rest / 10 % 10)" }
        return "+.\(rest / 100)\(rest / 10 % 10)\(rest % 10)"
    }

    /// `12:41:07`, UTC.
    public static func clock(_ time: Timestamp) -> String {
        let seconds = ((time.milliseconds / 1000) % 86_400 + 86_400) % 86_400
        return [seconds / 3600, seconds / 60 % 60, seconds % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
            .joined(separator: ":")
    }
    /// `12:41:07.102`, UTC.
    public static func clockFine(_ time: Timestamp) -> String {
        let rest = String(((time.milliseconds % 1000) + 1000) % 1000 + 1000).dropFirst()
        return self.clock(time) + "." + rest
    }
    /// `2026-11-30 06:00`, UTC.
    public static func minute(_ time: Timestamp) -> String {
        "\(time.rfc3339.prefix(10)) \(self.clock(time).prefix(5))"
    }
    /// `06:00`, UTC; with its date where that is not today's.
    public static func moment(_ time: Timestamp, _ now: Timestamp) -> String {
        let clock = self.clock(time)
        let short = clock.hasSuffix(":00") ? String(clock.dropLast(3)) : clock
        let isToday = time.milliseconds / 86_400_000 == now.milliseconds / 86_400_000
        return isToday ? short : "\(time.rfc3339.prefix(10)) \(short)"
    }
    public static func plural(_ count: Int, _ noun: String) -> String {
        "\(Self.count(count)) \(noun)\(count == 1 ? "" : "s")"
    }
}

extension String {
    /// `Drop`
    public var capitalizedFirst: String { self.prefix(1).uppercased() + self.dropFirst() }
    /// The text, filled with blanks on the right and never cut; for what is known to be short ASCII.
    public func padded(_ columns: Int) -> String {
        self + String(repeating: " ", count: max(0, columns - self.count))
    }
    public func padded(left columns: Int) -> String {
        String(repeating: " ", count: max(0, columns - self.count)) + self
    }
}
