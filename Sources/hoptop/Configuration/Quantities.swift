/// Durations and sizes as an operator writes them: `"5m"`, `"50MB"`.
enum Quantity {
    private static let durations: [(unit: String, milliseconds: Int64)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]
    private static let sizes: [(unit: String, octets: Int)] = [
        ("B", 1), ("kB", 1000), ("KB", 1000), ("KiB", 1 << 10), ("MB", 1_000_000), ("MiB", 1 << 20),
        ("GB", 1_000_000_000), ("GiB", 1 << 30),
        ("TB", 1_000_000_000_000), ("TiB", 1 << 40),
    ]
    static let durationForm = "a duration such as \"500ms\", \"30s\", \"5m\", \"4h\" or \"5d\""
    static let sizeForm = "a size such as \"64KiB\", \"50MB\" or a number of octets"

    /// Milliseconds.
    static func duration(_ text: String) -> Int64? {
        guard let (number, unit) = self.parts(text),
            let factor = self.durations.first(where: { $0.unit == unit })?.milliseconds
        else { return nil }
        let (value, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : value
    }

    /// Octets.
    static func size(_ text: String) -> Int? {
        guard let (number, unit) = self.parts(text), let factor = self.sizes.first(where: { $0.unit == unit })?.octets
        else { return nil }
        let (value, overflow) = Int(number).multipliedReportingOverflow(by: factor)
        return overflow ? nil : value
    }

    /// The text of a quantity in the largest unit that says it exactly.
    static func text(milliseconds: Int64) -> String {
        let unit = self.durations.last { milliseconds % $0.milliseconds == 0 && milliseconds >= $0.milliseconds }
        return unit.map { "\(milliseconds / $0.milliseconds)\($0.unit)" } ?? "0s"
    }
    static func text(octets: Int) -> String {
        let named = self.sizes.filter { $0.unit != "KB" }.sorted { $0.octets < $1.octets }
        let unit = named.last { octets % $0.octets == 0 && octets >= $0.octets }
        return unit.map { "\(octets / $0.octets)\($0.unit)" } ?? "0B"
    }

    private static func parts(_ text: String) -> (Int64, String)? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits) else { return nil }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        return (number, String(unit))
    }
}
