import Glibc
import Mail

/// A part of a recording that is read without those before it: a member of the gzip file (RFC 1952 §2.2), whose header says
/// in an extra field where the next one is.
struct Segment: Hashable, Sendable {
    /// Where it begins, in octets from the start of the file.
    var offset: Int
    /// Octets; `nil`: it was not ended, and goes to the end of the file.
    var length: Int?
    /// When its first moment is.
    var begins: Timestamp

    static let headerOctets = 32
    /// Octets from the segment's start to where its length stands.
    static let lengthPlace = 16

    /// Lines of one segment hold so many octets at most: what is kept in memory of a file that lies.
    static let mostOctets = 64 << 20
    static let mostLines = 1 << 20
    /// A longer line is no line of a recording.
    static let mostLineOctets = 8 << 20

    /// The header of the member: deflate, an extra field `HT` with length and time, made by Unix.
    var header: [UInt8] {
        let fixed: [UInt8] = [0x1F, 0x8B, 8, 4, 0, 0, 0, 0, 0, 3, 20, 0, 0x48, 0x54, 16, 0]
        return fixed + Self.octets(of: Int64(self.length ?? 0)) + Self.octets(of: self.begins.milliseconds)
    }

    static func octets(of value: Int64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

    /// - Parameter header: what stands at `offset`.
    init?(header: [UInt8], at offset: Int) {
        guard header.count == Self.headerOctets else { return nil }
        func number(_ place: Int) -> Int64 {
            header[place..<place + 8].reversed().reduce(0) { $0 << 8 | Int64($1) }
        }
        let length = number(Self.lengthPlace)
        let begins = Timestamp(milliseconds: number(24))
        var expected = Self(offset: offset, begins: begins).header
        expected.replaceSubrange(Self.lengthPlace..<24, with: header[Self.lengthPlace..<24])
        guard header == expected, length == 0 || length > Int64(Self.headerOctets),
            NumberBounds.contains(begins.milliseconds), NumberBounds.contains(length)
        else { return nil }
        self.offset = offset
        self.length = length == 0 ? nil : Int(length)
        self.begins = begins
    }

    init(offset: Int, begins: Timestamp) {
        self.offset = offset
        self.begins = begins
    }
}

/// Numbers of a file that anybody may have written: those within these bounds can be added up and turned into other units.
enum NumberBounds {
    private static let digits = 15
    static func contains(_ value: Int64) -> Bool { value.magnitude < 1_000_000_000_000_000 }

    /// Whether all numbers of a line of JSON are such, without an exponent. A fraction makes none larger.
    static func hold(in line: [UInt8]) -> Bool {
        var isText = false
        var isEscaped = false
        var isFraction = false
        var run = 0
        for octet in line {
            if isText {
                if isEscaped {
                    isEscaped = false
                } else if octet == UInt8(ascii: "\\") {
                    isEscaped = true
                } else {
                    isText = octet != UInt8(ascii: "\"")
                }
                continue
            }
            switch octet {
            case UInt8(ascii: "\""): isText = true
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if !isFraction { run += 1 }
                if run > self.digits { return false }
                continue
            case UInt8(ascii: ".") where run > 0:
                isFraction = true
                continue
            case UInt8(ascii: "."), UInt8(ascii: "E"): return false
            // In `true`, `false` and `null` no digit goes before.
            case UInt8(ascii: "e") where run > 0: return false
            default: break
            }
            isFraction = false
            run = 0
        }
        return true
    }
}
