import NIOCore
import Testing

@testable import SMTP

/// What a sender makes of what the next hop offers, and of what it does not.
struct ClientTransactionTests {
    private static func hello(_ extensions: String...) -> String {
        let lines = ["mx.example.org"] + extensions
        return "S: 220 mx\nC: EHLO a.example.net\n"
            + lines.enumerated().map { "S: 250\($0 == lines.count - 1 ? " " : "-")\($1)" }.joined(separator: "\n")
    }
    private static let quit = """
        C: QUIT
        S: 221 Bye
        *: close
        """

    private static func sample(
        to recipients: [String] = ["bob@b"], _ parameters: [Parameter] = [],
        _ change: (inout ClientSession.Transaction) -> Void = { _ in }
    ) -> ClientSession.Transaction {
        var transaction = ClientSession.Transaction.sample(to: recipients, parameters: parameters)
        change(&transaction)
        return transaction
    }

    // MARK: CHUNKING (RFC 3030)

    @Test("small content goes as one last chunk, without dots stuffed (RFC 3030 §2)")
    func oneChunk() {
        var party = ClientParty([Self.sample()])
        party.chunkOctets = 100
        party.expect(
            """
            \(Self.hello("PIPELINING", "CHUNKING"))
            C: MAIL FROM:<ann@example.net>
            C: RCPT TO:<bob@b>
            S: 250 Ok
            S: 250 Ok
            C: BDAT 24 LAST
            C| Subject: hi\\r\\n\\r\\n.dotted\\r\\n
            S: 250 2.0.0 Ok
            *: <bob@b> relayed: 250 2.0.0 Ok
            \(Self.quit)
            """)
    }

    @Test("without PIPELINING each chunk waits for the reply to the one before")
    func chunksInTurn() {
        var party = ClientParty([Self.sample()])
        party.chunkOctets = 12
        party.expect(
            """
            \(Self.hello("CHUNKING"))
            C: MAIL FROM:<ann@example.net>
            S: 250 Ok
            C: RCPT TO:<bob@b>
            S: 250 Ok
            C: BDAT 11
            C| Subject: hi
            S: 250 11 octets
            C: BDAT 13 LAST
            C| \\r\\n\\r\\n.dotted\\r\\n
            S: 250 Ok
            *: <bob@b> relayed: 250 Ok
            \(Self.quit)
            """)
    }

    @Test("a chunk that is refused ends the transaction; RSET gets the server out of it (RFC 3030 §2)")
    func refusedChunk() {
        var party = ClientParty([Self.sample()])
        party.chunkOctets = 12
        party.expect(
            """
            \(Self.hello("CHUNKING"))
            C: MAIL FROM:<ann@example.net>
            S: 250 Ok
            C: RCPT TO:<bob@b>
            S: 250 Ok
            C: BDAT 11
            C| Subject: hi
            S: 452 4.3.1 Disk full
            *: <bob@b> deferred: 452 4.3.1 Disk full
            C: RSET
            S: 250 Ok
            \(Self.quit)
            """)
    }

    @Test("a connection lost behind the last chunk is tried again: a second copy rather than a loss")
    func lostBehindLastChunk() {
        var party = ClientParty([Self.sample()])
        party.chunkOctets = 100
        party.expect(
            """
            \(Self.hello("CHUNKING"))
            C: MAIL FROM:<ann@example.net>
            S: 250 Ok
            C: RCPT TO:<bob@b>
            S: 250 Ok
            C: BDAT 24 LAST
            C| Subject: hi\\r\\n\\r\\n.dotted\\r\\n
            *: disconnected
            *: <bob@b> deferred: connection lost while waiting for the final reply
            *: close
            """)
    }

    // MARK: DSN (RFC 3461)

    @Test("RET, ENVID, NOTIFY and ORCPT go on where DSN is offered (RFC 3461 §5.2.1), and not elsewhere (§5.2.2)")
    func dsn() {
        let transaction = Self.sample(to: ["bob@b"], [Parameter("RET", "HDRS"), Parameter("ENVID", "E1")]) {
            $0.recipientParameters = [[Parameter("NOTIFY", "SUCCESS"), Parameter("ORCPT", "rfc822;bob@o")]]
        }
        ClientParty([transaction]).expect(
            """
            \(Self.hello("DSN"))
            C: MAIL FROM:<ann@example.net> RET=HDRS ENVID=E1
            S: 250 Ok
            C: RCPT TO:<bob@b> NOTIFY=SUCCESS ORCPT=rfc822;bob@o
            S: 550 no
            *: <bob@b> bounced: 550 no
            C: RSET
            S: 250 Ok
            \(Self.quit)
            """)
        ClientParty([transaction]).expect(
            """
            \(Self.hello("8BITMIME"))
            C: MAIL FROM:<ann@example.net>
            S: 250 Ok
            C: RCPT TO:<bob@b>
            S: 550 no
            *: <bob@b> bounced: 550 no
            C: RSET
            S: 250 Ok
            \(Self.quit)
            """)
    }

    @Test("a relayed recipient tells whether the next hop answers for reports (RFC 3461 §5.2.2)")
    func relayedWithoutDSN() {
        for (offer, dsn) in [("250 DSN", true), ("250 HELP", false)] {
            var session = ClientSession(.init(hostname: "a"))
            session.receive(ByteBuffer(string: "220 mx\r\n250-mx\r\n\(offer)\r\n"))
            while let action = session.next(), action != .ready {}
            session.begin(Self.sample())
            session.receive(ByteBuffer(string: "250 ok\r\n250 ok\r\n354 go\r\n"))
            while let action = session.next() { if action == .readContent { session.contentEnded() } }
            session.receive(ByteBuffer(string: "250 taken\r\n"))
            var outcomes: [ClientSession.Outcome] = []
            while let action = session.next(), action != .ready {
                if case .finished(let found) = action { outcomes = found }
            }
            #expect(outcomes == [.relayed(Reply(250, nil, "taken"), dsn: dsn)])
        }
    }

    // MARK: content and addresses that a hop cannot take

    @Test("an address beyond ASCII goes only where SMTPUTF8 is offered (RFC 6531 §3.2)")
    func utf8() {
        let transaction = Self.sample(to: ["jörg@b", "bob@b"], [Parameter("SMTPUTF8")]) { $0.hasASCIIHeader = true }
        ClientParty([transaction]).expect(
            """
            \(Self.hello("8BITMIME", "SMTPUTF8"))
            C: MAIL FROM:<ann@example.net> SMTPUTF8
            S: 250 Ok
            C: RCPT TO:<jörg@b>
            S: 450 later
            C: RCPT TO:<bob@b>
            S: 450 later
            *: <jörg@b> deferred: 450 later
            *: <bob@b> deferred: 450 later
            C: RSET
            S: 250 Ok
            \(Self.quit)
            """)
        ClientParty([transaction]).expect(
            """
            \(Self.hello("8BITMIME"))
            C: MAIL FROM:<ann@example.net>
            S: 250 Ok
            C: RCPT TO:<bob@b>
            S: 450 later
            *: <jörg@b> bounced: 553 5.6.7 mx.example.org does not take addresses beyond ASCII (SMTPUTF8)
            *: <bob@b> deferred: 450 later
            C: RSET
            S: 250 Ok
            \(Self.quit)
            """)
    }

    @Test("8-bit content is never sent to a hop that takes seven bits (RFC 6152 §3); the driver is told to convert it")
    func eightBit() {
        let transaction = Self.sample([Parameter("BODY", "8BITMIME")])
        ClientParty([transaction]).expect(
            """
            \(Self.hello("SIZE"))
            *: <bob@b> bounced: 554 5.6.3 mx.example.org does not take 8-bit content (8BITMIME)
            \(Self.quit)
            """)
        for (offers, body, conversion) in [
            (["8BITMIME"], "8BITMIME", nil), ([], "8BITMIME", ClientSession.Conversion.sevenBit), ([], "7BIT", nil),
            (["CHUNKING", "BINARYMIME"], "BINARYMIME", nil), (["8BITMIME", "CHUNKING"], "BINARYMIME", .lines),
            (["BINARYMIME"], "BINARYMIME", .sevenBit),
        ] as [([String], String, ClientSession.Conversion?)] {
            var session = ClientSession(.init(hostname: "a"))
            let lines = offers.map { "250-\($0)\r\n" }.joined()
            session.receive(ByteBuffer(string: "220 mx\r\n250-mx\r\n\(lines)250 HELP\r\n"))
            while let action = session.next(), action != .ready {}
            #expect(session.conversion(neededFor: Self.sample([Parameter("BODY", body)])) == conversion, "\(offers)")
        }
    }

    private static func sample(_ parameters: [Parameter]) -> ClientSession.Transaction {
        self.sample(to: ["bob@b"], parameters)
    }

    @Test("REQUIRETLS goes only under verified TLS, to a server that offers it (RFC 8689 §4.2.1)")
    func requireTLS() {
        let transaction = Self.sample([Parameter("REQUIRETLS")])
        ClientParty([transaction]).expect(
            """
            \(Self.hello("REQUIRETLS"))
            *: <bob@b> bounced: 550 5.7.30 REQUIRETLS: there is no TLS to mx.example.org with a verified certificate
            \(Self.quit)
            """)
        ClientParty(.init(hostname: "a.example.net", securedAtStart: .verified), [transaction]).expect(
            """
            \(Self.hello("SIZE"))
            *: <bob@b> bounced: 550 5.7.30 REQUIRETLS: mx.example.org does not offer it
            \(Self.quit)
            """)
        ClientParty(.init(hostname: "a.example.net", securedAtStart: .verified), [transaction]).expect(
            """
            \(Self.hello("REQUIRETLS"))
            C: MAIL FROM:<ann@example.net> REQUIRETLS
            S: 450 later
            *: <bob@b> deferred: 450 later
            C: RSET
            S: 250 Ok
            \(Self.quit)
            """)
    }

    @Test("BY goes on with the seconds that are left, and not where they do not suffice (RFC 2852 §4.1.4)")
    func deliverBy() {
        let transaction = Self.sample(to: ["bob@b"], [Parameter("BY", "120;R")]) {
            $0.deliverBy = .init(seconds: 90, mode: .return)
        }
        ClientParty([transaction]).expect(
            """
            \(Self.hello("DELIVERBY 60"))
            C: MAIL FROM:<ann@example.net> BY=90;R
            S: 450 later
            *: <bob@b> deferred: 450 later
            C: RSET
            S: 250 Ok
            \(Self.quit)
            """)
        ClientParty([transaction]).expect(
            """
            \(Self.hello("DELIVERBY 100"))
            *: <bob@b> bounced: 554 5.4.7 90 s are left to deliver in, and mx.example.org asks for 100 s
            \(Self.quit)
            """)
    }

    @Test("priorities go on where they are understood (RFC 6710 §4.1)", arguments: [true, false])
    func priority(_ isOffered: Bool) {
        ClientParty([Self.sample([Parameter("MT-PRIORITY", "3")])]).expect(
            """
            \(Self.hello(isOffered ? "MT-PRIORITY" : "HELP"))
            C: MAIL FROM:<ann@example.net>\(isOffered ? " MT-PRIORITY=3" : "")
            S: 450 later
            *: <bob@b> deferred: 450 later
            C: RSET
            S: 250 Ok
            \(Self.quit)
            """)
    }

    // MARK: LIMITS (RFC 9422)

    @Test("recipients beyond RCPTMAX are left for the next transaction; beyond MAILMAX another session goes on")
    func limits() {
        let transaction = Self.sample(to: ["bob@b", "cat@b"])
        ClientParty([transaction, transaction]).expect(
            """
            \(Self.hello("LIMITS RCPTMAX=1 MAILMAX=1"))
            C: MAIL FROM:<ann@example.net>
            S: 250 Ok
            C: RCPT TO:<bob@b>
            S: 450 later
            *: <bob@b> deferred: 450 later
            *: <cat@b> deferred: left for another attempt: the server's limit is RCPTMAX=1
            C: RSET
            S: 250 Ok
            *: spent
            C: QUIT
            S: 221 Bye
            *: close
            """)
    }
}
