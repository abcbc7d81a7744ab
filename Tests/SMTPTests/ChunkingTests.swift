import NIOCore
import SeededRandom
import Testing

@testable import SMTP

/// BDAT and BINARYMIME (RFC 3030).
struct ChunkingTests {
    private func party(_ change: (inout ServerSession.Configuration) -> Void = { _ in }) -> ServerParty {
        var party = ServerParty(
            .sample {
                $0.extensions.formUnion([.chunking, .binaryMIME])
                change(&$0)
            })
        party.showsContent = true
        return party
    }

    @Test("chunks, the last of them without octets, each with a reply of its own (RFC 3030 §4.1)")
    func chunks() {
        self.party().expect(
            after: .recipient,
            """
            C: BDAT 13
            C| Subject: hi\\r\\n
            S: 250 2.0.0 13 octets received
            C: NOOP
            S: 250 2.0.0 Ok
            C: BDAT 11
            C| \\r\\n.\\r\\nQUIT\\r\\n
            C: BDAT 0 LAST
            C: MAIL FROM:<ann@example.net>
            S: 250 2.0.0 11 octets received
            *: commit <ann@example.net> -> <bob@example.org>, 24 octets
            *: Subject: hi\\r\\n\\r\\n.\\r\\nQUIT\\r\\n
            S: 250 2.0.0 Ok: queued as 4Q7K
            S: 250 2.1.0 Ok
            """)
    }

    @Test("the octets of a chunk are no commands, in any cut, and a line end may lie across two of them")
    func acrossChunks() {
        self.party().expect(
            after: .recipient,
            """
            C: BDAT 3
            C| hi\\r
            C: BDAT 9
            C| \\n.\\r\\nRSET\\r
            C: BDAT 2 LAST
            C| \\nx
            S: 250 2.0.0 3 octets received
            S: 250 2.0.0 9 octets received
            *: commit <ann@example.net> -> <bob@example.org>, 14 octets
            *: hi\\r\\n.\\r\\nRSET\\r\\nx
            S: 250 2.0.0 Ok: queued as 4Q7K
            """)
    }

    @Test("bare line ends in chunks are normalised or refused, as behind DATA; under BINARYMIME all octets stay")
    func lineEnds() {
        self.party().expect(
            after: .recipient,
            """
            C: BDAT 7 LAST
            C| a\\n\\rb\\0\\xe4\\r
            *: commit <ann@example.net> -> <bob@example.org>, 10 octets
            *: a\\r\\n\\r\\nb\\0\\xe4\\r\\n
            S: 250 2.0.0 Ok: queued as 4Q7K
            """)
        self.party { $0.bareLineEnds = .reject }.expect(
            after: .recipient,
            """
            C: BDAT 2
            C| a\\r
            S: 250 2.0.0 2 octets received
            C: BDAT 1
            C| b
            *: discard
            S: 550 5.6.0 Lines end with CRLF, and a CR or LF may not stand alone
            C: BDAT 1 LAST
            C| c
            S: 503 5.5.1 Say MAIL first
            """)
        self.party { $0.bareLineEnds = .reject }.expect(
            """
            C: MAIL FROM:<ann@example.net> BODY=BINARYMIME
            C: RCPT TO:<bob@example.org>
            C: DATA
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            S: 503 5.5.1 BODY=BINARYMIME needs BDAT
            C: BDAT 7 LAST
            C| a\\n\\rb\\0\\xe4\\r
            *: commit <ann@example.net> -> <bob@example.org>, 7 octets
            *: a\\n\\rb\\0\\xe4\\r
            S: 250 2.0.0 Ok: queued as 4Q7K
            """)
    }

    @Test("BDAT and DATA do not mix, and chunks end the recipients (RFC 3030 §2)")
    func mixed() {
        self.party().expect(
            after: .recipient,
            """
            C: BDAT 2
            C| hi
            S: 250 2.0.0 2 octets received
            C: DATA
            S: 503 5.5.1 Chunks have begun; say BDAT or RSET
            C: RCPT TO:<cat@example.org>
            S: 503 5.5.1 Chunks have begun; say BDAT or RSET
            C: MAIL FROM:<cat@example.org>
            S: 503 5.5.1 A transaction is open already
            C: RSET
            *: discard
            S: 250 2.0.0 Ok
            C: BDAT 4 LAST
            C| QUIT
            S: 503 5.5.1 Say MAIL first
            """)
        self.party().expect(
            after: .dataAccepted,
            """
            C: BDAT 2 LAST
            C: .
            *: commit <ann@example.net> -> <bob@example.org>, 13 octets
            *: BDAT 2 LAST\\r\\n
            S: 250 2.0.0 Ok: queued as 4Q7K
            """)
    }

    @Test("a chunk that nobody wants is passed over before it is refused")
    func outOfSequence() {
        let party = self.party()
        party.expect(
            after: .connected,
            """
            S: 220 mx.example.net ESMTP Hoptop
            C: BDAT 6
            C| QUIT\\r\\n
            S: 503 5.5.1 Say EHLO or HELO first
            C: HELO client.example
            S: 250 mx.example.net
            C: BDAT 6 LAST
            C| QUIT\\r\\n
            S: 503 5.5.1 Say EHLO first
            """)
        party.expect(
            """
            C: BDAT 6 LAST
            C| QUIT\\r\\n
            S: 503 5.5.1 Say MAIL first
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Ok
            C: BDAT 6 LAST
            C| QUIT\\r\\n
            S: 503 5.5.1 Say RCPT first
            C: RCPT TO:<nobody@example.org>
            C: BDAT 6
            C| QUIT\\r\\n
            C: BDAT 6 LAST
            C| QUIT\\r\\n
            S: 550 5.1.1 Unknown
            S: 554 5.5.1 No valid recipients
            S: 554 5.5.1 No valid recipients
            C: RCPT TO:<bob@example.org>
            C: BDAT 6 LAST
            C| QUIT\\r\\n
            S: 250 2.1.5 Ok
            *: commit <ann@example.net> -> <bob@example.org>, 6 octets
            *: QUIT\\r\\n
            S: 250 2.0.0 Ok: queued as 4Q7K
            """)
        party.expect(
            """
            C: MAIL FROM:<evil@example.net>
            C: RCPT TO:<bob@example.org>
            C: BDAT 6 LAST
            C| QUIT\\r\\n
            S: 550 5.7.1 Not you
            S: 503 5.5.1 Say MAIL first
            S: 503 5.5.1 Say MAIL first
            """)
        var refused = self.party()
        refused.greeting = .refuse(Reply(554, nil, "No SMTP service here"))
        refused.expect(
            after: .connected,
            """
            S: 554 No SMTP service here
            C: BDAT 6
            C| QUIT\\r\\n
            S: 503 5.5.1 Say QUIT
            """)
    }

    @Test("behind a BDAT without a size nothing can be told apart, so the session ends; not offered, it is unknown")
    func malformed() {
        self.party().expect(
            after: .recipient,
            """
            C: BDAT x LAST
            C: QUIT
            S: 501 5.5.4 Syntax: BDAT octets [LAST]
            *: close
            """)
        ServerParty().expect(
            after: .recipient,
            """
            C: BDAT 6 LAST
            S: 502 5.5.1 Command not implemented
            C: MAIL FROM:<ann@example.net> BODY=BINARYMIME
            S: 503 5.5.1 A transaction is open already
            C: RSET
            S: 250 2.0.0 Ok
            C: MAIL FROM:<ann@example.net> BODY=BINARYMIME
            S: 555 5.5.4 Parameter BODY not supported
            """)
        // BINARYMIME is nothing without CHUNKING (RFC 3030 §3).
        #expect(!ServerSession(.sample { $0.extensions.insert(.binaryMIME) }).offered.contains(.binaryMIME))
    }

    @Test("a chunk beyond the limit is passed over, and so are those behind it (RFC 3030 §2, RFC 1870 §6.3)")
    func tooLarge() {
        self.party { $0.maximumMessageOctets = 20 }.expect(
            after: .recipient,
            """
            C: BDAT 12
            C| hello, world
            S: 250 2.0.0 12 octets received
            C: BDAT 9
            C| 123QUIT\\r\\n
            C: BDAT 6
            C| RSET\\r\\n
            C: BDAT 2 LAST
            C| \\r\\n
            *: discard
            S: 552 5.3.4 Message exceeds the limit of 20 octets
            S: 503 5.5.1 Say MAIL first
            S: 503 5.5.1 Say MAIL first
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Ok
            """)
        self.party { $0.maximumMessageOctets = 20 }.expect(
            after: .recipient,
            """
            C: BDAT 21 LAST
            C| 012345678901234QUIT\\r\\n
            *: discard
            S: 552 5.3.4 Message exceeds the limit of 20 octets
            """)
        var party = self.party().started(.recipient)
        _ = party.receive(ByteBuffer(string: "BDAT 99999999999999999999 LAST\r\n"))
        #expect(party.receive(ByteBuffer(string: "QUIT\r\n.\r\n")).isEmpty)
        #expect(party.session.phase == .content)
    }

    @Test("a chunk that is too large by its own account never reaches the disk")
    func tooLargeUnstored() {
        var party = self.party { $0.maximumMessageOctets = 20_000 }.started(.recipient)
        _ = party.receive(ByteBuffer(string: "BDAT 15000\r\n" + String(repeating: "x", count: 15_000)))
        party.session.receive(ByteBuffer(string: "BDAT 17000\r\n" + String(repeating: "x", count: 3000)))
        #expect(party.session.next() == .heard("BDAT 17000"))
        #expect(party.session.next() == .discard)
        #expect(party.session.next() == nil)
        party.session.receive(ByteBuffer(string: String(repeating: "x", count: 14_000)))
        #expect(party.session.next() == .send(Reply(552, "5.3.4", "Message exceeds the limit of 20000 octets")))
        #expect(party.session.next() == nil)
    }

    @Test("the disk refuses before the first chunk, in one, and between two")
    func diskFull() {
        self.party().expect(
            """
            C: EHLO full.example
            S: 250-mx.example.net
            S: 250-PIPELINING
            S: 250-SIZE 50000000
            S: 250-8BITMIME
            S: 250-ENHANCEDSTATUSCODES
            S: 250-CHUNKING
            S: 250 BINARYMIME
            C: MAIL FROM:<a@b>
            C: RCPT TO:<c@d>
            C: BDAT 6
            C| QUIT\\r\\n
            C: BDAT 6 LAST
            C| QUIT\\r\\n
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            S: 452 4.3.1 Insufficient storage
            S: 452 4.3.1 Insufficient storage
            """)
        self.party().expect(
            after: .recipient,
            """
            C: BDAT 2
            C| hi
            S: 250 2.0.0 2 octets received
            *: store fails
            *: discard
            C: BDAT 6
            C| QUIT\\r\\n
            S: 452 4.3.1 Disk full
            C: BDAT 6 LAST
            C| QUIT\\r\\n
            S: 503 5.5.1 Say MAIL first
            *: store fails
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Ok
            """)
        var party = self.party().started(.recipient)
        party.session.receive(
            ByteBuffer(string: "BDAT 20000 LAST\r\n" + String(repeating: "x", count: 20_000) + "NOOP\r\n"))
        _ = party.session.next()
        #expect(party.session.next() == .decide(.content(party.session.envelope!)))
        party.session.decided(.accept)
        guard case .store = party.session.next() else { Issue.record("no chunk"); return }
        #expect(party.session.next() == nil)
        #expect(!party.session.wantsInput || party.session.input.readableOctets < 16 * 1024)
        party.session.storeFailed(Reply(452, "4.3.1", "Disk full"))
        #expect(party.drain() == ["*: discard", "S: 452 4.3.1 Disk full", "S: 250 2.0.0 Ok"])
    }

    @Test("silence, a shut-down, QUIT and EHLO between chunks let go of what was stored")
    func abandoned() {
        let opening = """
            C: BDAT 2
            C| hi
            S: 250 2.0.0 2 octets received

            """
        self.party().expect(
            after: .recipient,
            opening + """
                *: timed out
                *: discard
                S: 421 4.4.2 mx.example.net Timeout, closing the connection
                *: close
                """)
        self.party().expect(
            after: .recipient,
            opening + """
                *: shut down
                *: discard
                S: 421 4.3.2 mx.example.net Service shutting down, closing the connection
                *: close
                """)
        self.party().expect(
            after: .recipient,
            opening + """
                C: QUIT
                *: discard
                S: 221 2.0.0 Bye
                *: close
                """)
        self.party().expect(
            after: .recipient,
            opening + """
                C: HELO client.example
                *: discard
                S: 250 mx.example.net
                """)
    }

    @Test("large chunks go to the disk in pieces, without a copy")
    func pieces() {
        var session = self.party().started(.recipient).session
        let text = String(repeating: "A line of 32 octets, as they go.\r\n", count: 1000)
        session.receive(ByteBuffer(string: "BDAT \(text.utf8.count)\r\n"))
        _ = session.next()
        guard case .decide = session.next() else { Issue.record("no question"); return }
        session.decided(.accept)
        #expect(session.next() == nil)
        let buffer = ByteBuffer(string: text)
        session.receive(buffer)
        guard case .store(let chunk) = session.next() else { Issue.record("no chunk"); return }
        #expect(chunk == buffer)
        #expect(
            chunk.withUnsafeReadableBytes(\.baseAddress) == buffer.withUnsafeReadableBytes(\.baseAddress))
        session.stored()
        guard case .send(let reply) = session.next() else { Issue.record("no reply"); return }
        #expect(reply.code == 250)
        #expect(session.phase == .content)
        #expect(session.contentOctets == text.utf8.count)
    }

    @Test("a loop is a loop in chunks too (RFC 5321 §6.3)")
    func loop() {
        self.party { $0.maximumReceivedFields = 1 }.expect(
            after: .recipient,
            """
            C: BDAT 13
            C| Received: a\\r\\n
            C: BDAT 15 LAST
            C| Received: b\\r\\n\\r\\n
            S: 250 2.0.0 13 octets received
            *: discard
            S: 554 5.4.6 Too many hops
            """)
    }

    @Test("any octets, in any chunks and any pieces, are content and never commands")
    func anyOctets() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("chunks seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let isBinary = Bool.random(using: &random)
            let octets = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                [0x0D, 0x0A, 0x2E, 0x51, 0x00, 0xFF].randomElement(using: &random)! as UInt8
            }
            var wire = Array("MAIL FROM:<a@b>\(isBinary ? " BODY=BINARYMIME" : "")\r\nRCPT TO:<c@d>\r\n".utf8)
            var replies = ["S: 250 2.1.0 Ok", "S: 250 2.1.5 Ok"]
            var rest = octets[...]
            while !rest.isEmpty {
                let chunk = rest.prefix(Int.random(in: 0...20, using: &random))
                rest = rest.dropFirst(chunk.count)
                wire += Array("BDAT \(chunk.count)\r\n".utf8) + chunk
                replies.append("S: 250 2.0.0 \(chunk.count) octets received")
                if Bool.random(using: &random) {
                    wire += Array("NOOP\r\n".utf8)
                    replies.append("S: 250 2.0.0 Ok")
                }
            }
            wire += Array("BDAT 0 LAST\r\n".utf8)
            let content = ByteBuffer(bytes: isBinary ? octets : Self.normalised(octets))
            replies += [
                "*: commit <a@b> -> <c@d>, \(content.readableBytes) octets", "*: \(Transcript.escape(content))",
                "S: 250 2.0.0 Ok: queued as 4Q7K",
            ]
            var party = self.party().started(.greeted)
            var written: [String] = []
            var unsent = wire[...]
            while !unsent.isEmpty {
                let piece = unsent.prefix(Int.random(in: 1...30, using: &random))
                unsent = unsent.dropFirst(piece.count)
                written += party.receive(ByteBuffer(bytes: piece))
            }
            guard written == replies else {
                Issue.record("seed \(seed): \(octets) became \(written)")
                return
            }
        }
    }

    /// Each CR, LF or CRLF is a CRLF; the end of the content is no line end that was not there.
    private static func normalised(_ octets: [UInt8]) -> [UInt8] {
        octets.enumerated().flatMap { index, octet -> [UInt8] in
            switch octet {
            case 0x0D: [0x0D, 0x0A]
            case 0x0A: index > 0 && octets[index - 1] == 0x0D ? [] : [0x0D, 0x0A]
            default: [octet]
            }
        }
    }
}
