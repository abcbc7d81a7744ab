/// A user name or password made ready for hashing and comparison, near to SASLprep (RFC 4013).
///
/// Done: invisible characters go (RFC 3454 B.1), spaces of other scripts become the space (C.1.2), and controls, format
/// characters, private use, noncharacters and replacement characters are prohibited (C.2 to C.6, C.8, C.9). Left out:
/// normalisation to NFKC, for which the standard library has no public function, and the rules for right-to-left text.
/// ASCII is as in SASLprep; a name or password beyond ASCII must be spelled in the same code points wherever it is
/// typed, and a mismatch refuses a login, never grants one.
public struct PreparedString: Hashable, Sendable {
    public let text: String

    /// `nil` when nothing is left or something prohibited is in it (RFC 4013 §2.3).
    public init?(_ text: String) {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar.isASCII {
                guard 0x20..<0x7F ~= scalar.value else { return nil }
                scalars.append(scalar)
            } else if Self.isSpace(scalar) {
                scalars.append(" ")
            } else if !Self.isMappedToNothing(scalar) {
                guard !Self.isProhibited(scalar) else { return nil }
                scalars.append(scalar)
            }
        }
        guard !scalars.isEmpty else { return nil }
        self.text = String(scalars)
    }

    var octets: [UInt8] { Array(self.text.utf8) }

    /// RFC 3454 C.1.2.
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0xA0, 0x1680, 0x2000...0x200B, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// RFC 3454 B.1.
    private static func isMappedToNothing(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0xAD, 0x34F, 0x1806, 0x180B...0x180D, 0x200C, 0x200D, 0x2060, 0xFE00...0xFE0F, 0xFEFF: true
        default: false
        }
    }

    private static func isProhibited(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x340, 0x341, 0x2FF0...0x2FFB, 0xFFFC, 0xFFFD: return true
        default: break
        }
        if scalar.properties.isNoncharacterCodePoint { return true }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate: return true
        default: return false
        }
    }
}
