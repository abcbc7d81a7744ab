/// What 7-bit lines cannot hold becomes `?`, and lines that are too long are cut (RFC 5321 §4.5.3.1.6).
struct SevenBitMask: Sendable {
    private static let lineOctets = 998

    private var lineOctets = 0
    private var isBehindCR = false

    mutating func encode(_ octets: some Sequence<UInt8>, into output: inout [UInt8]) {
        for octet in octets {
            if self.isBehindCR {
                self.isBehindCR = false
                if octet == 0x0A {
                    output += [0x0D, 0x0A]
                    self.lineOctets = 0
                    continue
                }
                self.write(UInt8(ascii: "?"), &output)
            }
            switch octet {
            case 0x0D: self.isBehindCR = true
            case 0, 0x0A, 0x80...: self.write(UInt8(ascii: "?"), &output)
            default: self.write(octet, &output)
            }
        }
    }

    private mutating func write(_ octet: UInt8, _ output: inout [UInt8]) {
        if self.lineOctets == Self.lineOctets {
            output += [0x0D, 0x0A]
            self.lineOctets = 0
        }
        output.append(octet)
        self.lineOctets += 1
    }
}
