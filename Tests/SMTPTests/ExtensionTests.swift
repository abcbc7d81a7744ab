import NIOCore
import Testing

@testable import SMTP

/// Extensions that are parameters, limits and questions.
struct ExtensionTests {
    @Test("EHLO names exactly what holds, in one order (RFC 5321 §4.1.1.1)")
    func everything() {
        ServerParty(
            .sample {
                $0.extensions = Set(ServiceExtension.allCases)
                $0.mechanisms = ["SCRAM-SHA-256", "PLAIN"]
                $0.isSecured = true
                $0.trustsClient = true
                $0.holdLimit = .init(seconds: 86_400, until: 1_795_615_200_000)
            }
        ).expect(
            after: .connected,
            """
            S: 220 mx.example.net ESMTP Hoptop
            C: EHLO client.example
            S: 250-mx.example.net
            S: 250-PIPELINING
            S: 250-SIZE 50000000
            S: 250-8BITMIME
            S: 250-ENHANCEDSTATUSCODES
            S: 250-CHUNKING
            S: 250-BINARYMIME
            S: 250-DSN
            S: 250-SMTPUTF8
            S: 250-LIMITS RCPTMAX=1000
            S: 250-DELIVERBY
            S: 250-FUTURERELEASE 86400 2026-11-25T14:00:00Z
            S: 250-MT-PRIORITY
            S: 250-REQUIRETLS
            S: 250-ETRN
            S: 250-AUTH SCRAM-SHA-256 PLAIN
            S: 250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT
            S: 250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE
            C: HELP
            S: 214 2.0.0 Commands: EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT AUTH ETRN
            """)
        // Without TLS, trust, mechanisms, a limit to announce or 8BITMIME some of it is missing.
        ServerParty(.sample { $0.extensions = Set(ServiceExtension.allCases).subtracting([.eightBitMIME, .chunking]) })
            .expect(
                after: .connected,
                """
                S: 220 mx.example.net ESMTP Hoptop
                C: EHLO client.example
                S: 250-mx.example.net
                S: 250-PIPELINING
                S: 250-SIZE 50000000
                S: 250-ENHANCEDSTATUSCODES
                S: 250-DSN
                S: 250-LIMITS RCPTMAX=1000
                S: 250-DELIVERBY
                S: 250-MT-PRIORITY
                S: 250-ETRN
                S: 250 STARTTLS
                C: XCLIENT NAME=a
                S: 502 5.5.1 Command not implemented
                C: XFORWARD NAME=a
                S: 502 5.5.1 Command not implemented
                C: AUTH PLAIN
                S: 502 5.5.1 Command not implemented
                C: BDAT 1
                S: 502 5.5.1 Command not implemented
                C: MAIL FROM:<a@b> HOLDFOR=5
                S: 555 5.5.4 Parameter HOLDFOR not supported
                C: MAIL FROM:<a@b> SMTPUTF8
                S: 555 5.5.4 Parameter SMTPUTF8 not supported
                """)
        ServerParty(.sample { $0.extensions = [] }).expect(
            after: .connected,
            """
            S: 220 mx.example.net ESMTP Hoptop
            C: EHLO client.example
            S: 250 mx.example.net
            C: ETRN example.org
            S: 502 5.5.1 Command not implemented
            C: MAIL FROM:<a@b> SIZE=1
            S: 555 5.5.4 Parameter SIZE not supported
            """)
    }

    @Test("delivery status notifications: parameters are checked and kept as they were written (RFC 3461 §4)")
    func dsn() {
        var party = ServerParty(.sample { $0.extensions.insert(.dsn) })
        party.expect(
            """
            C: MAIL FROM:<ann@example.net> RET=BOTH
            S: 501 5.5.4 Malformed parameter RET
            C: MAIL FROM:<ann@example.net> ENVID=a+0D+0AX
            S: 501 5.5.4 Malformed parameter ENVID
            C: MAIL FROM:<ann@example.net> RET=HDRS RET=FULL
            S: 501 5.5.4 Parameter RET given twice
            C: MAIL FROM:<ann@example.net> RET=HDRS ENVID=QQ+20314
            S: 250 2.1.0 Ok
            C: RCPT TO:<bob@example.org> NOTIFY=NEVER,DELAY
            S: 501 5.5.4 Malformed parameter NOTIFY
            C: RCPT TO:<bob@example.org> ORCPT=bob
            S: 501 5.5.4 Malformed parameter ORCPT
            C: RCPT TO:<bob@example.org> RET=FULL
            S: 555 5.5.4 Parameter RET not supported
            C: RCPT TO:<bob@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob@x
            S: 250 2.1.5 Ok
            """)
        party = party.started(.greeted)
        _ = party.receive(
            ByteBuffer(string: "MAIL FROM:<a@b> RET=HDRS ENVID=QQ+20314\r\nRCPT TO:<c@d> NOTIFY=never\r\n"))
        #expect(party.session.mailParameters?.envelopeID == "QQ 314")
        #expect(party.session.mailParameters?.return == .headers)
        #expect(party.session.envelope?.parameters == [Parameter("RET", "HDRS"), Parameter("ENVID", "QQ+20314")])
        #expect(party.session.envelope?.recipients.first?.parameters == [Parameter("NOTIFY", "never")])
        ServerParty().expect(
            after: .transaction,
            """
            C: RCPT TO:<bob@example.org> NOTIFY=NEVER
            S: 555 5.5.4 Parameter NOTIFY not supported
            """)
        ServerParty(.sample { $0.extensions.insert(.dsn) }).expect(
            """
            C: HELO client.example
            S: 250 mx.example.net
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Ok
            C: RCPT TO:<bob@example.org> NOTIFY=NEVER
            S: 555 5.5.4 Parameter NOTIFY not supported
            """)
    }

    @Test("addresses beyond ASCII go with SMTPUTF8 and with nothing else (RFC 6531 §3.4, §3.5)")
    func smtpUTF8() {
        let party = ServerParty(.sample { $0.extensions.formUnion([.smtpUTF8, .dsn]) })
        party.expect(
            """
            C: MAIL FROM:<mörk@bücher.example>
            S: 553 5.6.7 Characters beyond ASCII need the parameter SMTPUTF8
            C: MAIL FROM:<mörk@bücher.example> SMTPUTF8=1
            S: 501 5.5.4 Malformed parameter SMTPUTF8
            C: MAIL FROM:<mörk@bücher.example> SMTPUTF8
            S: 250 2.1.0 Ok
            C: RCPT TO:<δοκιμή@παράδειγμα.example> ORCPT=utf-8;δοκιμή@παράδειγμα.example
            S: 250 2.1.5 Ok
            C| RCPT TO:<a\\xe4@b>\\r\\n
            S: 500 5.5.2 Only printing ASCII may stand in a command
            C: DATA
            S: 354 End data with <CR><LF>.<CR><LF>
            C: .
            *: commit <mörk@bücher.example> -> <δοκιμή@παράδειγμα.example>, 0 octets
            S: 250 2.0.0 Ok: queued as 4Q7K
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Ok
            C: RCPT TO:<mörk@example.org>
            S: 553 5.6.7 Characters beyond ASCII need the parameter SMTPUTF8
            C: RCPT TO:<bob@example.org> ORCPT=utf-8;böb@example.org
            S: 553 5.6.7 Characters beyond ASCII need the parameter SMTPUTF8
            C: RCPT TO:<bob@example.org> ORCPT=utf-8;b\\x{F6}b@example.org
            S: 250 2.1.5 Ok
            """)
        party.expect(
            """
            C: VRFY mörk
            S: 553 5.6.7 Characters beyond ASCII need the parameter SMTPUTF8
            C: VRFY mörk SMTPUTF8
            S: 252 2.1.5 Cannot VRFY; send some mail and it will be tried
            C: EXPN mörk SMTPUTF8
            S: 502 5.5.1 Command not implemented
            C: NOOP mörk
            S: 500 5.5.2 Only printing ASCII may stand in a command
            """)
        ServerParty().expect(
            """
            C: MAIL FROM:<mörk@bücher.example> SMTPUTF8
            S: 500 5.5.2 Only printing ASCII may stand in a command
            """)
    }

    @Test("the limit that is announced is kept (RFC 9422 §4)")
    func limits() {
        ServerParty(
            .sample {
                $0.extensions.insert(.limits)
                $0.maximumRecipients = 3
            }
        ).expect(
            """
            C: MAIL FROM:<ann@example.net>
            C: RCPT TO:<a@b>
            C: RCPT TO:<a@c>
            C: RCPT TO:<d@B>
            C: RCPT TO:<e@b>
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            S: 250 2.1.5 Ok
            S: 250 2.1.5 Ok
            S: 452 4.5.3 Too many recipients
            """)
    }

    @Test("a time to deliver by that is over already is refused, where the message would be returned (RFC 2852 §4)")
    func deliverBy() {
        ServerParty(.sample { $0.extensions.insert(.deliverBy) }).expect(
            """
            C: MAIL FROM:<ann@example.net> BY=0;R
            S: 501 5.5.4 Malformed parameter BY
            C: MAIL FROM:<ann@example.net> BY=5;N
            S: 250 2.1.0 Ok
            C: RSET
            S: 250 2.0.0 Ok
            C: MAIL FROM:<ann@example.net> BY=60;RT
            S: 250 2.1.0 Ok
            """)
    }

    @Test("a message is held no longer than the server holds mail (RFC 4865 §4)")
    func futureRelease() {
        ServerParty(
            .sample {
                $0.extensions.insert(.futureRelease)
                $0.holdLimit = .init(seconds: 3600, until: 1_795_615_200_000)
            }
        ).expect(
            """
            C: MAIL FROM:<ann@example.net> HOLDFOR=3601
            S: 501 5.5.4 HOLDFOR may be 3600 seconds at most
            C: MAIL FROM:<ann@example.net> HOLDUNTIL=2026-11-25T14:00:01Z
            S: 501 5.5.4 HOLDUNTIL is too late
            C: MAIL FROM:<ann@example.net> HOLDFOR=60 HOLDUNTIL=2026-11-25T14:00:00Z
            S: 501 5.5.4 Malformed parameter HOLDUNTIL
            C: MAIL FROM:<ann@example.net> HOLDFOR=3600
            S: 250 2.1.0 Ok
            C: RSET
            S: 250 2.0.0 Ok
            C: MAIL FROM:<ann@example.net> HOLDUNTIL=2026-11-25T15:00:00+01:00
            S: 250 2.1.0 Ok
            """)
    }

    @Test("a priority is one digit, with a minus or without (RFC 6710 §4.1)")
    func priority() {
        ServerParty(.sample { $0.extensions.insert(.mtPriority) }).expect(
            """
            C: MAIL FROM:<ann@example.net> MT-PRIORITY=+3
            S: 501 5.5.4 Malformed parameter MT-PRIORITY
            C: MAIL FROM:<ann@example.net> MT-PRIORITY=-3
            S: 250 2.1.0 Ok
            """)
    }

    @Test("ETRN is the driver's to answer (RFC 1985 §5)")
    func etrn() {
        ServerParty(.sample { $0.extensions.insert(.etrn) }).expect(
            after: .connected,
            """
            S: 220 mx.example.net ESMTP Hoptop
            C: ETRN example.org
            S: 503 5.5.1 Say EHLO or HELO first
            C: HELO client.example
            S: 250 mx.example.net
            C: ETRN example.org
            S: 503 5.5.1 Say EHLO first
            C: EHLO client.example
            S: 250-mx.example.net
            S: 250-PIPELINING
            S: 250-SIZE 50000000
            S: 250-8BITMIME
            S: 250-ENHANCEDSTATUSCODES
            S: 250 ETRN
            C: ETRN example.org
            S: 250 2.0.0 Queuing for example.org started
            C: ETRN @example.org
            S: 253 2.0.0 7 pending messages started
            C: ETRN #uucp
            S: 459 4.7.1 Not for you
            C: ETRN
            S: 501 5.5.4 Syntax: ETRN domain, @domain or #queue
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Ok
            C: ETRN example.org
            S: 503 5.5.1 A transaction is open already
            """)
    }

    @Test("XCLIENT starts the session again as another client's (Postfix, XCLIENT_README)")
    func xclient() {
        var party = ServerParty(
            .sample {
                $0.extensions.formUnion([.xclient, .xforward])
                $0.trustsClient = true
            })
        party.expect(
            """
            C: XCLIENT NAME=bad.example
            S: 550 5.7.0 Not this name
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Ok
            C: XCLIENT NAME=spike.example ADDR=192.0.2.1
            S: 503 5.5.1 A transaction is open already
            C: XFORWARD NAME=spike.example ADDR=192.0.2.1
            S: 503 5.5.1 A transaction is open already
            C: RSET
            S: 250 2.0.0 Ok
            C: XFORWARD NAME=spike.example ADDR=192.0.2.1 PROTO=ESMTP HELO=spike
            S: 250 2.0.0 Ok
            C: XCLIENT NAME=spike.example ADDR=192.0.2.1
            S: 220 mx.example.net ESMTP Hoptop
            C: MAIL FROM:<ann@example.net>
            S: 503 5.5.1 Say EHLO or HELO first
            C: XCLIENT NAME=evil.example
            S: 421 4.7.0 Not you
            *: close
            """)
        party.showsQuestions = true
        party = party.started(.greeted)
        var attributes = ClientAttributes()
        attributes.address = .known("2001:db8::1")
        attributes.login = .known("ann")
        let written = party.receive(ByteBuffer(string: "XCLIENT ADDR=IPV6:2001:db8::1 LOGIN=ann\r\n"))
        #expect(written.first == "*: decide \(ServerSession.Question.xclient(attributes))")
        #expect(party.session.user == "ann")
        #expect(party.session.phase == .hello)
        _ = party.receive(ByteBuffer(string: "XCLIENT LOGIN=[UNAVAILABLE]\r\n"))
        #expect(party.session.user == nil)
    }

    @Test("a driver may word a positive reply itself, at each step")
    func ownReplies() {
        var session = ServerSession(.sample { $0.extensions.formUnion([.xclient, .startTLS]) })
        var said: [String] = []
        func drain() {
            while let action = session.next() {
                switch action {
                case .decide(.content): session.decided(.answer(Reply(354, nil, "Go")))
                case .decide(let question): session.decided(.answer(Reply(250, nil, "\(question)".prefix(4) + "!")))
                case .send(let reply): said.append(reply.description)
                case .heard, .note, .startTLS, .authenticate, .store, .commit, .discard, .close: break
                }
            }
        }
        drain()
        session.receive(ByteBuffer(string: "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"))
        drain()
        #expect(said == ["250 gree!", "250 hell!", "250 mail!", "250 reci!", "354 Go"])
        #expect(session.phase == .content)
    }
}
