/// Whether octets in a stream are UTF-8 (RFC 3629 §4).
struct UTF8Check: Sendable {
    private var expected = 0
    private var range: ClosedRange<UInt8> = 0x80...0xBF
    private var hasFailed = false

    /// Complete and without an octet that is wrong.
    var isValid: Bool { !self.hasFailed && self.expected == 0 }

    mutating func receive(_ octets: some Sequence<UInt8>) {
        if self.hasFailed { return }
        for octet in octets {
            if self.expected > 0 {
                if !self.range.contains(octet) { return self.hasFailed = true }
                self.range = 0x80...0xBF
                self.expected -= 1
                continue
            }
            switch octet {
            case ..<0x80: break
            case 0xC2...0xDF: self.expected = 1
            case 0xE0: self.expect(2, 0xA0...0xBF)
            case 0xED: self.expect(2, 0x80...0x9F)
            case 0xE1...0xEF: self.expected = 2
            case 0xF0: self.expect(3, 0x90...0xBF)
            case 0xF1...0xF3: self.expected = 3
            case 0xF4: self.expect(3, 0x80...0x8F)
            default: return self.hasFailed = true
            }
        }
    }

    private mutating func expect(_ count: Int, _ range: ClosedRange<UInt8>) {
        self.expected = count
        self.range = range
    }
}
