/// Base64 in a stream, in lines of 76 (RFC 2045 §6.8).
struct Base64LineEncoder: Sendable {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private var bits: UInt32 = 0
    private var held = 0
    private var column = 0

    mutating func encode(_ octets: some Sequence<UInt8>, into output: inout [UInt8]) {
        for octet in octets {
            self.bits = self.bits << 8 | UInt32(octet)
            self.held += 1
            if self.held == 3 { self.write(&output) }
        }
    }

    /// What waited comes out; the last line stays open.
    mutating func finish(into output: inout [UInt8]) {
        if self.held > 0 { self.write(&output) }
    }

    private mutating func write(_ output: inout [UInt8]) {
        if self.column == 76 {
            output += [0x0D, 0x0A]
            self.column = 0
        }
        let bits = self.bits << UInt32(8 * (3 - self.held))
        for place in 0..<4 {
            let digit = Self.digits[Int(bits >> UInt32(18 - 6 * place)) & 63]
            output.append(place <= self.held ? digit : UInt8(ascii: "="))
        }
        self.column += 4
        self.bits = 0
        self.held = 0
    }
}
