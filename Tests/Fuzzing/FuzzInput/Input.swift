public import NIOCore

/// The octets of one run, taken as choices and as pieces.
public struct Input {
    private let octets: [UInt8]
    private var index = 0

    public init(_ octets: UnsafeBufferPointer<UInt8>) { self.octets = Array(octets) }

    public var isAtEnd: Bool { self.index >= self.octets.count }

    /// 1 behind the end.
    public mutating func octet() -> UInt8 {
        guard !self.isAtEnd else { return 1 }
        defer { self.index += 1 }
        return self.octets[self.index]
    }

    /// A length in one octet, then so many, as far as there are.
    public mutating func piece() -> ByteBuffer {
        let end = min(self.index + 1 + Int(self.octet()), self.octets.count)
        defer { self.index = end }
        return ByteBuffer(bytes: self.octets[min(self.index, end)..<end])
    }
}
