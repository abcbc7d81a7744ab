/// What one cell of a screen shows: a base character and at most two combining marks. It is of a number's kind, so that
/// screens full of them are painted, copied and compared without a look at any string.
public struct CellText: Hashable, Sendable {
    /// Code points, 0 for none.
    public let base: UInt32
    public private(set) var firstMark: UInt32 = 0
    public private(set) var secondMark: UInt32 = 0

    /// What stands in the second half of a wide character.
    public static let none = CellText(base: 0)

    private init(base: UInt32) { self.base = base }
    /// It must be printable: ``SafeText`` says what is.
    init(_ scalar: Unicode.Scalar) { self.init(base: scalar.value) }

    public var isEmpty: Bool { self.base == 0 }

    /// - Returns: false where it carries as many as it may.
    mutating func carry(_ mark: Unicode.Scalar) -> Bool {
        guard self.secondMark == 0 else { return false }
        if self.firstMark == 0 { self.firstMark = mark.value } else { self.secondMark = mark.value }
        return true
    }
}

extension CellText: ExpressibleByUnicodeScalarLiteral, CustomStringConvertible {
    /// A literal is written in the program, and printable.
    public init(unicodeScalarLiteral value: Unicode.Scalar) { self.init(value) }

    public var description: String {
        var text = ""
        text += self
        return text
    }
}

extension String {
    public static func += (text: inout String, cell: CellText) {
        for value in [cell.base, cell.firstMark, cell.secondMark] where value > 0 {
            if let scalar = Unicode.Scalar(value) { text.unicodeScalars.append(scalar) }
        }
    }
}
