import NIOCore
import Testing

@testable import SMTP

/// RFC 3207.
struct STARTTLSTests {
    @Test("the handshake forgets what was said before, and changes what is offered (RFC 3207 §4.2)")
    func startTLS() {
        ServerParty(.withTLS).expect(
            after: .connected,
            """
            S: 220 mx.example.net ESMTP Hoptop
            C: STARTTLS
            S: 503 5.5.1 Say EHLO first
            C: EHLO client.example
            S: 250-mx.example.net
            S: 250-PIPELINING
            S: 250-SIZE 50000000
            S: 250-8BITMIME
            S: 250-ENHANCEDSTATUSCODES
            S: 250 STARTTLS
            C: MAIL FROM:<ann@example.net> REQUIRETLS
            S: 555 5.5.4 Parameter REQUIRETLS not supported
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Ok
            C: STARTTLS
            S: 220 2.0.0 Ready to start TLS
            *: TLS starts
            *: TLS is established
            C: RCPT TO:<bob@example.org>
            S: 503 5.5.1 Say EHLO or HELO first
            C: EHLO client.example
            S: 250-mx.example.net
            S: 250-PIPELINING
            S: 250-SIZE 50000000
            S: 250-8BITMIME
            S: 250-ENHANCEDSTATUSCODES
            S: 250-REQUIRETLS
            S: 250 AUTH PLAIN LOGIN X-LAST
            C: STARTTLS
            S: 503 5.5.1 TLS is active already
            C: RCPT TO:<bob@example.org>
            S: 503 5.5.1 Say MAIL first
            C: MAIL FROM:<ann@example.net> REQUIRETLS
            S: 250 2.1.0 Ok
            """)
    }

    @Test("what is pipelined behind STARTTLS in plaintext is discarded, and the session closed (CVE-2011-0411)")
    func injection() {
        var party = ServerParty(.withTLS).showing.started(.greeted)
        let written = party.receive(ByteBuffer(string: "STARTTLS\r\nMAIL FROM:<evil@example.net>\r\n"))
        #expect(
            written == [
                "*: heard STARTTLS", "*: note: octets behind STARTTLS in plaintext were discarded",
                "S: 554 5.5.1 Nothing may be pipelined behind STARTTLS", "*: close",
            ])
        party.session.tlsEstablished()
        #expect(party.drain().isEmpty)

        // Later, but still before the handshake.
        party = ServerParty(.withTLS).showing.started(.greeted)
        _ = party.receive(ByteBuffer(string: "STARTTLS\r\n"))
        #expect(party.session.wantsInput)
        #expect(
            party.receive(ByteBuffer(string: "R")) == [
                "*: note: octets behind STARTTLS in plaintext were discarded", "*: close",
            ])
    }

    @Test("TLS may be not available now (RFC 3207 §4), and the session goes on")
    func notAvailable() {
        var party = ServerParty(.withTLS)
        party.startTLS = .refuse(Reply(454, "4.7.0", "TLS not available due to temporary reason"))
        party.expect(
            """
            C: STARTTLS
            S: 454 4.7.0 TLS not available due to temporary reason
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Ok
            """)
    }

    @Test("without the extension, and behind HELO, there is no STARTTLS")
    func notOffered() {
        ServerParty().expect(
            """
            C: STARTTLS
            S: 502 5.5.1 Command not implemented
            """)
        ServerParty(.withTLS).expect(
            """
            C: HELO client.example
            S: 250 mx.example.net
            C: STARTTLS
            S: 503 5.5.1 Say EHLO first
            """)
    }

    @Test("a client that leaves during the handshake is forgotten, and silence there ends the session")
    func handshakeFails() {
        var party = ServerParty(.withTLS).started(.greeted)
        _ = party.receive(ByteBuffer(string: "STARTTLS\r\n"))
        var silent = party
        party.session.disconnected()
        party.session.tlsEstablished()
        #expect(party.drain().isEmpty)
        #expect(party.session.phase == .closed)
        #expect(silent.happened("timed out").last == "*: close")
    }

    @Test("mail data that was begun in chunks does not survive the handshake (RFC 3207 §4.2)")
    func startTLSInChunks() {
        ServerParty(.sample { $0.extensions.formUnion([.startTLS, .chunking]) }).expect(
            after: .recipient,
            """
            C: BDAT 2
            C| hi
            S: 250 2.0.0 2 octets received
            C: STARTTLS
            *: discard
            S: 220 2.0.0 Ready to start TLS
            *: TLS starts
            *: TLS is established
            C: EHLO client.example
            S: 250-mx.example.net
            S: 250-PIPELINING
            S: 250-SIZE 50000000
            S: 250-8BITMIME
            S: 250-ENHANCEDSTATUSCODES
            S: 250 CHUNKING
            C: BDAT 2 LAST
            C| hi
            S: 503 5.5.1 Say MAIL first
            """)
    }
}
