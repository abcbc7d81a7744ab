public import NIOCore

extension Reply {
    /// Writes the reply as it goes over the wire: one line for each of `lines`, the enhanced status code on each of them
    /// (RFC 2034 §4). A CR, LF or NUL in the text becomes a space, so that text never makes a second reply.
    public func encode(into buffer: inout ByteBuffer) {
        for (index, line) in self.lines.enumerated() {
            buffer.writeString(String(self.code.rawValue))
            buffer.writeInteger(index == self.lines.count - 1 ? UInt8.space : UInt8.hyphen)
            if let enhanced = self.enhanced { buffer.writeString("\(enhanced) ") }
            if line.utf8.contains(where: Self.breaksLine) {
                buffer.writeBytes(line.utf8.lazy.map { Self.breaksLine($0) ? UInt8.space : $0 })
            } else {
                buffer.writeString(line)
            }
            buffer.writeStaticString("\r\n")
        }
    }

    private static func breaksLine(_ octet: UInt8) -> Bool { octet == .cr || octet == .lf || octet == 0 }
}
