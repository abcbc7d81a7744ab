/// Our name for a queued message; not the Message-ID, not the ENVID.
///
/// Carries when (seconds since 2026-01-01T00:00:00Z), where (node) and which (sequence): 40, 8 and 16 bits. Written in
/// Crockford's base 32, ten or eleven characters, so that IDs sort by time. Never reused.
public struct QueueID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    public var rawValue: Int64
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// 2026-01-01T00:00:00Z in milliseconds.
    static let epoch: Int64 = 1_767_225_600_000
    private static let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    public var node: UInt8 { UInt8(truncatingIfNeeded: self.rawValue >> 16) }
    public var time: Timestamp { Timestamp(milliseconds: (self.rawValue >> 24) * 1000 + Self.epoch) }

    public init(seconds: Int64, node: UInt8, sequence: UInt16) {
        self.rawValue = seconds << 24 | Int64(node) << 16 | Int64(sequence)
    }
    /// Reads what `description` writes, in either case; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        guard (1...13).contains(text.utf8.count) else { return nil }
        var value: UInt64 = 0
        for octet in text.uppercased().utf8 {
            guard let digit = Self.digits.firstIndex(of: octet) else { return nil }
            guard value >> 58 == 0 else { return nil }
            value = value << 5 | UInt64(digit)
        }
        self.rawValue = Int64(value)
    }
    public static func < (left: QueueID, right: QueueID) -> Bool { left.rawValue < right.rawValue }
    public var description: String {
        let value = UInt64(bitPattern: self.rawValue)
        let count = max(1, (64 - value.leadingZeroBitCount + 4) / 5)
        return String(unsafeUninitializedCapacity: count) { buffer in
            for place in 0..<count {
                buffer[place] = Self.digits[Int(value >> UInt64(5 * (count - 1 - place)) & 31)]
            }
            return count
        }
    }
}

extension QueueID {
    /// Whether an ID can hold these lower-case letters and digits.
    public static func isPart(_ text: String) -> Bool {
        text.utf8.allSatisfy { octet in self.digits.contains { $0 | 0x20 == octet | 0x20 } }
    }

    /// Whether the description, in lower case, holds `word`.
    public func contains(_ word: [UInt8]) -> Bool {
        let value = UInt64(bitPattern: self.rawValue)
        let count = max(1, (64 - value.leadingZeroBitCount + 4) / 5)
        func isDigit(_ octet: UInt8, at place: Int) -> Bool {
            Self.digits[Int(value >> UInt64(5 * (count - 1 - place)) & 31)] | 0x20 == octet
        }
        guard word.count <= count else { return false }
        return (0...count - word.count).contains { start in
            word.indices.allSatisfy { isDigit(word[$0], at: start + $0) }
        }
    }
}

/// Makes queue IDs that never repeat, also when the clock goes back: an ID is never lower than the one before.
public struct QueueIDGenerator: Sendable {
    private let node: UInt8
    private var seconds: Int64
    private var sequence: UInt32 = 0

    /// - Parameter after: the highest ID ever given out by this node, as the spool knows it.
    public init(node: UInt8, after: QueueID?) {
        self.node = node
        self.seconds = after.map { ($0.rawValue >> 24) + 1 } ?? 0
    }
    public mutating func next(at now: Timestamp) -> QueueID {
        let clock = (now.milliseconds - QueueID.epoch) / 1000
        if clock > self.seconds {
            self.seconds = clock
            self.sequence = 0
        } else if self.sequence > UInt32(UInt16.max) {
            self.seconds += 1
            self.sequence = 0
        }
        defer { self.sequence += 1 }
        return QueueID(seconds: self.seconds, node: self.node, sequence: UInt16(self.sequence))
    }
}
