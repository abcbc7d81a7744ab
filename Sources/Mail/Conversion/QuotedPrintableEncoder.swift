/// Quoted-printable in a stream (RFC 2045 §6.7): CRLF stays a line end, every other octet comes back as it was.
struct QuotedPrintableEncoder: Sendable {
    private static let columns = 75
    private static let hex = Array("0123456789ABCDEF".utf8)

    private var column = 0
    /// White space may not end a line, so it waits for what follows.
    private var space: UInt8?
    private var isBehindCR = false

    mutating func encode(_ octets: some Sequence<UInt8>, into output: inout [UInt8]) {
        for octet in octets {
            if self.isBehindCR {
                self.isBehindCR = false
                if octet == 0x0A {
                    self.writeSpace(isLast: true, &output)
                    output += [0x0D, 0x0A]
                    self.column = 0
                    continue
                }
                self.writeSpace(isLast: false, &output)
                self.writeEncoded(0x0D, &output)
            }
            switch octet {
            case 0x0D: self.isBehindCR = true
            case 0x20, 0x09:
                self.writeSpace(isLast: false, &output)
                self.space = octet
            case 0x21...0x3C, 0x3E...0x7E:
                self.writeSpace(isLast: false, &output)
                self.write(octet, &output)
            default:
                self.writeSpace(isLast: false, &output)
                self.writeEncoded(octet, &output)
            }
        }
    }

    /// What waited comes out; the last line stays open where it was.
    mutating func finish(into output: inout [UInt8]) {
        self.writeSpace(isLast: true, &output)
        if self.isBehindCR { self.writeEncoded(0x0D, &output) }
        self.isBehindCR = false
    }

    var isMidLine: Bool { self.column > 0 }

    private mutating func writeSpace(isLast: Bool, _ output: inout [UInt8]) {
        guard let space = self.space else { return }
        self.space = nil
        if isLast { self.writeEncoded(space, &output) } else { self.write(space, &output) }
    }

    private mutating func write(_ octet: UInt8, _ output: inout [UInt8]) {
        // Behind a soft break it would begin a line, and could make a delimiter that nobody wrote (RFC 2046 §5.1.1).
        if octet == UInt8(ascii: "-"), self.column == Self.columns { return self.writeEncoded(octet, &output) }
        self.makeRoom(1, &output)
        output.append(octet)
    }

    private mutating func writeEncoded(_ octet: UInt8, _ output: inout [UInt8]) {
        self.makeRoom(3, &output)
        output += [UInt8(ascii: "="), Self.hex[Int(octet >> 4)], Self.hex[Int(octet & 0xF)]]
    }

    private mutating func makeRoom(_ columns: Int, _ output: inout [UInt8]) {
        if self.column + columns > Self.columns {
            output += Array("=\r\n".utf8)
            self.column = 0
        }
        self.column += columns
    }
}
