public import NIOCore

extension Reply {
    /// Writes the reply as it goes over the wire: one line for each of `lines`, the enhanced status code on each of them
    /// (RFC 2034 §4). A CR, LF or NUL in the text becomes a space, so that text never makes a second reply.
    public func encode(into buffer: inout ByteBuffer) {
        let (code, enhanced) = (self.code.rawValue, self.enhanced)
        for (index, line) in self.lines.enumerated() {
            let separator = index == self.lines.count - 1 ? UInt8.space : UInt8.hyphen
            let room = 4 + EnhancedStatusCode.octetsAtMost + 1 + line.utf8.count + 2
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { octets in
                var count = 0
                func put(_ octet: UInt8) {
                    octets[count] = octet
                    count += 1
                }
                for unit: UInt16 in [100, 10, 1] { put(0x30 + UInt8(code / unit % 10)) }
                put(separator)
                if let enhanced {
                    count += enhanced.write(to: UnsafeMutableRawBufferPointer(rebasing: octets[count...]))
                    put(.space)
                }
                for octet in line.utf8 { put(octet == .cr || octet == .lf || octet == 0 ? .space : octet) }
                put(.cr)
                put(.lf)
                return count
            }
        }
    }
}
