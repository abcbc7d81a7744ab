/// Text that a terminal may be given: a list of cells, each printable, of known width, free of controls.
///
/// The sanitiser is its only maker, and the paint layer accepts nothing else. Allowed is what prints in one or two
/// columns and does not change how its neighbours print; everything else (controls, bidi and zero-width characters, tags,
/// variation selectors, private use, unassigned code points, octets that are no UTF-8) becomes visible: `\x1b`,
/// `<U+202E>`, as cells with `isEscape`.
public struct SafeText: Hashable, Sendable, CustomStringConvertible {
    public struct Cell: Hashable, Sendable {
        public fileprivate(set) var text: CellText
        /// 1 or 2 columns.
        public let width: Int8
        /// True in the notation that stands for something unprintable.
        public let isEscape: Bool
        fileprivate init(_ scalar: Unicode.Scalar, width: Int8 = 1, isEscape: Bool = false) {
            self.text = CellText(scalar)
            self.width = width
            self.isEscape = isEscape
        }
    }

    /// Octets of the source that are read; more ends in an elision mark.
    public static let limit = 4096

    public private(set) var cells: [Cell]
    /// Columns that the whole text takes.
    public private(set) var columns: Int

    private init(cells: [Cell]) {
        self.cells = cells
        self.columns = cells.reduce(0) { $0 + Int($1.width) }
    }

    public init(_ text: some StringProtocol) {
        var text = String(text)
        let plain = text.withUTF8 { Self.plain($0) }
        self = plain ?? Self(sanitising: text)
    }
    private init(sanitising text: String, expandsTabs: Bool = false) {
        self.init(sanitising: text.unicodeScalars.lazy.map(Piece.scalar), expandsTabs: expandsTabs)
    }

    /// What the ``description`` of a text is: where nothing has to be made visible the text itself, without its cells.
    public static func describing(_ text: String) -> String {
        var text = text
        return text.withUTF8 { Self.isPlain($0) } ? text : SafeText(text).description
    }

    /// A line as it was laid out: a tab goes to the next column that is a multiple of eight. In what is no such line a tab
    /// is as odd as any other control, and is shown.
    public init(line text: some StringProtocol) {
        guard text.utf8.contains(0x09) else {
            self.init(text)
            return
        }
        self.init(sanitising: String(text), expandsTabs: true)
    }

    /// Octets as they came; those that are not UTF-8 are shown as `\xff`.
    public init(octets: some Sequence<UInt8>) {
        var decoder = LossyDecoder(octets.makeIterator())
        self.init(sanitising: AnyIterator { decoder.next() })
    }

    /// Plain text of the cells, for logs and command output. It holds no control characters.
    public var description: String { self.cells.reduce(into: "") { $0 += $1.text } }
    public var isEmpty: Bool { self.cells.isEmpty }

    /// Printable ASCII needs no look at Unicode's tables.
    private static func plain(_ octets: UnsafeBufferPointer<UInt8>) -> SafeText? {
        self.isPlain(octets) ? SafeText(cells: octets.map { Cell(Unicode.Scalar($0)) }) : nil
    }
    private static func isPlain(_ octets: UnsafeBufferPointer<UInt8>) -> Bool {
        octets.count <= Self.limit && octets.allSatisfy { 0x20...0x7E ~= $0 }
    }

    /// What text is made of: a code point, or an octet that is none.
    fileprivate enum Piece {
        case scalar(Unicode.Scalar)
        case octet(UInt8)
    }

    private init(sanitising pieces: some Sequence<Piece>, expandsTabs: Bool = false) {
        var cells: [Cell] = []
        var columns = (count: 0, ofCells: 0)
        var canCarryMarks = false
        var read = 0
        // A frame's line is one character over and over.
        var last: (scalar: Unicode.Scalar, kind: Kind) = (" ", .columns(1))
        for piece in pieces {
            guard case .scalar(let scalar) = piece else {
                if case .octet(let octet) = piece { cells += Self.escape(octet: octet) }
                canCarryMarks = false
                read += 1
                continue
            }
            read += UTF8.width(scalar)
            if read > Self.limit {
                cells.append(Cell("…", isEscape: true))
                break
            }
            if expandsTabs, scalar == "\t" {
                columns.count += cells[columns.ofCells...].reduce(0) { $0 + Int($1.width) }
                let blanks = 8 - columns.count % 8
                cells += Array(repeating: Cell(" "), count: blanks)
                columns = (columns.count + blanks, cells.count)
                canCarryMarks = false
                continue
            }
            if scalar != last.scalar { last = (scalar, Self.kind(of: scalar)) }
            switch last.kind {
            case .columns(let width):
                cells.append(Cell(scalar, width: width))
                canCarryMarks = scalar != " "
            case .mark where canCarryMarks && cells[cells.count - 1].text.carry(scalar): break
            case .mark, .unprintable:
                cells += Self.escape(scalar)
                canCarryMarks = false
            }
        }
        self.init(cells: cells)
    }

    private static func escape(octet: UInt8) -> [Cell] {
        let digits = String(octet, radix: 16)
        return Self.notation("\\x" + (digits.count < 2 ? "0" : "") + digits)
    }
    private static func escape(_ scalar: Unicode.Scalar) -> [Cell] {
        if scalar.value < 0x80 { return Self.escape(octet: UInt8(scalar.value)) }
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return Self.notation("<U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + ">")
    }
    private static func notation(_ text: String) -> [Cell] {
        text.unicodeScalars.map { Cell($0, isEscape: true) }
    }
}

extension SafeText: ExpressibleByStringInterpolation {
    /// A literal is sanitised like anything else.
    public init(stringLiteral value: String) { self.init(value) }
}

extension SafeText {
    public static func + (left: SafeText, right: SafeText) -> SafeText { SafeText(cells: left.cells + right.cells) }
    /// One line of several, with spaces between them.
    public static func joined(_ lines: some Sequence<SafeText>) -> SafeText {
        SafeText(cells: Array(lines.map(\.cells).joined(separator: [Cell(" ")])))
    }

    /// The cells from `start` on that fit into `columns`, without half characters.
    public func window(from start: Int = 0, columns: Int) -> SafeText {
        var room = columns
        var skipped = 0
        var kept: [Cell] = []
        kept.reserveCapacity(min(max(0, columns), self.cells.count))
        for cell in self.cells {
            if skipped < start {
                skipped += Int(cell.width)
                continue
            }
            guard Int(cell.width) <= room else { break }
            room -= Int(cell.width)
            kept.append(cell)
        }
        return SafeText(cells: kept)
    }

    /// Cut to `columns`, with `mark` as its last cell when something was cut.
    public func fitted(_ columns: Int, mark: SafeText = "…") -> SafeText {
        if self.columns <= columns { return self }
        if columns < mark.columns { return self.window(columns: columns) }
        return self.window(columns: columns - mark.columns) + mark
    }

    /// Lines of at most `columns`, broken at spaces where there are some.
    public func wrapped(_ columns: Int) -> [SafeText] {
        guard columns > 1 else { return [self] }
        var lines: [SafeText] = []
        var rest = self.cells[...]
        while !rest.isEmpty {
            var width = 0
            var end = rest.startIndex
            var space: Int?
            while end < rest.endIndex, width + Int(rest[end].width) <= columns {
                width += Int(rest[end].width)
                if rest[end].text == " " { space = end }
                end += 1
            }
            if end < rest.endIndex, let space, space > rest.startIndex {
                lines.append(SafeText(cells: Array(rest[rest.startIndex..<space])))
                rest = rest[(space + 1)...]
            } else {
                lines.append(SafeText(cells: Array(rest[rest.startIndex..<end])))
                rest = rest[end...]
            }
        }
        return lines.isEmpty ? [self] : lines
    }
}

// MARK: - What a code point may do

extension SafeText {
    private enum Kind { case columns(Int8), mark, unprintable }

    /// Whether it prints by itself, and changes nothing around it.
    static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if case .columns = Self.kind(of: scalar) { true } else { false }
    }

    private static func kind(of scalar: Unicode.Scalar) -> Kind {
        let value = scalar.value
        if value < 0x7F { return value < 0x20 ? .unprintable : .columns(1) }
        if Self.isIn(Self.forbidden, value) { return .unprintable }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
            return .unprintable
        case .nonspacingMark, .enclosingMark:
            return .mark
        case .spaceSeparator:
            return value == 0xA0 || value == 0x3000 ? .columns(value == 0x3000 ? 2 : 1) : .unprintable
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .spacingMark,
            .decimalNumber, .letterNumber, .otherNumber, .connectorPunctuation, .dashPunctuation, .openPunctuation,
            .closePunctuation, .initialPunctuation, .finalPunctuation, .otherPunctuation, .mathSymbol,
            .currencySymbol, .modifierSymbol, .otherSymbol:
            return .columns(Self.isIn(Self.wide, value) ? 2 : 1)
        @unknown default:
            return .unprintable
        }
    }

    private static func isIn(_ ranges: [ClosedRange<UInt32>], _ value: UInt32) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(value)
    }

    /// Letters and marks by category, yet invisible, joining, or of a width that terminals do not agree on.
    private static let forbidden: [ClosedRange<UInt32>] = [
        0x034F...0x034F,  // combining grapheme joiner
        0x115F...0x11FF,  // fillers, and vowels and finals that join into the syllable before
        0x17B4...0x17B5,  // Khmer inherent vowels
        0x180B...0x180F,  // Mongolian selectors
        0x2800...0x2800,  // an empty Braille pattern
        0x3164...0x3164,  // Hangul filler
        0xD7B0...0xD7FF,  // more joining Hangul
        0xFE00...0xFE0F,  // variation selectors
        0xFFA0...0xFFA0,  // half-width Hangul filler
        0x1D159...0x1D159,  // an empty note head
        0x1F1E6...0x1F1FF,  // regional indicators pair into flags
        0x1F3FB...0x1F3FF,  // skin tones join the character before
        0xE0000...0xE0FFF,  // tags, more variation selectors
    ]

    /// Two columns wide (Unicode Standard Annex 11, W and F).
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115E, 0x231A...0x231B, 0x2329...0x232A, 0x23E9...0x23EC, 0x23F0...0x23F0, 0x23F3...0x23F3,
        0x25FD...0x25FE, 0x2614...0x2615, 0x2648...0x2653, 0x267F...0x267F, 0x2693...0x2693, 0x26A1...0x26A1,
        0x26AA...0x26AB, 0x26BD...0x26BE, 0x26C4...0x26C5, 0x26CE...0x26CE, 0x26D4...0x26D4, 0x26EA...0x26EA,
        0x26F2...0x26F3, 0x26F5...0x26F5, 0x26FA...0x26FA, 0x26FD...0x26FD, 0x2705...0x2705, 0x270A...0x270B,
        0x2728...0x2728, 0x274C...0x274C, 0x274E...0x274E, 0x2753...0x2755, 0x2757...0x2757, 0x2795...0x2797,
        0x27B0...0x27B0, 0x27BF...0x27BF, 0x2B1B...0x2B1C, 0x2B50...0x2B50, 0x2B55...0x2B55, 0x2E80...0x303E,
        0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
        0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF,
        0x1F004...0x1F004, 0x1F0CF...0x1F0CF, 0x1F18E...0x1F18E, 0x1F191...0x1F19A, 0x1F200...0x1F265,
        0x1F300...0x1F320, 0x1F32D...0x1F335, 0x1F337...0x1F37C, 0x1F37E...0x1F393, 0x1F3A0...0x1F3CA,
        0x1F3CF...0x1F3D3, 0x1F3E0...0x1F3F0, 0x1F3F4...0x1F3F4, 0x1F3F8...0x1F43E, 0x1F440...0x1F440,
        0x1F442...0x1F4FC, 0x1F4FF...0x1F53D, 0x1F54B...0x1F54E, 0x1F550...0x1F567, 0x1F57A...0x1F57A,
        0x1F595...0x1F596, 0x1F5A4...0x1F5A4, 0x1F5FB...0x1F64F, 0x1F680...0x1F6C5, 0x1F6CC...0x1F6CC,
        0x1F6D0...0x1F6D2, 0x1F6D5...0x1F6D7, 0x1F6DC...0x1F6DF, 0x1F6EB...0x1F6EC, 0x1F6F4...0x1F6FC,
        0x1F7E0...0x1F7EB, 0x1F7F0...0x1F7F0, 0x1F90C...0x1F93A, 0x1F93C...0x1F945, 0x1F947...0x1F9FF,
        0x1FA70...0x1FAFF, 0x20000...0x2FFFD, 0x30000...0x3FFFD,
    ]
}

/// UTF-8 piece by piece; an octet that fits nowhere is a piece of its own.
private struct LossyDecoder<Octets: IteratorProtocol<UInt8>> {
    private var source: Octets
    private var ahead: [UInt8] = []

    init(_ source: Octets) { self.source = source }

    private mutating func fill(_ count: Int) -> Bool {
        while self.ahead.count < count {
            guard let octet = self.source.next() else { return false }
            self.ahead.append(octet)
        }
        return true
    }

    mutating func next() -> SafeText.Piece? {
        guard self.fill(1) else { return nil }
        let first = self.ahead[0]
        let count = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0
        if count > 0, self.fill(count), let scalar = Self.scalar(self.ahead[..<count]) {
            self.ahead.removeFirst(count)
            return .scalar(scalar)
        }
        self.ahead.removeFirst()
        return .octet(first)
    }

    private static func scalar(_ octets: ArraySlice<UInt8>) -> Unicode.Scalar? {
        let first = octets[octets.startIndex]
        if octets.count == 1 { return Unicode.Scalar(first) }
        var value = UInt32(first) & (0x7F >> UInt32(octets.count))
        for octet in octets.dropFirst() {
            guard octet & 0xC0 == 0x80 else { return nil }
            value = value << 6 | UInt32(octet & 0x3F)
        }
        let least: [UInt32] = [0, 0, 0x80, 0x800, 0x10000]
        return value < least[octets.count] ? nil : Unicode.Scalar(value)
    }
}
