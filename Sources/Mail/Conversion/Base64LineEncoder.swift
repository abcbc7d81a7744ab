import SMTP

/// Base64 in a stream, in lines of 76 (RFC 2045 §6.8).
struct Base64LineEncoder: Sendable {
    /// What makes a whole line.
    private static let lineOctets = 57

    private var held: [UInt8] = []

    mutating func encode(_ octets: some Sequence<UInt8>, into output: inout [UInt8]) {
        for octet in octets {
            if self.held.count == Self.lineOctets {
                self.finish(into: &output)
                output += [0x0D, 0x0A]
            }
            self.held.append(octet)
        }
    }

    /// What waited comes out; the last line stays open.
    mutating func finish(into output: inout [UInt8]) {
        output += Base64.encode(self.held).utf8
        self.held.removeAll(keepingCapacity: true)
    }
}
