import Glibc
public import NIOCore

/// The Subject and the Message-ID alone, of mail that comes in: without an array of all fields, and without a copy.
extension MessageHeader {
    /// How much of a content is looked at: a header that has no such field by then is odd.
    private static let octetsSearched = 16 << 10
    /// A line's longest (RFC 5322 §2.1.1).
    private static let subjectOctets = 998

    /// The first Subject field's value as it stands, folded and encoded, at most 998 octets; `nil` where there is none.
    ///
    /// - Parameter content: its beginning.
    public static func subjectField(in content: ByteBuffer) -> ByteBuffer? {
        let found = content.withUnsafeReadableBytes {
            Self.field("subject", in: UnsafeRawBufferPointer(rebasing: $0.prefix(Self.octetsSearched)))
        }
        guard let found else { return nil }
        return content.getSlice(
            at: content.readerIndex + found.lowerBound, length: min(found.count, Self.subjectOctets))
    }

    /// What ``subjectField(in:)`` found, in words: unfolded, encoded words decoded.
    public static func subject(of field: ByteBuffer) -> String {
        var header = ByteBuffer(string: "Subject:")
        header.writeImmutableBuffer(field)
        return MessageHeader(header).subject ?? ""
    }

    /// The first Message-ID field's value (RFC 5322 §3.6.4), with its angle brackets where it has them, at most 998 octets;
    /// `nil` where there is none.
    ///
    /// - Parameter content: its beginning.
    public static func messageID(in content: ByteBuffer) -> String? {
        content.withUnsafeReadableBytes { octets in
            let octets = UnsafeRawBufferPointer(rebasing: octets.prefix(Self.octetsSearched))
            guard let found = Self.field("message-id", in: octets) else { return nil }
            // It is one word, which may stand on a line of its own. A database takes no NUL as text.
            let value = octets[found].drop(while: Self.endsWord).prefix { !Self.endsWord($0) }
                .prefix(Self.subjectOctets)
            return value.isEmpty ? nil : String(decoding: value, as: UTF8.self)
        }
    }

    private static func endsWord(_ octet: UInt8) -> Bool { [0x20, 0x09, 0x0D, 0x0A, 0x00].contains(octet) }

    /// - Parameter name: in lower case.
    /// - Returns: where the value of the first such field is.
    private static func field(_ name: StaticString, in octets: UnsafeRawBufferPointer) -> Range<Int>? {
        var start = 0
        while let end = Self.lineEnd(octets, from: start) ?? (start < octets.count ? octets.count : nil) {
            let line = UnsafeRawBufferPointer(rebasing: octets[start..<end])
            guard let first = line.first, first != 0x0D else { return nil }  // The empty line: no more fields.
            if first | 0x20 == name.utf8Start[0], let value = Self.value(of: name, line) {
                return start + value..<Self.foldedEnd(octets, lineEnd: end)
            }
            start = end + 1
        }
        return nil
    }

    /// Where a line's LF is.
    private static func lineEnd(_ octets: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start < octets.count, let base = octets.baseAddress,
            let found = memchr(base + start, 0x0A, octets.count - start)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }

    /// The offset behind the colon; `nil` where the line is another field.
    private static func value(of name: StaticString, _ line: UnsafeRawBufferPointer) -> Int? {
        let count = name.utf8CodeUnitCount
        // A hyphen is the same with and without the bit that makes letters small.
        guard line.count > count, (0..<count).allSatisfy({ line[$0] | 0x20 == name.utf8Start[$0] }) else { return nil }
        // Old programs put white space before the colon (RFC 5322 §4.5).
        guard let colon = line[count...].firstIndex(where: { $0 != 0x20 && $0 != 0x09 }), line[colon] == 0x3A else {
            return nil
        }
        return colon + 1
    }

    /// The end of a field, without the end of its last line: lines that begin with white space belong to it.
    private static func foldedEnd(_ octets: UnsafeRawBufferPointer, lineEnd: Int) -> Int {
        var end = lineEnd
        while end + 1 < octets.count, octets[end + 1] == 0x20 || octets[end + 1] == 0x09 {
            end = Self.lineEnd(octets, from: end + 1) ?? octets.count
        }
        return end > 0 && octets[end - 1] == 0x0D ? end - 1 : end
    }
}
