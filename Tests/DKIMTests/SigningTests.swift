import Crypto
import CryptoExtras
import Foundation
import NIOCore
import SMTP
import Testing

@testable import DKIM

@Suite("a signature (RFC 6376 §3, RFC 8463)")
struct SigningTests {
    @Test("of the example is the example's", arguments: SigningKey.Algorithm.allCases)
    func example(_ algorithm: SigningKey.Algorithm) throws {
        let header = try #require(SignedHeader(Array(Example.header.utf8)[...]))
        let field = algorithm == .rsa ? Example.rsaField : Example.ed25519Field
        let signature = try Example.key(algorithm).signature(of: header.digest(of: Example.names, signature: field))
        let expected = algorithm == .rsa ? Example.rsaSignature : Example.ed25519Signature
        #expect(Base64.encode(signature) == expected)
    }

    @Test("of a key is published as the example's record", arguments: SigningKey.Algorithm.allCases)
    func record(_ algorithm: SigningKey.Algorithm) throws {
        let expected = algorithm == .rsa ? Example.rsaRecord : Example.ed25519Record
        #expect(try Example.key(algorithm).record == expected)
    }

    @Test(
        "a key that is made is read back, and its record fits into texts of DNS",
        arguments: SigningKey.Algorithm.allCases)
    func generated(_ algorithm: SigningKey.Algorithm) throws {
        let key = try SigningKey(generating: algorithm)
        #expect(try SigningKey(pem: key.pem).record == key.record)
        #expect(key.pem.hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
        let zone = Signer(domain: "example.org", selector: "mail", key: key).zoneRecord
        #expect(zone.hasPrefix("mail._domainkey.example.org. IN TXT "))
        let texts = zone.split(separator: "\"").filter { $0.hasPrefix("v=") || !$0.contains(" ") && $0.count > 8 }
        #expect(texts.joined() == key.record)
        #expect(texts.allSatisfy { $0.utf8.count <= 255 })
    }

    @Test(
        "what is no key is refused",
        arguments: [
            "", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAA\n-----END PRIVATE KEY-----\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ])
    func noKey(_ pem: String) {
        #expect(throws: SigningKeyError.malformed) { try SigningKey(pem: pem) }
    }

    private static let football = Signer(
        domain: "football.example.com", selector: "test", key: try! Example.key(.rsa))

    private func sign(_ content: String, chunk octets: Int = .max) throws -> MessageSigning.Outcome {
        var signing = MessageSigning(at: 1_528_637_909) { $0 == "football.example.com" ? [Self.football] : [] }
        var rest = ByteBuffer(string: content)
        while rest.readableBytes > 0, let chunk = rest.readSlice(length: min(octets, rest.readableBytes)) {
            signing.receive(chunk)
        }
        return try signing.finish()
    }

    private func fields(_ content: String, chunk octets: Int = .max) throws -> String {
        guard case .signed(let fields, _) = try self.sign(content, chunk: octets) else {
            throw Unsigned(description: "\(try self.sign(content, chunk: octets))")
        }
        return fields
    }
    private struct Unsigned: Error { var description: String }

    @Test("seals From, To, Cc, Subject and Reply-To, and no line is longer than 78 characters")
    func field() throws {
        let field = try self.fields(Example.header + "\r\n" + Example.body)
        #expect(
            field.split(separator: "b=").first.map(String.init) == """
                DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r
                \td=football.example.com; s=test; t=1528637909;\r
                \th=from:from:reply-to:to:to:cc:subject:subject:date:date:message-id:\r
                \tmessage-id;\r
                \tbh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r
                \t
                """)
        #expect(field.hasSuffix("\r\n"))
        #expect(field.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 78 })
    }

    @Test("depends on the octets and not on how they are cut into chunks")
    func chunks() throws {
        let content = Example.header + "\r\n" + Example.body + "  \t\r\n a  b\t c \r\n\r\n\r\nend\r\r\n\r\n"
        let whole = try self.fields(content)
        for octets in [1, 2, 3, 7, 64] { #expect(try self.fields(content, chunk: octets) == whole, "\(octets)") }
    }

    @Test(
        "is that of a header in another form (RFC 6376 §3.4.2)",
        arguments: [
            ("Subject: Is dinner ready?", "SUBJect :  Is \t dinner\r\n\tready?  "), ("To: Suzie", "tO:Suzie"),
        ])
    func relaxedHeader(_ old: String, _ new: String) throws {
        let signed = try self.fields(Example.header + "\r\n" + Example.body)
        let other = Example.header.replacingOccurrences(of: old, with: new)
        #expect(other != Example.header)
        #expect(try self.fields(other + "\r\n" + Example.body) == signed)
    }

    @Test(
        "changes with what it covers",
        arguments: [
            ("dinner", "lunch"), ("joe@", "jim@"), ("Date: Fri", "Date: Sat"), ("Suzie Q", "SuzieQ"),
            ("hungry", "Hungry"),
            ("Hi.\r\n", "\r\nHi.\r\n"),
        ])
    func tampering(_ old: String, _ new: String) throws {
        let content = Example.header + "\r\n" + Example.body
        let other = content.replacingOccurrences(of: old, with: new)
        #expect(other != content)
        #expect(try self.fields(other) != self.fields(content))
    }

    @Test(
        "of a body in its relaxed form (RFC 6376 §3.4.4, §3.4.5)",
        arguments: [
            (" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"), ("", ""), ("\r\n \t\r\n\r\n", ""), ("a", "a\r\n"),
            ("a \t ", "a\r\n"), ("\r\n\r\na\r\n", "\r\n\r\na\r\n"), ("a\r\n\r\n\r\nb\r\n\r\n", "a\r\n\r\n\r\nb\r\n"),
            ("a\rb\nc\r", "a\rb\nc\r\r\n"),
        ])
    func relaxedBody(_ body: String, _ relaxed: String) {
        for octets in [1, 2, 1000] {
            var hash = BodyHash()
            for start in stride(from: 0, to: body.utf8.count, by: octets) {
                Array(body.utf8)[start..<min(start + octets, body.utf8.count)].withUnsafeBytes { hash.receive($0) }
            }
            #expect(hash.finish() == SHA256.hash(data: Array(relaxed.utf8)), "\(body) in chunks of \(octets)")
        }
    }

    @Test(
        "is not made where it would not hold, or is nobody's to make",
        arguments: [
            ("From: a@other.example\r\n\r\n", "notOurs"), ("Subject: x\r\n\r\n", "one From field"),
            ("From: a@football.example.com\r\nFrom: b@football.example.com\r\n\r\n", "one From field"),
            ("From: a@football.example.com\r\nno field\r\n\r\n", "is no field"),
            ("From: undisclosed:;\r\n\r\n", "one From field"),
            ("From: a@football.example.com\r\nX: \(String(repeating: "x", count: 300_000))\r\n\r\n", "octets"),
        ])
    func unsigned(_ content: String, _ reason: String) throws {
        #expect("\(try self.sign(content, chunk: 4096))".contains(reason))
    }

    @Test("without a body or an empty line is that of an empty body")
    func onlyHeader() throws {
        let signed = try self.fields(Example.header + "\r\n")
        #expect(try self.fields(Example.header) == signed)
        #expect(signed.contains("bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;"))
    }
}
