import NIOCore
import Testing

@testable import SMTP

struct ProxyHeaderTests {
    private static let signature: [UInt8] = Array("\r\n\r\n\0\r\nQUIT\n".utf8)

    private static func version2(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? rest.count
        return self.signature + [0x20 | command, family, UInt8(length >> 8), UInt8(length & 0xFF)] + rest
    }

    private static func tcp(_ source: String, _ sourcePort: UInt16, _ destination: String, _ destinationPort: UInt16)
        -> ProxyHeader.Connection
    {
        .tcp(
            source: .init(address: source, port: sourcePort),
            destination: .init(address: destination, port: destinationPort))
    }

    private func parse(_ octets: [UInt8]) throws(ProxyHeaderError) -> ProxyHeader? {
        try ProxyHeader.parse(ByteBuffer(bytes: octets).readableBytesView)
    }

    private static let v4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 7, 0xDC, 0x04, 0, 25]
    private static let v6: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] + [UInt8](repeating: 0, count: 15) + [1]
        + [1, 0, 0, 25]

    @Test(
        "headers of version 1 and 2, whole and as they arrive (proxy-protocol.txt §2.1, §2.2)",
        arguments: [
            (
                Array("PROXY TCP4 192.0.2.1 198.51.100.7 56324 25\r\n".utf8),
                tcp("192.0.2.1", 56324, "198.51.100.7", 25)
            ),
            (
                Array("PROXY TCP6 2001:db8::1 ::1 65535 0\r\n".utf8), tcp("2001:db8::1", 65535, "::1", 0)
            ),
            (Array("PROXY UNKNOWN\r\n".utf8), .unknown), (Array("PROXY UNKNOWN a b c d e f\r\n".utf8), .unknown),
            (version2(1, 0x11, v4), tcp("192.0.2.1", 56324, "198.51.100.7", 25)),
            (version2(1, 0x11, v4 + [3, 0, 4, 1, 2, 3, 4]), tcp("192.0.2.1", 56324, "198.51.100.7", 25)),
            (version2(1, 0x21, v6), tcp("2001:db8::1", 256, "::1", 25)), (version2(0, 0x11, v4), .local),
            (version2(0, 0, []), .local), (version2(1, 0, []), .unknown), (version2(1, 0x12, v4), .unknown),
            (version2(1, 0x31, [UInt8](repeating: 0, count: 216)), .unknown),
        ] as [([UInt8], ProxyHeader.Connection)])
    func wellFormed(_ octets: [UInt8], _ connection: ProxyHeader.Connection) throws {
        for count in 0..<octets.count { #expect(try self.parse(Array(octets.prefix(count))) == nil) }
        #expect(try self.parse(octets) == ProxyHeader(connection, octets: octets.count))
        #expect(try self.parse(octets + Array("EHLO a\r\n".utf8)) == ProxyHeader(connection, octets: octets.count))
    }

    @Test(
        "what is no header is known as soon as it can be",
        arguments: [
            Array("EHLO".utf8), Array("PROXY_".utf8), Array("proxy ".utf8), Array("PROXY \r\n".utf8),
            Array("PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n".utf8), Array("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n".utf8),
            Array("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n".utf8), Array("PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n".utf8),
            Array("PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n".utf8), Array("PROXY TCP4 ::1 ::1 1 2\r\n".utf8),
            Array("PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n".utf8), Array("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n".utf8),
            Array("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n".utf8), Array("PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n".utf8),
            Array("PROXY UNKNOWN\n".utf8), Array("PROXY TCP4\r\n".utf8), [13, 10, 13, 10, 1],
            version2(1, 0x11, Array(v4.dropLast())), version2(2, 0x11, v4), version2(1, 0x41, v4),
            version2(1, 0x13, v4), signature + [0x11, 0x11, 0, 12] + v4,
        ] as [[UInt8]])
    func malformed(_ octets: [UInt8]) {
        #expect(throws: ProxyHeaderError.malformed) { try self.parse(octets) }
    }

    @Test("no header may be longer than its version allows")
    func limits() throws {
        let unknown = "PROXY UNKNOWN " + String(repeating: "x", count: 91)  // 105
        #expect(try self.parse(Array((unknown + "\r\n").utf8))?.octets == 107)
        #expect(throws: ProxyHeaderError.tooLong(limit: 107)) { try self.parse(Array((unknown + "xxx").utf8)) }
        #expect(throws: ProxyHeaderError.tooLong(limit: 4096)) {
            try self.parse(Self.version2(1, 0x11, [], length: 4097))
        }
        let full = Self.version2(1, 0x11, Self.v4 + [UInt8](repeating: 4, count: 4084))
        #expect(try self.parse(full)?.octets == 4112)
    }

    @Test(
        "an IPv6 address has one spelling (RFC 5952 §4)",
        arguments: [
            ([0, 0, 0, 0, 0, 0, 0, 0], "::"), ([1, 0, 0, 2, 0, 0, 0, 3], "1:0:0:2::3"),
            ([1, 0, 2, 0, 3, 0, 4, 0], "1:0:2:0:3:0:4:0"), ([0, 0, 1, 0, 0, 1, 0, 0], "::1:0:0:1:0:0"),
            ([1, 2, 3, 4, 5, 6, 0, 0], "1:2:3:4:5:6::"),
            ([0xFE80, 0, 0, 0, 0xA, 0xB, 0xC, 0xABCD], "fe80::a:b:c:abcd"),
        ] as [([UInt16], String)])
    func ipv6(_ groups: [UInt16], _ text: String) throws {
        let octets = groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        let header = try self.parse(Self.version2(1, 0x21, octets + octets + [0, 1, 0, 2]))
        #expect(header?.connection == Self.tcp(text, 1, text, 2))
    }
}
