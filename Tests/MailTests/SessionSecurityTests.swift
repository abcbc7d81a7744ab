import Mail
import Testing

@Suite("what protected a session")
struct SessionSecurityTests {
    @Test(
        "is said in words that are read again",
        arguments: [
            (SessionSecurity.plaintext, "plaintext"), (SessionSecurity(tls: "TLSv1.2"), "TLSv1.2"),
            (SessionSecurity(tls: "TLSv1.3", isVerified: true), "TLSv1.3 verified"),
            (
                SessionSecurity(tls: "TLSv1.3", isVerified: true, policy: "DANE: TLSA 3 1 1; and more"),
                "TLSv1.3 verified; DANE: TLSA 3 1 1; and more"
            ), (SessionSecurity(tls: nil, policy: "opportunistic: no DANE"), "plaintext; opportunistic: no DANE"),
        ])
    func words(_ security: SessionSecurity, _ words: String) {
        #expect(security.description == words)
        #expect(SessionSecurity(description: words) == security)
    }
}
