import SMTP

/// Takes the transfer encoding off a body (RFC 2045 §6). Nothing fails: what is not well formed stays as it is, or is passed
/// over, as the RFC advises.
enum TransferDecoding {
    static func decode(_ octets: [UInt8], _ encoding: MIMEEntity.Encoding) -> [UInt8] {
        switch encoding {
        case .sevenBit, .eightBit, .binary, .unknown: octets
        case .quotedPrintable: self.quotedPrintable(octets)
        case .base64: self.base64(octets)
        }
    }

    private static func quotedPrintable(_ octets: [UInt8]) -> [UInt8] {
        var decoded: [UInt8] = []
        // A soft line break is none: the next line goes on there.
        var goesOn = true
        for line in octets.split(separator: 0x0A, omittingEmptySubsequences: false) {
            if !goesOn { decoded.append(0x0A) }
            // White space at the end of a line was added on the way (rule 3).
            let end = line.lastIndex { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }.map { $0 + 1 }
            var rest = line[..<(end ?? line.startIndex)]
            goesOn = rest.last == UInt8(ascii: "=")
            if goesOn { rest.removeLast() }
            while let octet = rest.popFirst() {
                if octet == UInt8(ascii: "="), let value = self.hexadecimal(rest.prefix(2)) {
                    decoded.append(value)
                    rest = rest.dropFirst(2)
                } else {
                    decoded.append(octet)
                }
            }
        }
        return decoded
    }

    private static func base64(_ octets: [UInt8]) -> [UInt8] {
        var decoded: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for octet in octets.prefix(while: { $0 != UInt8(ascii: "=") }) {
            guard let digit = Base64.value(octet) else { continue }
            bits = bits << 6 | UInt32(digit)
            count += 6
            guard count >= 8 else { continue }
            count -= 8
            decoded.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        }
        return decoded
    }

    /// - Parameter digits: two of them.
    static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt8? {
        guard digits.count == 2 else { return nil }
        var value: UInt8 = 0
        for digit in digits {
            switch digit {
            case 0x30...0x39: value = value << 4 | (digit - 0x30)
            case 0x41...0x46: value = value << 4 | (digit - 0x37)
            case 0x61...0x66: value = value << 4 | (digit - 0x57)
            default: return nil
            }
        }
        return value
    }
}
