import NIOCore
import SMTP
import Testing

@testable import Relay

@Suite("the addresses at which we take mail ourselves")
struct OwnAddressesTests {
    private func own(_ listening: (String, Int)...) throws -> OwnAddresses {
        OwnAddresses(try listening.map { try SocketAddress(ipAddress: $0, port: $1) }, port: 25)
    }
    private func octets(_ text: String) throws -> [UInt8] { try #require(Network.octets(text)) }

    @Test("are those with the port of mail exchangers")
    func ports() throws {
        let own = try self.own(("192.0.2.1", 25), ("192.0.2.2", 587), ("2001:db8::1", 25))
        #expect(own.contains(try self.octets("192.0.2.1")))
        #expect(own.contains(try self.octets("2001:db8::1")))
        #expect(!own.contains(try self.octets("192.0.2.2")))
        #expect(try self.own(("192.0.2.2", 587)).isEmpty)
    }

    @Test("are all of the machine where everything is listened on", arguments: ["0.0.0.0", "::"])
    func everywhere(_ address: String) throws {
        let own = try self.own((address, 25))
        #expect(own.contains(try self.octets("127.0.0.1")))
        #expect(own.contains(try self.octets("127.9.9.9")))
        #expect(own.contains(try self.octets("::1")))
        #expect(!own.contains(try self.octets("192.0.2.1")))
    }
}
