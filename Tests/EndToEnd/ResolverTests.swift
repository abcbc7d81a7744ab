import DNS
import NIOCore
import NIOPosix
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("what the resolver says of names", .timeLimit(.minutes(1)))
    struct ResolverTests {
        private static let signed = """
            mx MX 10 a
            a A 127.0.0.2
            a A 127.0.0.3
            a AAAA ::1
            text TXT "one " "two"
            _25._tcp.a TLSA 3 1 1 \(String(repeating: "ab", count: 32))
            alias CNAME a
            odd MX 10 b\\007d
            odd MX 20 a
            many MX 1 m0
            """ + (1..<150).map { "\nmany MX \($0 + 1) m\($0)" }.joined()

        private let loop = MultiThreadedEventLoopGroup.singleton.any()

        private func server() async throws -> NameServer {
            try await NameServer([
                Zone(name: "signed.example", records: Self.signed, signing: .signed),
                Zone(name: "plain.example", records: "a A 127.0.0.2"),
                Zone(name: "bogus.example", records: "a A 127.0.0.2", signing: .bogus),
            ])
        }

        private func resolver(_ server: NameServer, _ anchor: ResolverConfiguration.TrustAnchor? = nil) -> StubResolver
        {
            var configuration = ResolverConfiguration()
            configuration.servers = .addresses([server.address])
            configuration.trustAnchor = anchor ?? .file(server.trustAnchor)
            return StubResolver(configuration)
        }

        @Test("there is such a name or not, it has such records or not, and that is signed or not")
        func kinds() async throws {
            let server = try await self.server()
            let resolver = self.resolver(server)
            func ask<Record: ResourceRecord>(_ type: Record.Type, _ name: String) async throws -> Answer<Record> {
                try await resolver.lookUp(type, of: name, on: self.loop).get()
            }
            let signed = try await ask(A.self, "A.signed.example")
            #expect(Set(signed.records.map(\.octets)) == [[127, 0, 0, 2], [127, 0, 0, 3]])
            #expect(signed.isSecure && signed.ttl > 0 && signed.ttl <= 60)
            let plain = try await ask(A.self, "a.plain.example")
            #expect(plain.records.count == 1 && !plain.isSecure)
            let none = try await ask(MX.self, "a.signed.example")
            #expect(none.content == .noRecords && none.isSecure)
            let noName = try await ask(MX.self, "b.signed.example")
            #expect(noName.content == .noSuchName && noName.isSecure)
            #expect(try await ask(MX.self, "no name").content == .noSuchName)
            #expect(try await ask(A.self, "a.elsewhere.example").content == .failed(.refused("SERVFAIL")))
            let alias = try await ask(AAAA.self, "alias.signed.example")
            #expect(alias.records.count == 1 && alias.isSecure && alias.canonicalName == HostName("a.signed.example"))
            #expect(try await ask(TXT.self, "text.signed.example").records.map(\.text) == ["one two"])
            let tlsa = try await ask(TLSA.self, "_25._tcp.a.signed.example")
            #expect(tlsa.records.first?.data == Array(repeating: 0xAB, count: 32) && tlsa.isSecure)
            let bogus = try await ask(A.self, "a.bogus.example")
            guard case .failed(.bogus) = bogus.content else {
                Issue.record("\(bogus)")
                return
            }
            await resolver.stop()
            #expect(
                try await ask(A.self, "a.plain.example").content == .failed(.unavailable("the resolver has stopped")))
        }

        @Test("odd names are no hosts, and of many exchangers the best are kept")
        func hostile() async throws {
            let server = try await self.server()
            let resolver = self.resolver(server)
            let odd = try await resolver.lookUp(MX.self, of: "odd.signed.example", on: self.loop).get()
            #expect(odd.records.filter { $0.exchanger == .unfit }.count == 1)
            let many = try await resolver.lookUp(MX.self, of: "many.signed.example", on: self.loop).get()
            #expect(many.records.count == 100 && many.records.map(\.preference).max() == 100)
            await resolver.stop()
        }

        @Test("a thousand questions at once are all answered; without a trust anchor none is secure")
        func many() async throws {
            let server = try await self.server()
            let resolver = self.resolver(server, ResolverConfiguration.TrustAnchor.none)
            let asked = (0..<1000).map { number in
                resolver.lookUp(A.self, of: "\(number % 2 == 0 ? "a" : "n\(number)").signed.example", on: self.loop)
            }
            let answers = try await EventLoopFuture.whenAllSucceed(asked, on: self.loop).get()
            #expect(answers.filter { $0.records.count == 2 }.count == 500)
            #expect(answers.filter { $0.content == .noSuchName }.count == 500)
            #expect(!answers.contains { $0.isSecure })
            await resolver.stop()
        }
    }
}
