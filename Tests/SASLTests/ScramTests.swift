import SeededRandom
import Testing

@testable import SASL

@Suite("SCRAM-SHA-256")
struct ScramTests {
    static let serverNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    static let clientNonce = "rOprNGfwEbeRWgbNEkqO"
    static let nonce = clientNonce + serverNonce

    @Test("the server speaks the example of RFC 7677 §3")
    func serverVector() throws {
        var server = ScramServer(.notOffered, users: try users("user:\(pencil)"), nonce: Self.serverNonce)
        #expect(
            try server.received(octets("n,,n=user,r=\(Self.clientNonce)")).text
                == "r=\(Self.nonce),s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
        #expect(
            try server.received(octets("c=biws,r=\(Self.nonce),p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")).text
                == "user: v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
        #expect(throws: ScramError.finished) { try server.received([]) }
    }

    @Test("the client speaks the example of RFC 7677 §3")
    func clientVector() throws {
        var client = ScramClient(
            user: try prepared("user"), password: try prepared("pencil"), .unsupported, nonce: Self.clientNonce)
        #expect(client.mechanism == .sha256)
        #expect(client.firstMessage == octets("n,,n=user,r=\(Self.clientNonce)"))
        #expect(
            try client.received(octets("r=\(Self.nonce),s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"))
                == octets("c=biws,r=\(Self.nonce),p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="))
        #expect(!client.isVerified)
        #expect(try client.received(octets("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")) == [])
        #expect(client.isVerified)
        #expect(throws: ScramError.finished) { try client.received([]) }
    }

    @Test("tls-server-end-point, and a name with comma and equals sign (RFC 5802 §5.1, §6, RFC 5929 §4)")
    func channelBinding() throws {
        let endPoint = [UInt8](0..<32)
        let final =
            "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,"
            + "r=clientnonceservernonce,p=8i5lRTEp/28emd5+yeqKGk9O2z3WvENTyB9W2gS0XB8="
        var client = ScramClient(
            user: try prepared("us,er="), password: try prepared("pencil"), .endPoint(endPoint), nonce: "clientnonce")
        var server = ScramServer(.required(endPoint), users: try users("us,er=:\(pencil)"), nonce: "servernonce")
        #expect(client.mechanism == .sha256Plus)
        #expect(client.firstMessage == octets("p=tls-server-end-point,,n=us=2Cer=3D,r=clientnonce"))
        guard case .challenge(let first) = try server.received(client.firstMessage) else {
            Issue.record("no challenge")
            return
        }
        #expect(try client.received(first) == octets(final))
        let step = try server.received(octets(final))
        #expect(step.text == "us,er=: v=LU+8Mys+6d0vp9Z5zU/5QZRVjDdELoiQVspZGPrpnzY=")
        guard case .success(_, let message) = step else { return }
        _ = try client.received(message)
        #expect(client.isVerified)
    }

    /// Plays both sides until one refuses.
    private func play(
        _ client: ScramClient.Binding, _ server: ScramServer.Binding, user: String = "ann", password: String = "pencil",
        changing first: (String) -> String = { $0 }
    ) throws -> String {
        var generator = SeededGenerator(seed: 1)
        var client = ScramClient(user: try prepared(user), password: try prepared(password), client, using: &generator)
        var server = ScramServer(server, users: try users("Ann:\(pencil)"), using: &generator)
        let changed = first(String(decoding: client.firstMessage, as: UTF8.self))
        guard case .challenge(let challenge) = try server.received(octets(changed)),
            case .success(let user, let message) = try server.received(try client.received(challenge))
        else { return "no end" }
        _ = try client.received(message)
        return client.isVerified ? user : "not verified"
    }

    @Test("GS2 flags: who may bind, who must, and who was lied to (RFC 5802 §6)")
    func flags() throws {
        let endPoint = [UInt8](repeating: 7, count: 32)
        #expect(try self.play(.unsupported, .notOffered) == "Ann")
        #expect(try self.play(.unsupported, .offered) == "Ann")
        #expect(try self.play(.notOffered, .notOffered) == "Ann")
        #expect(try self.play(.endPoint(endPoint), .required(endPoint)) == "Ann")
        #expect(throws: ScramError.downgrade) { try self.play(.notOffered, .offered) }
        #expect(throws: ScramError.bindingForOtherMechanism) { try self.play(.unsupported, .required(endPoint)) }
        #expect(throws: ScramError.bindingForOtherMechanism) { try self.play(.notOffered, .required(endPoint)) }
        #expect(throws: ScramError.bindingForOtherMechanism) { try self.play(.endPoint(endPoint), .offered) }
        #expect(throws: ScramError.bindingForOtherMechanism) { try self.play(.endPoint(endPoint), .notOffered) }
        #expect(throws: ScramError.bindingMismatch) { try self.play(.endPoint(endPoint), .required([1, 2, 3])) }
        #expect(throws: ScramError.bindingTypeUnsupported) {
            try self.play(.endPoint(endPoint), .required(endPoint)) {
                $0.replacing("tls-server-end-point", with: "tls-exporter")
            }
        }
    }

    @Test("a header changed on the way does not pass (RFC 5802 §6)")
    func changedHeader() {
        #expect(throws: ScramError.bindingMismatch) {
            try self.play(.notOffered, .offered) { $0.replacing("y,,", with: "n,,") }
        }
    }

    @Test("wrong password and unknown user fail alike (RFC 5802 §9)")
    func wrongCredentials() {
        #expect(throws: ScramError.wrongCredentials) { try self.play(.unsupported, .notOffered, password: "Pencil") }
        #expect(throws: ScramError.wrongCredentials) { try self.play(.unsupported, .notOffered, user: "bob") }
    }

    @Test("an unknown user has a salt, and always the same one")
    func decoy() throws {
        func first(_ name: String, _ users: Users) throws -> String {
            var server = ScramServer(.notOffered, users: users, nonce: "s")
            return try server.received(octets("n,,n=\(name),r=c")).text
        }
        let users = try users("ann:\(pencil)")
        #expect(try first("bob", users) == first("bob", users))
        #expect(try first("bob", users) == first("BOB", users))
        #expect(try first("bob", users) != first("carol", users))
        #expect(try first("bob", users).wholeMatch(of: /r=cs,s=[A-Za-z0-9+\/]{22}==,i=4096/) != nil)
        let other = try Users(text: "ann:\(pencil)", file: "users", decoyKey: Array(1...32))
        #expect(try first("bob", users) != first("bob", other))
    }

    @Test(
        "what a client may not begin with (RFC 5802 §5.1, §7)",
        arguments: [
            ("", .malformed(.clientFirst)), ("n", .malformed(.clientFirst)), ("n,", .malformed(.clientFirst)),
            ("n,,", .malformed(.clientFirst)), ("n,,n=ann", .malformed(.clientFirst)),
            ("n,,r=x,n=ann", .malformed(.clientFirst)), ("n,,n=,r=x", .malformed(.clientFirst)),
            ("n,,n=ann,r=", .malformed(.clientFirst)), ("n,,n=ann,r=x y", .malformed(.clientFirst)),
            ("n,,n=ann,r=x,", .malformed(.clientFirst)), ("n,,n=ann,r=x,ext", .malformed(.clientFirst)),
            ("n,,n=a=2c,r=x", .malformed(.clientFirst)), ("n,,n=a=,r=x", .malformed(.clientFirst)),
            ("n,,n=a=3,r=x", .malformed(.clientFirst)), ("n,,n=a\0b,r=x", .malformed(.clientFirst)),
            ("N,,n=ann,r=x", .malformed(.clientFirst)), ("p,,n=ann,r=x", .malformed(.clientFirst)),
            ("n,ann,n=ann,r=x", .malformed(.clientFirst)), ("n,a=,n=ann,r=x", .malformed(.clientFirst)),
            ("n,,m=x,n=ann,r=x", .mandatoryExtension), ("n,a=bob,n=ann,r=x", .authorizationRefused),
            ("p=tls-unique,,n=ann,r=x", .bindingForOtherMechanism),
            ("n,,n=ann,r=" + String(repeating: "x", count: 4096), .malformed(.clientFirst)),
        ] as [(String, ScramError)])
    func malformedFirst(message: String, error: ScramError) throws {
        var server = ScramServer(.notOffered, users: try users("ann:\(pencil)"), nonce: "s")
        #expect(throws: error) { try server.received(octets(message)) }
        #expect(throws: ScramError.finished) { try server.received(octets("n,,n=ann,r=x")) }
    }

    @Test("octets that are not UTF-8 are no name")
    func notUTF8() throws {
        var server = ScramServer(.notOffered, users: try users("ann:\(pencil)"), nonce: "s")
        #expect(throws: ScramError.malformed(.clientFirst)) {
            try server.received(octets("n,,n=") + [0xFF] + octets(",r=x"))
        }
    }

    @Test(
        "what a client may begin with: its own name twice, optional extensions",
        arguments: [
            "n,a=ann,n=ann,r=x", "n,,n=ann,r=x,x=1,y=2", "y,,n=ann,r=x",
        ])
    func wellFormedFirst(message: String) throws {
        var server = ScramServer(.notOffered, users: try users("ann:\(pencil)"), nonce: "s")
        #expect(try server.received(octets(message)).text == "r=xs,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    }

    @Test(
        "what a client may not end with (RFC 5802 §7)",
        arguments: [
            ("", .malformed(.clientFinal)), ("c=biws", .malformed(.clientFinal)),
            ("c=biws,r=xs", .malformed(.clientFinal)), ("c=biws,p=AAAA", .malformed(.clientFinal)),
            ("c=biws,r=xs,p=AAAA", .malformed(.clientFinal)), ("c=biw,r=xs,p=\(proof)", .malformed(.clientFinal)),
            ("c=biws,r=xs,p=\(proof),x=1", .malformed(.clientFinal)),
            ("c=biws,r=x,p=\(proof)", .nonceMismatch), ("c=biws,r=xsy,p=\(proof)", .nonceMismatch),
            ("c=eSws,r=xs,p=\(proof)", .bindingMismatch), ("c=biws,r=xs,p=\(proof)", .wrongCredentials),
            ("c=biws,r=xs,x=1,p=\(proof)", .wrongCredentials),
        ] as [(String, ScramError)])
    func malformedFinal(message: String, error: ScramError) throws {
        var server = ScramServer(.notOffered, users: try users("ann:\(pencil)"), nonce: "s")
        _ = try server.received(octets("n,,n=ann,r=x"))
        #expect(throws: error) { try server.received(octets(message)) }
    }
    static let proof = String(repeating: "A", count: 43) + "="

    @Test(
        "what a client does not take from a server (RFC 5802 §5.1, §7, RFC 7677 §4)",
        arguments: [
            ("", .malformed(.serverFirst)), ("r=cs", .malformed(.serverFirst)),
            ("r=cs,s=AAAA", .malformed(.serverFirst)),
            ("s=AAAA,r=cs,i=4096", .malformed(.serverFirst)), ("r=cs,s=AAA,i=4096", .malformed(.serverFirst)),
            ("r=cs,s=AAAA,i=", .malformed(.serverFirst)), ("r=cs,s=AAAA,i=-1", .malformed(.serverFirst)),
            ("r=cs,s=AAAA,i=04096", .malformed(.serverFirst)),
            ("r=cs,s=AAAA,i=99999999999999999999", .malformed(.serverFirst)),
            ("e=other-error", .malformed(.serverFirst)),
            ("m=x,r=cs,s=AAAA,i=4096", .mandatoryExtension), ("r=c,s=AAAA,i=4096", .nonceMismatch),
            ("r=xs,s=AAAA,i=4096", .nonceMismatch), ("r=cs,s=AAAA,i=4095", .iterationsRefused(4095)),
            ("r=cs,s=AAAA,i=2000001", .iterationsRefused(2_000_001)),
        ] as [(String, ScramError)])
    func malformedServerFirst(message: String, error: ScramError) throws {
        var client = ScramClient(
            user: try prepared("ann"), password: try prepared("pencil"), .unsupported, nonce: "c")
        #expect(throws: error) { try client.received(octets(message)) }
        #expect(!client.isVerified)
    }

    @Test(
        "a server that does not know the password is an impostor (RFC 5802 §3)",
        arguments: [
            ("", .malformed(.serverFinal)), ("v=", .malformed(.serverFinal)), ("v=A", .malformed(.serverFinal)),
            ("e=invalid-proof", .refused("invalid-proof")), ("v=\(proof)", .wrongServerSignature),
            ("v=AAAA", .wrongServerSignature),
        ] as [(String, ScramError)])
    func impostor(message: String, error: ScramError) throws {
        var client = ScramClient(
            user: try prepared("ann"), password: try prepared("pencil"), .unsupported, nonce: "c")
        _ = try client.received(octets("r=cs,s=AAAA,i=4096"))
        #expect(throws: error) { try client.received(octets(message)) }
        #expect(!client.isVerified)
    }

    @Test("nonces differ, and are printable without commas (RFC 5802 §5.1)")
    func nonces() {
        var generator = SystemRandomNumberGenerator()
        let nonces = (0..<100).map { _ in ScramAttributes.freshNonce(using: &generator) }
        #expect(Set(nonces).count == 100)
        #expect(nonces.allSatisfy { ScramAttributes.nonce(octets($0)[...]) == $0 && !$0.contains(",") })
    }
}
