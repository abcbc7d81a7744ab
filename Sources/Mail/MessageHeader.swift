public import NIOCore

/// The header of a message, read from its first octets (RFC 5322 §2.2). Nothing is copied until a field is asked for, and
/// no octets are too odd for it.
public struct MessageHeader: Sendable {
    /// Octets of header and of text that are shown.
    static let headerShown = 16 << 10
    static let textShown = 4 << 10

    public struct Field: Sendable, Hashable {
        /// The name as written.
        public var name: String
        /// The value on one line, without the space around it; what is not UTF-8 is read as windows-1252.
        public var value: String
    }

    private let beginning: ByteBuffer
    /// Offsets from the first octet; the value ends before the line end of its last line.
    private let fieldRanges: [(name: Range<Int>, value: Range<Int>)]
    private let headerEnd: Int
    /// The offset of the text, behind the empty line.
    let textStart: Int

    /// - Parameter beginning: of the message; a field that is cut off at its end counts as far as it goes.
    public init(_ beginning: ByteBuffer) {
        self.beginning = beginning
        (self.fieldRanges, self.headerEnd, self.textStart) = beginning.withUnsafeReadableBytes(Self.read)
    }

    private static func read(
        _ octets: UnsafeRawBufferPointer
    ) -> (fields: [(name: Range<Int>, value: Range<Int>)], headerEnd: Int, textStart: Int) {
        var fields: [(name: Range<Int>, value: Range<Int>)] = []
        var start = 0
        while start < octets.count {
            let end = octets[start...].firstIndex(of: 0x0A) ?? octets.count
            let lineEnd = end > start && octets[end - 1] == 0x0D ? end - 1 : end
            let next = min(end + 1, octets.count)
            if lineEnd == start { return (fields, start, next) }  // The empty line.
            let isFolded = octets[start] == 0x20 || octets[start] == 0x09
            if isFolded, let last = fields.indices.last {
                fields[last].value = fields[last].value.lowerBound..<lineEnd
            } else if let colon = octets[start..<lineEnd].firstIndex(of: 0x3A),
                // Old programs put white space before the colon (RFC 5322 §4.5).
                let nameEnd = octets[start..<colon].lastIndex(where: { $0 != 0x20 && $0 != 0x09 }).map({ $0 + 1 }),
                octets[start..<nameEnd].allSatisfy({ $0 > 0x20 && $0 < 0x7F })
            {
                fields.append((start..<nameEnd, (colon + 1)..<lineEnd))
            } else if !isFolded {  // No field: the text begins without an empty line.
                return (fields, start, start)
            }
            start = next
        }
        return (fields, octets.count, octets.count)
    }

    /// Where its fields are, where they end, and where the text begins, as offsets from the first octet.
    var places: (fields: [(name: Range<Int>, value: Range<Int>)], end: Int, textStart: Int) {
        (self.fieldRanges, self.headerEnd, self.textStart)
    }

    public var fields: [Field] {
        self.fieldRanges.map { Field(name: self.string($0.name), value: self.unfolded($0.value)) }
    }

    /// The values of all fields of that name, in any case of letters, in their order.
    public func values(of name: String) -> [String] {
        self.fieldRanges(of: name).map { self.unfolded($0.value) }
    }

    /// Where the fields of that name are, whole with their line ends, as offsets from the first octet.
    func ranges(of name: String) -> [Range<Int>] {
        self.fieldRanges(of: name).map { field in
            let lineEnd = self.octets(field.value.upperBound..<self.beginning.readableBytes).prefix(2)
            return field.name.lowerBound..<field.value.upperBound + (lineEnd.first == 0x0A ? 1 : lineEnd.count)
        }
    }

    private func fieldRanges(of name: String) -> [(name: Range<Int>, value: Range<Int>)] {
        let wanted = name.lowercased()
        return self.fieldRanges.filter { self.string($0.name).lowercased() == wanted }
    }

    /// The Subject, encoded words decoded.
    public var subject: String? { self.values(of: "Subject").first.map(EncodedWord.decode) }

    /// The header's octets, each line with its end as it came.
    public var headerOctets: ByteBufferView { self.octets(0..<self.headerEnd) }

    /// The header as it is, up to 16 KiB; lines end with LF.
    public var displayText: String { Self.lines(self.headerOctets, limit: Self.headerShown) }

    /// The first lines of the text, up to 4 KiB; lines end with LF.
    public var beginningOfText: String {
        Self.lines(self.octets(self.textStart..<self.beginning.readableBytes), limit: Self.textShown)
    }

    private func octets(_ range: Range<Int>) -> ByteBufferView {
        let view = self.beginning.readableBytesView
        return view[(view.startIndex + range.lowerBound)..<(view.startIndex + range.upperBound)]
    }

    private func string(_ range: Range<Int>) -> String { String(decoding: self.octets(range), as: UTF8.self) }

    /// One space stands for the white space around each fold (RFC 5322 §2.2.3), and for each tab: how much of it there was
    /// means nothing.
    private func unfolded(_ range: Range<Int>) -> String {
        let lines = self.octets(range).split(separator: 0x0A).map { line in
            let octets = line.filter { $0 != 0x0D }.map { $0 == 0x09 ? 0x20 : $0 }.drop { $0 == 0x20 }
            return octets[..<(octets.lastIndex { $0 != 0x20 }.map { $0 + 1 } ?? octets.startIndex)]
        }
        return Charset.guess(Array(lines.filter { !$0.isEmpty }.joined(separator: [0x20])))
    }

    /// Each line in its own charset, as far as that can be guessed.
    private static func lines(_ all: ByteBufferView, limit: Int) -> String {
        let octets = Array(all.prefix(limit + 1))
        var shown = octets.prefix(limit)
        // A character that the limit cuts would make its line another charset's.
        if shown.count < octets.count {
            while let last = shown.last, last & 0xC0 == 0x80, limit - shown.endIndex < 3 {
                shown.removeLast()
            }
            if let last = shown.last, last >= 0xC0 { shown.removeLast() }
        }
        return shown.split(separator: 0x0A, omittingEmptySubsequences: false)
            .map { line in Charset.guess(line.filter { $0 != 0x0D }) }
            .joined(separator: "\n")
    }
}

extension StringProtocol {
    var trimmingSpaces: String {
        let rest = self.drop { $0 == " " || $0 == "\t" }
        let end = rest.lastIndex { $0 != " " && $0 != "\t" }
        return end.map { String(rest[...$0]) } ?? ""
    }
}
