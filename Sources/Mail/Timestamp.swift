/// A moment, in milliseconds since 1970-01-01T00:00:00Z. Codes as that number.
public struct Timestamp: Hashable, Comparable, Sendable, Codable {
    public var milliseconds: Int64
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }
    public init(from decoder: any Decoder) throws {
        self.milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.milliseconds)
    }
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }
    /// Milliseconds from `earlier` to this moment; the farthest there is where moments that somebody wrote lie too far apart.
    public func since(_ earlier: Timestamp) -> Int64 {
        let (span, overflow) = self.milliseconds.subtractingReportingOverflow(earlier.milliseconds)
        return overflow ? (self < earlier ? -.max : .max) : span
    }
    public func adding(milliseconds: Int64) -> Timestamp {
        let (sum, overflow) = self.milliseconds.addingReportingOverflow(milliseconds)
        return Timestamp(milliseconds: overflow ? (milliseconds < 0 ? -.max : .max) : sum)
    }
}
