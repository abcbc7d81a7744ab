import SMTP
import SeededRandom
import Testing

@testable import SASL

@Suite("Octets from a peer never trap")
struct RobustnessTests {
    /// Mostly what the grammar is made of, so that the parsers get far.
    private static let pieces = [
        "n", "y", "p", "p=tls-server-end-point", ",", ",", ",", ",", "=", "a=", "n=", "r=", "s=", "i=", "c=", "p=",
        "v=",
        "e=", "m=", "x=1", "cs", "ann", "biws", "=2C", "=3D", "=2", "4096", "AAAA", "A", "\0", "\n", "é", ":", "$", "#",
    ].map(octets)

    private static func message(using generator: inout SeededGenerator) -> [UInt8] {
        var message: [UInt8] = []
        for _ in 0..<Int.random(in: 0..<16, using: &generator) {
            if Int.random(in: 0..<8, using: &generator) == 0 {
                message.append(.random(in: .min ... .max, using: &generator))
            } else {
                message += self.pieces.randomElement(using: &generator) ?? []
            }
        }
        return message
    }

    @Test("random messages, to every machine and parser")
    func random() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("SASL robustness seed: \(seed)")
        var generator = SeededGenerator(seed: seed)
        let users = try users("ann:\(pencil)")
        for _ in 0..<20_000 {
            let message = Self.message(using: &generator)
            let binding = [ScramServer.Binding.notOffered, .offered, .required([1, 2, 3])]
                .randomElement(using: &generator)
            var server = ScramServer(binding ?? .offered, users: users, nonce: "s")
            if Bool.random(using: &generator) { _ = try? server.received(octets("n,,n=ann,r=c")) }
            // No chance finds a proof.
            if case .success = try? server.received(message) { Issue.record("let in by \(message), seed \(seed)") }

            var client = ScramClient(
                user: try prepared("ann"), password: try prepared("pencil"), .unsupported, nonce: "c")
            _ = try? client.received(message)
            _ = try? client.received(Self.message(using: &generator))
            #expect(!client.isVerified, "seed \(seed)")

            _ = try? Credentials(plain: message)
            var login = LoginExchange()
            _ = try? login.received(message)
            _ = try? login.received(Self.message(using: &generator))
            if let decoded = Base64.decode(message) {
                #expect(octets(Base64.encode(decoded)) == message, "seed \(seed)")
            }
            let text = String(decoding: message, as: UTF8.self)
            _ = PreparedString(text)
            _ = try? UsersFile(text: text, file: "users")
            _ = try? StoredPassword(text: text)
        }
    }
}
