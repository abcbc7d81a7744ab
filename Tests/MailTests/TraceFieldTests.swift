import Mail
import Testing

@Suite("trace fields (RFC 5321 §4.4)")
struct TraceFieldTests {
    @Test(
        "moments are written as RFC 5322 §3.3 says",
        arguments: [
            (0, "Thu, 1 Jan 1970 00:00:00 +0000"), (951_782_400_000, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_795_511_096_999, "Tue, 24 Nov 2026 09:04:56 +0000"), (-1, "Wed, 31 Dec 1969 23:59:59 +0000"),
            (4_107_542_400_000, "Mon, 1 Mar 2100 00:00:00 +0000"),
        ])
    func dates(_ milliseconds: Int64, _ text: String) {
        #expect(Timestamp(milliseconds: milliseconds).rfc5322 == text)
    }

    @Test("a hostile name cannot leave its place")
    func received() {
        let field = TraceField.received(
            hello: "a\r\nX: y (", peer: "192.0.2.7", hostname: "mx.example.net", with: "ESMTP",
            id: QueueID(rawValue: 1 << 45), recipient: "<bob@example.org>", at: Timestamp(milliseconds: 0))
        #expect(
            field
                == "Received: from a??X:?y?? ([192.0.2.7])\r\n\tby mx.example.net (Hoptop) with ESMTP id 1000000000\r\n"
                + "\tfor <bob@example.org>;\r\n\tThu, 1 Jan 1970 00:00:00 +0000\r\n")
    }

    @Test("a user of this machine stands in place of a name that anybody could say")
    func localUser() {
        let field = TraceField.received(
            hello: "liar.example", peer: nil, user: LocalUser(name: "ann (", number: 1000), hostname: "mx.example.net",
            with: "ESMTP", id: QueueID(rawValue: 1 << 45), recipient: nil, at: Timestamp(milliseconds: 0))
        #expect(
            field
                == "Received: from ann?? (uid 1000)\r\n\tby mx.example.net (Hoptop) with ESMTP id 1000000000;\r\n"
                + "\tThu, 1 Jan 1970 00:00:00 +0000\r\n")
    }

    @Test("TLS is said, and a recipient beyond ASCII is not (RFC 6531 §3.7.3)")
    func tls() {
        let field = TraceField.received(
            hello: "client.example", peer: "2001:db8::7", hostname: "mx.example.net", with: "UTF8SMTPS",
            tls: "TLSv1.3\r\nX: (", id: QueueID(rawValue: 1 << 45), recipient: "<jörg@example.org>",
            at: Timestamp(milliseconds: 0))
        #expect(
            field
                == "Received: from client.example ([IPv6:2001:db8::7])\r\n"
                + "\tby mx.example.net (Hoptop) with UTF8SMTPS (using TLSv1.3??X:??) id 1000000000;\r\n"
                + "\tThu, 1 Jan 1970 00:00:00 +0000\r\n")
    }
}
