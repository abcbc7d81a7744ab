import NIOCore
import Testing

@testable import SMTP

struct ClientSessionChunkingTests {
    /// Without PIPELINING each chunk waits for the reply to the one before.
    private static let stepwise = """
        S: 220 mx.example.org ESMTP
        C: EHLO a.example.net
        S: 250-mx.example.org
        S: 250-CHUNKING
        S: 250-8BITMIME
        S: 250 BINARYMIME
        """
    private static let pipelined = Self.stepwise.replacing("250-CHUNKING", with: "250-CHUNKING\nS: 250-PIPELINING")
    private static let accepted = """
        C: MAIL FROM:<ann@example.net>
        S: 250 Ok
        C: RCPT TO:<bob@example.org>
        S: 250 Ok
        """
    private static let acceptedInGroup = """
        C: MAIL FROM:<ann@example.net>
        C: RCPT TO:<bob@example.org>
        S: 250 Ok
        S: 250 Ok
        """

    private static func party(
        _ transactions: [ClientSession.Transaction] = [.sample()], content: String = "Subject: hi\r\n\r\n.dotted\r\n",
        chunkOctets: Int = 100, waits: Bool = false
    ) -> ClientParty {
        var party = ClientParty(transactions, contentWaits: waits)
        party.content = content
        party.chunkOctets = chunkOctets
        return party
    }

    @Test("small content is one chunk, no dot is doubled, and no DATA is sent (RFC 3030 §2)")
    func oneChunk() {
        Self.party().expect(
            """
            \(Self.pipelined)
            \(Self.acceptedInGroup)
            C: BDAT 24 LAST
            C| Subject: hi\\r\\n\\r\\n.dotted\\r\\n
            S: 250 Ok: queued as 12345
            *: <bob@example.org> relayed: 250 Ok: queued as 12345
            C: QUIT
            """)
    }

    @Test("chunks do not wait for each other's replies under PIPELINING, and each reply is matched (RFC 3030 §4.2)")
    func pipelinedChunks() {
        Self.party(chunkOctets: 10).expect(
            """
            \(Self.pipelined)
            \(Self.acceptedInGroup)
            C: BDAT 10
            C| Subject: h
            C: BDAT 10
            C| i\\r\\n\\r\\n.dott
            C: BDAT 4 LAST
            C| ed\\r\\n
            S: 250 10 octets
            S: 250 10 octets more
            S: 250 Ok
            *: <bob@example.org> relayed: 250 Ok
            C: QUIT
            """)
    }

    @Test("without PIPELINING each chunk waits for the reply to the one before (RFC 3030 §2)")
    func stepwiseChunks() {
        Self.party(chunkOctets: 12).expect(
            """
            \(Self.stepwise)
            \(Self.accepted)
            C: BDAT 11
            C| Subject: hi
            S: 250 Ok
            C: BDAT 13 LAST
            C| \\r\\n\\r\\n.dotted\\r\\n
            S: 250 Ok
            *: <bob@example.org> relayed: 250 Ok
            C: QUIT
            """)
    }

    @Test("text gets CRLF line ends, binary content goes octet for octet (RFC 3030 §3)")
    func lineEnds() {
        let content = "a\nb\rc\n.\n"
        Self.party(content: content).expect(
            """
            \(Self.stepwise)
            \(Self.accepted)
            C: BDAT 12 LAST
            C| a\\r\\nb\\r\\nc\\r\\n.\\r\\n
            """)
        Self.party(content: "no line end").expect(
            """
            \(Self.stepwise)
            \(Self.accepted)
            C: BDAT 13 LAST
            C| no line end\\r\\n
            """)
        let binary = ClientSession.Transaction.sample(parameters: [Parameter("BODY", "BINARYMIME")])
        Self.party([binary], content: content).expect(
            """
            \(Self.stepwise)
            \(Self.accepted.replacing("net>", with: "net> BODY=BINARYMIME"))
            C: BDAT 8 LAST
            C| a\\nb\\rc\\n.\\n
            """)
    }

    @Test("empty content is an empty last chunk (RFC 3030 §2)")
    func empty() {
        Self.party(content: "").expect(
            """
            \(Self.stepwise)
            \(Self.accepted)
            C: BDAT 0 LAST
            S: 250 Ok
            *: <bob@example.org> relayed: 250 Ok
            C: QUIT
            """)
    }

    @Test("without recipients there is no chunk, and RSET (RFC 3030 §4.2)")
    func nothingAccepted() {
        for (mail, rcpt, fate) in [
            ("250 Ok", "550 no", "bounced: 550 no"), ("451 later", "503 no MAIL", "deferred: 451 later"),
            ("550 no", "250 Ok", "bounced: 550 no"),
        ] {
            Self.party().expect(
                """
                \(Self.pipelined)
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<bob@example.org>
                S: \(mail)
                S: \(rcpt)
                *: <bob@example.org> \(fate)
                C: RSET
                S: 250 Ok
                C: QUIT
                """)
        }
    }

    @Test("behind a refused chunk there is no other one, and RSET gets the server out of it (RFC 3030 §2)")
    func refusedChunk() {
        Self.party([.sample(), .sample(to: ["cat@b"])], chunkOctets: 12).expect(
            """
            \(Self.stepwise)
            \(Self.accepted)
            C: BDAT 11
            C| Subject: hi
            S: 452 4.3.1 disk full
            *: <bob@example.org> deferred: 452 4.3.1 disk full
            C: RSET
            S: 250 Ok
            C: MAIL FROM:<ann@example.net>
            """)
        Self.party().expect(
            """
            \(Self.stepwise)
            \(Self.accepted)
            C: BDAT 24 LAST
            C| Subject: hi\\r\\n\\r\\n.dotted\\r\\n
            S: 554 5.6.0 spam
            *: <bob@example.org> bounced: 554 5.6.0 spam
            C: RSET
            S: 250 Ok
            C: QUIT
            """)
    }

    @Test("replies to chunks that were pipelined behind the refused one mean nothing (RFC 3030 §4.2)")
    func refusedInGroup() {
        Self.party(chunkOctets: 10).expect(
            """
            \(Self.pipelined)
            \(Self.acceptedInGroup)
            C: BDAT 10
            C| Subject: h
            C: BDAT 10
            C| i\\r\\n\\r\\n.dott
            C: BDAT 4 LAST
            C| ed\\r\\n
            S: 552 5.3.4 too big
            *: <bob@example.org> bounced: 552 5.3.4 too big
            C: RSET
            S: 503 no
            S: 250 Ok
            S: 250 reset
            C: QUIT
            """)
    }

    @Test("a refusal while content is read waits for the reader, whose chunk is not the next message's")
    func refusedWhileReading() throws {
        var session = Self.reading(pipelining: true)
        session.content(ByteBuffer(string: "one\r\n"))
        #expect(session.next() == .readContent)
        session.content(ByteBuffer(string: "two\r\n"))
        #expect(session.next() == .send("BDAT 5"))
        #expect(session.next() == .sendContent(ByteBuffer(string: "one\r\n")))
        #expect(session.next() == .readContent)
        let refusal = Reply(452, nil, "full")
        session.receive(ByteBuffer(string: "452 full\r\n"))
        #expect(session.next() == .heard(refusal))
        #expect(session.next() == nil)
        session.content(ByteBuffer(string: "three\r\n"))
        #expect(session.next() == .finished([.deferred(.reply(refusal))]))
        #expect(session.next() == .send("RSET"))
        #expect(session.next() == nil)
        session.receive(ByteBuffer(string: "250 Ok\r\n"))
        #expect(session.next() == .heard(Reply(250, nil, "Ok")))
        #expect(session.next() == .ready)
    }

    @Test("a 250 that nobody can have earned is no verdict on the message")
    func earlyReply() {
        let malformed = "*: <bob@example.org> deferred: malformed or unasked reply while sending mail data\n*: close"
        for start in ["\(Self.stepwise)\n\(Self.accepted)", "\(Self.pipelined)\n\(Self.acceptedInGroup)"] {
            Self.party(waits: true).expect("\(start)\n*: content is read\nS: 250 Ok\n\(malformed)")
            Self.party(waits: true).expect("\(start)\n*: content is read\nS| 250 O\n*: content comes\n\(malformed)")
            Self.party(waits: true).expect(
                "\(start)\n*: content is read\nS: 552 big\n*: <bob@example.org> bounced: 552 big\n*: close")
        }
        Self.party().expect(
            """
            \(Self.stepwise)
            \(Self.accepted)
            C: BDAT 24 LAST
            C| Subject: hi\\r\\n\\r\\n.dotted\\r\\n
            S: 354 go
            *: <bob@example.org> deferred: malformed or unasked reply while waiting for the final reply
            *: close
            """)
    }

    @Test("a connection lost or silent after LAST, 421, and content that fails: tried again (RFC 5321 §4.5.3.2.6)")
    func lost() {
        let sent = """
            \(Self.stepwise)
            \(Self.accepted)
            C: BDAT 24 LAST
            C| Subject: hi\\r\\n\\r\\n.dotted\\r\\n
            """
        for (event, cause) in [
            ("*: disconnected", "connection lost while waiting for the final reply"),
            ("*: timed out", "timed out while waiting for the final reply"), ("S: 421 down", "421 down"),
        ] {
            Self.party().expect("\(sent)\n\(event)\n*: <bob@example.org> deferred: \(cause)\n*: close")
        }
        Self.party(waits: true).expect(
            """
            \(Self.stepwise)
            \(Self.accepted)
            *: content is read
            *: content fails
            *: <bob@example.org> deferred: connection lost while sending mail data
            *: close
            """)
    }

    @Test("DATA where CHUNKING is not to be used")
    func notConfigured() {
        ClientParty(.init(hostname: "a.example.net", chunking: false)).expect(
            "\(Self.stepwise)\n\(Self.accepted)\nC: DATA")
    }

    /// A session that asked for content.
    private static func reading(pipelining: Bool) -> ClientSession {
        var session = ClientSession(.init(hostname: "a.example.net"))
        let hello = "250-mx\r\n\(pipelining ? "250-PIPELINING\r\n" : "")250 CHUNKING\r\n"
        session.receive(ByteBuffer(string: "220 mx\r\n\(hello)"))
        while let action = session.next(), action != .ready {}
        session.begin(.sample())
        while session.next() != nil {}
        session.receive(ByteBuffer(string: "250 Ok\r\n250 Ok\r\n"))
        while let action = session.next(), action != .readContent {}
        return session
    }
}
