import Testing

@testable import SMTP

struct Base64Tests {
    @Test(
        "the test vectors of RFC 4648 §10",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func vectors(_ text: String, _ encoded: String) {
        #expect(Base64.encode(text.utf8) == encoded)
        #expect(Base64.decode(encoded.utf8) == Array(text.utf8))
    }

    @Test(
        "nothing else is base64, and no octets have a second spelling (RFC 4648 §3.2, §3.3, §3.5)",
        arguments: [
            "Z", "Z=g=", "Zm9v\r\n", "Zg", "Zg=", "Zg===", "=", "====", "A===", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n",
            "Zm9v=", "Z=9v", "Zg==Zg==",
            "Zm9v====", "Zm-_", "Zmö",
        ])
    func malformed(_ text: String) { #expect(Base64.decode(text.utf8) == nil) }

    @Test("any octets come back")
    func roundTrip() {
        for count in 0..<200 {
            let octets = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
            #expect(Base64.decode(Base64.encode(octets).utf8) == octets)
        }
    }
}
