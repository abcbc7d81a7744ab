import NIOCore
import Relay
import SMTP
import Testing

@Suite("routes, networks, endpoints")
struct RouteTableTests {
    private func table(_ routes: [(String, String)]) throws -> RouteTable {
        RouteTable(
            try routes.map { pattern, host in
                Route(pattern: try #require(DomainPattern(pattern)), via: [try #require(SocketEndpoint(host))])
            })
    }

    @Test("the first match wins; without one mail waits")
    func firstMatch() throws {
        var table = try self.table([("example.org", "a:25"), ("*.example.org", "b:25"), ("example.net", "c:26")])
        func hop(_ path: String) throws -> String? {
            table.nextHop(
                for: RouteTable.routedDomain(of: try ForwardPath(parsing: path), hostname: "us.example"))?.description
        }
        #expect(try hop("<u@EXAMPLE.org>") == "a:25")
        #expect(try hop("<u@x.example.org>") == "b:25")
        #expect(try hop("<u@notexample.org>") == nil)
        #expect(try hop("<@example.net:u@example.org>") == "c:26")
        #expect(try hop("<u@example.com>") == nil)
    }

    @Test("an endpoint is host:port", arguments: ["mx.example.org:25", "192.0.2.1:2525", "[2001:db8::1]:25"])
    func endpoint(_ text: String) {
        #expect(SocketEndpoint(text)?.description == text)
    }

    @Test(
        "anything else is none",
        arguments: ["", ":25", "host", "host:", "host:70000", "2001:db8::1:25", "[::1", "a b:1"])
    func noEndpoint(_ text: String) {
        #expect(SocketEndpoint(text) == nil)
    }

    @Test("a network contains its addresses only")
    func networks() throws {
        func contains(_ network: String, _ address: String) throws -> Bool {
            try #require(Network(network)).contains(try .init(ipAddress: address, port: 0))
        }
        #expect(try contains("127.0.0.0/8", "127.9.9.9"))
        #expect(try !contains("127.0.0.0/8", "128.0.0.1"))
        #expect(try contains("192.0.2.128/25", "192.0.2.200"))
        #expect(try !contains("192.0.2.128/25", "192.0.2.100"))
        #expect(try contains("192.0.2.0/24", "::ffff:192.0.2.7"))
        #expect(try contains("2001:db8::/32", "2001:db8:1::1"))
        #expect(try !contains("0.0.0.0/0", "::1"))
        #expect(Network("127.0.0.0/33") == nil)
        #expect(Network("localhost") == nil)
    }
}
