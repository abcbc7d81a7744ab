import NIOCore
import Testing

@testable import SMTP

/// What of an envelope goes on to which server, and what becomes of what cannot.
struct ClientSessionExtensionsTests {
    private static func hello(_ extensions: String...) -> String {
        let lines = ["mx.example.org"] + extensions
        return "S: 220 mx.example.org ESMTP\nC: EHLO a.example.net\n"
            + lines.dropLast().map { "S: 250-\($0)\n" }.joined() + "S: 250 \(lines.last ?? "")"
    }

    private static func mail(
        from reversePath: ReversePath = .path(Path(mailbox: Mailbox(localPart: "ann", domain: Domain("example.net")))),
        to recipients: [String] = ["bob@example.org"], _ parameters: String = "", recipientParameters: [String] = [],
        hasASCIIHeader: Bool = false, deliverBy: MailParameters.DeliverBy? = nil
    ) -> ClientSession.Transaction {
        var transaction = ClientSession.Transaction.sample(
            to: recipients, parameters: Self.parameters(parameters),
            recipientParameters: recipientParameters.map(Self.parameters))
        transaction.reversePath = reversePath
        transaction.hasASCIIHeader = hasASCIIHeader
        transaction.deliverBy = deliverBy
        return transaction
    }

    private static func parameters(_ text: String) -> [Parameter] {
        text.split(separator: " ").map { word in
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            return Parameter(parts[0], parts.count > 1 ? parts[1] : nil)
        }
    }

    private static func secured(
        _ transaction: ClientSession.Transaction, _ security: ClientSession.Security = .verified
    ) -> ClientParty {
        ClientParty(.init(hostname: "a.example.net", securedAtStart: security), [transaction])
    }

    @Test("DSN parameters are passed on as written where DSN is offered, else left out (RFC 3461 §5.2)")
    func dsn() {
        let transaction = Self.mail(
            to: ["bob@b", "cat@b"], "RET=HDRS ENVID=QQ314159",
            recipientParameters: ["NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@c"])
        let rest = "S: 354 go\nC: Subject: hi\nC:\nC: ..dotted\nC: .\nS: 250 Ok"
        ClientParty([transaction]).expect(
            """
            \(Self.hello("DSN"))
            C: MAIL FROM:<ann@example.net> RET=HDRS ENVID=QQ314159
            S: 250 Ok
            C: RCPT TO:<bob@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@c
            S: 250 Ok
            C: RCPT TO:<cat@b>
            S: 250 Ok
            C: DATA
            \(rest)
            *: <bob@b> relayed with DSN: 250 Ok
            *: <cat@b> relayed with DSN: 250 Ok
            C: QUIT
            """)
        ClientParty([transaction]).expect(
            """
            \(Self.hello("SIZE"))
            C: MAIL FROM:<ann@example.net> SIZE=24
            S: 250 Ok
            C: RCPT TO:<bob@b>
            S: 250 Ok
            C: RCPT TO:<cat@b>
            S: 250 Ok
            C: DATA
            \(rest)
            *: <bob@b> relayed: 250 Ok
            *: <cat@b> relayed: 250 Ok
            C: QUIT
            """)
    }

    @Test("only what is offered, and never what was for us (RFC 4865 §4, RFC 6710 §4.1, RFC 6152 §2)")
    func passedOn() {
        let transaction = Self.mail("HOLDFOR=60 MT-PRIORITY=3 BODY=8BITMIME SIZE=7 BY=1;R X-FOO=bar AUTH=ann")
        ClientParty([transaction]).expect(
            """
            \(Self.hello("MT-PRIORITY", "8BITMIME", "FUTURERELEASE 1 2", "DELIVERBY", "AUTH PLAIN", "X-FOO"))
            C: MAIL FROM:<ann@example.net> MT-PRIORITY=3 BODY=8BITMIME
            """)
        ClientParty([Self.mail("MT-PRIORITY=3 BODY=7BIT")]).expect(
            "\(Self.hello("8BITMIME"))\nC: MAIL FROM:<ann@example.net>")
    }

    @Test("who submitted the message is told to a server that knows us (RFC 4954 §5)")
    func auth() {
        let configuration = ClientSession.Configuration(
            hostname: "a.example.net", securedAtStart: .encrypted, mechanisms: ["XOAUTH2"])
        ClientParty(
            configuration, [Self.mail("AUTH=ann+40b")], credentials: XOAuth2Client(user: "u", token: "t")
        ).expect(
            """
            \(Self.hello("AUTH XOAUTH2"))
            C: AUTH XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==
            S: 235 Ok
            C: MAIL FROM:<ann@example.net> AUTH=ann+40b
            """)
    }

    @Test("the seconds left are told, and a server that asks for more or promises nothing gets no mail (RFC 2852 §4)")
    func deliverBy() {
        let cases: [(String, MailParameters.DeliverBy, String)] = [
            ("DELIVERBY", .init(seconds: 1, mode: .return), "C: MAIL FROM:<ann@example.net> BY=1;R"),
            (
                "DELIVERBY 120", .init(seconds: 120, mode: .return, traces: true),
                "C: MAIL FROM:<ann@example.net> BY=120;RT"
            ),
            ("DELIVERBY 120", .init(seconds: -5, mode: .notify), "C: MAIL FROM:<ann@example.net> BY=-5;N"),
            ("SIZE", .init(seconds: 5, mode: .notify), "C: MAIL FROM:<ann@example.net> SIZE=24"),
            (
                "DELIVERBY 120", .init(seconds: 119, mode: .return),
                "*: <bob@example.org> bounced unasked: 554 5.4.7 119 s are left to deliver in, and mx.example.org asks for 120 s"
                    + "\nC: QUIT"
            ),
            (
                "DELIVERBY", .init(seconds: 0, mode: .return),
                "*: <bob@example.org> bounced unasked: 554 5.4.7 0 s are left to deliver in, and mx.example.org asks for 1 s"
                    + "\nC: QUIT"
            ),
            (
                "SIZE", .init(seconds: 500, mode: .return),
                "*: <bob@example.org> bounced unasked: 554 5.4.7 mx.example.org does not promise to deliver by a time (DELIVERBY)"
                    + "\nC: QUIT"
            ),
        ]
        for (offer, deliverBy, text) in cases {
            ClientParty([Self.mail(deliverBy: deliverBy)]).expect("\(Self.hello(offer))\n\(text)")
        }
    }

    @Test("REQUIRETLS goes only over verified TLS to a server that offers it (RFC 8689 §4.2.1)")
    func requireTLS() {
        let transaction = Self.mail("REQUIRETLS")
        Self.secured(transaction).expect("\(Self.hello("REQUIRETLS"))\nC: MAIL FROM:<ann@example.net> REQUIRETLS")
        Self.secured(transaction).expect(
            """
            \(Self.hello("SIZE"))
            *: <bob@example.org> bounced unasked: 550 5.7.30 REQUIRETLS: mx.example.org does not offer it
            C: QUIT
            """)
        for security in [ClientSession.Security.none, .encrypted] {
            Self.secured(transaction, security).expect(
                """
                \(Self.hello("REQUIRETLS"))
                *: <bob@example.org> bounced unasked: 550 5.7.30 REQUIRETLS: there is no TLS to mx.example.org with a verified certificate
                C: QUIT
                """)
        }
    }

    @Test("a report goes with REQUIRETLS where it is offered, and also where it is not (RFC 8689 §5)")
    func requireTLSOfReports() {
        let report = Self.mail(from: .null, "REQUIRETLS")
        for security in [ClientSession.Security.none, .encrypted, .verified] {
            Self.secured(report, security).expect("\(Self.hello("SIZE"))\nC: MAIL FROM:<> SIZE=24")
        }
        Self.secured(report, .encrypted).expect("\(Self.hello("REQUIRETLS"))\nC: MAIL FROM:<> REQUIRETLS")
    }

    @Test("SMTPUTF8 where it is needed or was asked for, and offered (RFC 6531 §3.4)")
    func smtpUTF8() {
        let offer = Self.hello("SMTPUTF8")
        ClientParty([Self.mail("SMTPUTF8")]).expect("\(offer)\nC: MAIL FROM:<ann@example.net> SMTPUTF8")
        ClientParty([Self.mail(to: ["bøb@b"])]).expect("\(offer)\nC: MAIL FROM:<ann@example.net> SMTPUTF8")
        ClientParty([Self.mail()]).expect("\(offer)\nC: MAIL FROM:<ann@example.net>")
        // An envelope and a header of ASCII can go without (RFC 6531 §3.1, item 8).
        ClientParty([Self.mail("SMTPUTF8", hasASCIIHeader: true)]).expect(
            "\(Self.hello("SIZE"))\nC: MAIL FROM:<ann@example.net> SIZE=24")
    }

    @Test("where SMTPUTF8 is not offered only what is ASCII goes, each recipient by itself (RFC 6531 §3.5)")
    func notSMTPUTF8() {
        let offer = Self.hello("SIZE")
        ClientParty([Self.mail("SMTPUTF8")]).expect(
            """
            \(offer)
            *: <bob@example.org> bounced unasked: 554 5.6.9 mx.example.org does not take header fields beyond ASCII (SMTPUTF8)
            C: QUIT
            """)
        let international = ReversePath.path(Path(mailbox: Mailbox(localPart: "ann", domain: Domain("exämple.net"))))
        ClientParty([Self.mail(from: international, hasASCIIHeader: true)]).expect(
            """
            \(offer)
            *: <bob@example.org> bounced unasked: 553 5.6.7 mx.example.org does not take addresses beyond ASCII (SMTPUTF8)
            C: QUIT
            """)
        ClientParty([Self.mail(to: ["bøb@b", "cat@b"], "SMTPUTF8", hasASCIIHeader: true)]).expect(
            """
            \(offer)
            C: MAIL FROM:<ann@example.net> SIZE=24
            S: 250 Ok
            C: RCPT TO:<cat@b>
            S: 450 later
            *: <bøb@b> bounced unasked: 553 5.6.7 mx.example.org does not take addresses beyond ASCII (SMTPUTF8)
            *: <cat@b> deferred: 450 later
            C: RSET
            """)
    }

    @Test("an original recipient beyond ASCII is spelled in ASCII where SMTPUTF8 is not used (RFC 6533 §3)")
    func originalRecipient() {
        let transaction = Self.mail("", recipientParameters: ["ORCPT=utf-8;bøb@c"])
        ClientParty([transaction]).expect(
            """
            \(Self.hello("DSN", "SMTPUTF8"))
            C: MAIL FROM:<ann@example.net>
            S: 250 Ok
            C: RCPT TO:<bob@example.org> ORCPT=utf-8;b\\x{F8}b@c
            """)
    }

    @Test("content that the server cannot take is known before, and bounces unconverted (RFC 6152 §3, RFC 3030 §3)")
    func conversion() {
        let cases: [(String, String, ClientSession.Conversion?)] = [
            ("BODY=8BITMIME", "8BITMIME", nil), ("BODY=8BITMIME", "SIZE", .sevenBit), ("BODY=7BIT", "SIZE", nil),
            ("", "SIZE", nil), ("BODY=BINARYMIME", "BINARYMIME", .sevenBit),
            ("BODY=binarymime", "BINARYMIME\r\n250-CHUNKING", nil),
            ("BODY=BINARYMIME", "8BITMIME\r\n250-CHUNKING", .lines), ("BODY=BINARYMIME", "CHUNKING", .sevenBit),
        ]
        for (parameters, offer, conversion) in cases {
            var session = ClientSession(.init(hostname: "a.example.net"))
            session.receive(ByteBuffer(string: "220 mx\r\n250-mx\r\n250-\(offer)\r\n250 DSN\r\n"))
            while let action = session.next(), action != .ready {}
            let transaction = Self.mail(parameters)
            #expect(session.conversion(neededFor: transaction) == conversion, "\(parameters), \(offer)")
            session.begin(transaction)
            let isBounced = if case .finished = session.next() { true } else { false }
            #expect(isBounced == (conversion != nil), "\(parameters), \(offer)")
        }
        ClientParty([Self.mail("BODY=8BITMIME"), Self.mail("BODY=BINARYMIME")]).expect(
            """
            \(Self.hello("SIZE"))
            *: <bob@example.org> bounced unasked: 554 5.6.3 mx.example.org does not take 8-bit content (8BITMIME)
            *: <bob@example.org> bounced unasked: 554 5.6.1 mx.example.org does not take binary content (BINARYMIME)
            C: QUIT
            """)
    }

    @Test("recipients beyond RCPTMAX wait for the next transaction (RFC 9422 §4.2)")
    func recipientLimit() {
        ClientParty([.sample(to: ["a@b", "c@b", "d@b"])]).expect(
            """
            \(Self.hello("LIMITS RCPTMAX=2"))
            C: MAIL FROM:<ann@example.net>
            S: 250 Ok
            C: RCPT TO:<a@b>
            S: 250 Ok
            C: RCPT TO:<c@b>
            S: 550 no
            C: DATA
            S: 354 go
            C: Subject: hi
            C:
            C: ..dotted
            C: .
            S: 250 Ok
            *: <a@b> relayed: 250 Ok
            *: <c@b> bounced: 550 no
            *: <d@b> deferred: left for another attempt: the server's limit is RCPTMAX=2
            C: QUIT
            """)
    }

    @Test("behind MAILMAX transactions the session ends by itself (RFC 9422 §4.1)")
    func transactionLimit() {
        ClientParty([.sample(), .sample(), .sample()]).expect(
            """
            \(Self.hello("LIMITS MAILMAX=2"))
            C: MAIL FROM:<ann@example.net>
            S: 550 no
            *: <bob@example.org> bounced: 550 no
            C: RSET
            S: 250 Ok
            C: MAIL FROM:<ann@example.net>
            S: 450 no
            *: <bob@example.org> deferred: 450 no
            C: RSET
            S: 250 Ok
            *: spent
            C: QUIT
            S: 221 Bye
            *: close
            """)
    }

    @Test("a session serves RCPTDOMAINMAX domains, and ends when asked for others (RFC 9422 §4.3)")
    func domainLimit() {
        ClientParty([.sample(to: ["a@b", "c@B", "d@e"]), .sample(to: ["f@e"]), .sample()]).expect(
            """
            \(Self.hello("PIPELINING", "LIMITS RCPTDOMAINMAX=1"))
            C: MAIL FROM:<ann@example.net>
            C: RCPT TO:<a@b>
            C: RCPT TO:<c@B>
            C: DATA
            S: 250 Ok
            S: 450 no
            S: 450 no
            S: 503 no
            *: <a@b> deferred: 450 no
            *: <c@B> deferred: 450 no
            *: <d@e> deferred: left for another attempt: the server's limit is RCPTDOMAINMAX=1
            C: RSET
            S: 250 Ok
            *: <f@e> deferred: left for another attempt: the server's limit is RCPTDOMAINMAX=1
            *: spent
            C: QUIT
            """)
    }

    @Test(
        "what EHLO says, read; what is malformed is passed over (RFC 5321 §4.1.1.1, RFC 9422 §3)",
        arguments: [
            ("LIMITS RCPTMAX=20 MAILMAX=5 RCPTDOMAINMAX=1", .init(transactions: 5, recipients: 20, domains: 1)),
            ("limits rcptmax=1", .init(recipients: 1)), ("LIMITS RCPTMAX=0 MAILMAX=07", .init()),
            ("LIMITS RCPTMAX=1000000 MAILMAX= RCPTDOMAINMAX X=1", .init()),
            ("LIMITS RCPTMAX=-1 MAILMAX=3", .init(transactions: 3)),
            ("LIMITS", .init()), ("LIMITS RCPTMAX=1=1", .init()),
        ] as [(String, ClientSession.Limits)])
    func limits(_ line: String, _ limits: ClientSession.Limits) {
        var server = ClientSession.Server()
        server.readExtensions(Reply(250, nil, lines: ["mx", line]))
        #expect(server.limits == limits)
    }
}
