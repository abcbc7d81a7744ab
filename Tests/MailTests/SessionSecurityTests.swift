import Mail
import Testing

@Suite("what protected a session")
struct SessionSecurityTests {
    @Test(
        "is said in words that are read again",
        arguments: [
            (SessionSecurity.plaintext, "plaintext"), (SessionSecurity(tls: "TLSv1.2"), "TLSv1.2"),
            (SessionSecurity(tls: "TLSv1.3", isVerified: true), "TLSv1.3 verified"),
        ])
    func words(_ security: SessionSecurity, _ words: String) {
        #expect(security.description == words)
        #expect(SessionSecurity(description: words) == security)
    }
}
