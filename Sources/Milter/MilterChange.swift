public import NIOCore
public import SMTP

/// What a milter does to a message at its end. Header fields are those that it was told; ours, the topmost, is not among them.
public enum MilterChange: Equatable, Sendable {
    /// At the end of the header.
    case addHeader(MilterField)
    /// Before the field of that number, the first being 1; 0 too is the top, as with Postfix.
    case insertHeader(MilterField, number: Int)
    /// The field of that name with that number, the first being 1. An empty value takes it away; one that is not there is
    /// added.
    case changeHeader(MilterField, number: Int)
    /// A piece of the body that takes the place of the one there was.
    case body(ByteBuffer)
    case addRecipient(ForwardPath, [Parameter])
    case deleteRecipient(ForwardPath)
    case changeSender(ReversePath, [Parameter])
    /// On hold, for that reason: one line.
    case quarantine(String)
}

/// A header field as it goes into a message.
public struct MilterField: Equatable, Sendable {
    public var name: String
    /// All behind the colon, lines inside it ending with CRLF and going on with white space; empty: no field.
    public var value: ByteBuffer

    /// - Parameters:
    ///   - name: printing ASCII without a colon; `nil` for anything else.
    ///   - octets: as a milter sent them; what would end the field, or the header, is made white space.
    ///   - hasLeadingSpace: they begin with the space behind the colon.
    init?(name octets: some Collection<UInt8>, value: some Collection<UInt8>, hasLeadingSpace: Bool) {
        guard !octets.isEmpty, octets.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }) else {
            return nil
        }
        self.name = String(decoding: octets, as: UTF8.self)
        self.value = ByteBuffer()
        guard !value.isEmpty else { return }
        if !hasLeadingSpace { self.value.writeInteger(UInt8(0x20)) }
        var rest = value[...]
        while let octet = rest.popFirst() {
            switch octet {
            case 0x0D where rest.first == 0x0A: continue
            case 0x0D: self.value.writeInteger(UInt8(0x20))
            case 0x0A:
                // A field's last line end is not a part of it.
                guard let next = rest.first else { continue }
                self.value.writeStaticString("\r\n")
                if next != 0x20, next != 0x09 { self.value.writeInteger(UInt8(0x09)) }
            default: self.value.writeInteger(octet)
            }
        }
    }
}
