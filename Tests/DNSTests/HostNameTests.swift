import Testing

@testable import DNS

@Suite("names that can be asked for")
struct HostNameTests {
    @Test(
        "are labels of letters, digits, - and _, in lower case",
        arguments: [
            ("mx1.Example.ORG", "mx1.example.org"), ("example.org.", "example.org"), ("_25._tcp.mx", "_25._tcp.mx"),
            ("localhost", "localhost"), ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ])
    func good(_ text: String, _ expected: String) throws {
        #expect(try #require(HostName(text)).description == expected)
    }

    @Test(
        "are nothing else",
        arguments: [
            "", ".", "..", "a..b", ".a", "a b", "b\u{fc}cher.example", "a\u{0}b", "a\\.b", "a/b", "*.example",
            String(repeating: "a", count: 64) + ".example",
            Array(repeating: String(repeating: "a", count: 63), count: 4).joined(separator: "."),
        ])
    func bad(_ text: String) {
        #expect(HostName(text) == nil)
    }

    @Test("come out of answers in labels")
    func wire() {
        #expect(HostName(wire: [2] + "mx".utf8 + [7] + "Example".utf8 + [0])?.description == "mx.example")
        for hostile: [UInt8] in [
            [], [0], [1], [2, 0x61], [1, 0x61], [1, 0x61, 0, 1], [1, 0x2E, 0], [1, 0x0A, 0], [0xC0, 0x0C],
            [1, 0x1B, 0],
            [64] + Array(repeating: 0x61, count: 64) + [0],
            Array(repeating: [1, 0x61], count: 130).flatMap { $0 } + [0],
        ] {
            #expect(HostName(wire: hostile) == nil, "\(hostile)")
        }
    }

    @Test("are numeric when they look like addresses")
    func numeric() {
        #expect(HostName("192.0.2.1")?.isNumeric == true)
        #expect(HostName("1.example")?.isNumeric == false)
    }
}

@Suite("name servers' addresses")
struct ServerAddressTests {
    @Test(arguments: ["127.0.0.1", "127.0.0.1:5353", "2001:db8::1", "[2001:db8::1]:5353", "::1"])
    func readBack(_ text: String) throws {
        #expect(try #require(ServerAddress(text)).description == text)
    }

    @Test(arguments: ["", "ns.example", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "[127.0.0.1]", "[::1", "1.2.3"])
    func refused(_ text: String) {
        #expect(ServerAddress(text) == nil)
    }
}
