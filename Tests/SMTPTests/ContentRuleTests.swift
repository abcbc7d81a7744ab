import NIOCore
import SeededRandom
import Testing

@testable import SMTP

/// What may be in mail data, and who may speak when.
struct ContentRuleTests {
    // MARK: bare line ends

    @Test(
        "a CR or LF that stands alone is refused where it is configured so, and nothing behind it is a command",
        arguments: [
            #"a\n"#, #"a\r"#, #"\n.\n"#, #"\r.\r"#, #"a\n.\r\n"#, #"a\r.\r\n"#, #".\n"#, #".\r"#, #".\r\r\n"#,
            #"\r\r\n"#,
        ])
    func bareLineEnds(_ content: String) {
        var party = ServerParty(.sample { $0.bareLineEnds = .reject })
        party.showsTranscript = true
        for pace in Transcript.Pace.allCases {
            let text = "C| \(content)MAIL FROM:<evil@example.net>\\r\\n.\\r\\n"
            let played = Transcript.play(text, to: party.started(.dataAccepted), pace: pace)
            #expect(
                played == """
                    \(text)
                    *: discard
                    S: 550 5.6.0 Lines end with CRLF, and a CR or LF may not stand alone
                    """)
        }
    }

    // MARK: long lines

    private func decode(_ text: String, pieces: Int, folds: Bool = true) -> (content: String, hasLongLine: Bool) {
        var decoder = ContentDecoder(.dot, folds: folds)
        var content = ByteBuffer()
        var rest = Array((text + "\r\n.\r\n").utf8)[...]
        while !rest.isEmpty {
            var piece = ByteBuffer(bytes: rest.prefix(pieces))
            rest = rest.dropFirst(pieces)
            decoder.decode(&piece)
            while let chunk = decoder.nextChunk() { content.writeImmutableBuffer(chunk) }
        }
        #expect(decoder.isComplete)
        #expect(decoder.octets == content.readableBytes)
        return (String(buffer: content), decoder.hasLongLine)
    }

    @Test("a line may have 998 octets, and a body line with more becomes two (RFC 5322 §2.1.1)")
    func foldedBody() {
        let full = String(repeating: "x", count: 998)
        for pieces in [1, 7, 997, 998, 999, 1000, 100_000] {
            #expect(self.decode("a: b\r\n\r\n\(full)", pieces: pieces) == ("a: b\r\n\r\n\(full)\r\n", false))
            #expect(self.decode("\r\n\(full)yz", pieces: pieces) == ("\r\n\(full)\r\nyz\r\n", true))
            #expect(
                self.decode("\r\n\(full)\(full)y\r\nz", pieces: pieces) == (
                    "\r\n\(full)\r\n\(full)\r\ny\r\nz\r\n", true
                ))
            #expect(self.decode("\r\n.\(full)", pieces: pieces).content == "\r\n\(full)\r\n")  // A stuffed dot.
        }
    }

    @Test("no character is cut in two, unless it is none")
    func foldedUTF8() {
        for lead in 0..<4 {
            for character in ["ö", "€", "😀"] {
                let text = String(repeating: "x", count: lead) + String(repeating: character, count: 700)
                for pieces in [1, 3, 998, 100_000] {
                    let lines = self.decode("\r\n" + text, pieces: pieces).content.split(separator: "\r\n").map(
                        String.init)
                    #expect(lines.joined() == text)
                    #expect(lines.allSatisfy { $0.utf8.count <= 998 })
                    #expect(lines[0].utf8.count > 994)
                }
            }
        }
        var decoder = ContentDecoder()
        var noise = ByteBuffer(bytes: [13, 10] + [UInt8](repeating: 0x80, count: 3000) + Array("\r\n.\r\n".utf8))
        decoder.decode(&noise)
        #expect(decoder.nextChunk()?.readableBytes == 2 + 3000 + 6 + 2)
    }

    @Test("a header field is folded at white space; only where it has none it gets a space (RFC 5322 §2.2.3)")
    func foldedHeader() {
        let word = String(repeating: "x", count: 400)
        for pieces in [1, 5, 1000, 100_000] {
            #expect(
                self.decode("To: \(word) \(word)\t\(word) \(word)", pieces: pieces).content
                    == "To: \(word) \(word)\r\n\t\(word) \(word)\r\n")
            #expect(
                self.decode("To:\(word)\(word)\(word)\r\n\r\nbody", pieces: pieces).content
                    == "To:\(word)\(word)\(word.prefix(195))\r\n \(word.prefix(205))\r\n\r\nbody\r\n")
            let spaced = "To:\(word)\(word)" + String(repeating: "y", count: 195) + " z"
            #expect(
                self.decode(spaced, pieces: pieces).content
                    == "To:\(word)\(word)" + String(repeating: "y", count: 195) + "\r\n z\r\n")
        }
        // Received fields are counted as ever.
        var decoder = ContentDecoder()
        var input = ByteBuffer(string: "Received: \(word) \(word) \(word)\r\nReceived: b\r\n\r\nReceived: c\r\n.\r\n")
        decoder.decode(&input)
        #expect(decoder.receivedFields == 2)
    }

    @Test("the place to fold may have come long before, with a chunk that was large enough to be stored")
    func foldedLate() {
        let fields = (0..<300).map { "X-\($0): " + String(repeating: "x", count: 50) + "\r\n" }.joined()
        let field = "To: " + String(repeating: "y", count: 600) + " " + String(repeating: "z", count: 500)
        let pieces = fields.utf8.count + 900
        #expect(pieces > ContentDecoder.chunkOctets)
        let folded = field.replacing(" z", with: "\r\n z")
        #expect(self.decode(fields + field, pieces: pieces).content == fields + folded + "\r\n")
    }

    @Test("a field is folded at the same white space however it came, also where that is near its beginning")
    func foldedEarly() {
        let field = "To: a " + String(repeating: "z", count: 1400)
        let folded = field.replacing(" z", with: "\r\n z").replacing(
            String(repeating: "z", count: 998), with: String(repeating: "z", count: 997) + "\r\n z")
        for pieces in [1, 5, 300, 1200, 100_000] {
            // Enough comes before it for what there is of the field to be stored with it.
            let before = "X: " + String(repeating: "x", count: 700) + "\r\n"
            #expect(self.decode(before + before + field, pieces: pieces).content == before + before + folded + "\r\n")
        }
    }

    @Test("of two faults the first is told, however the octets came")
    func firstFault() {
        let party = ServerParty(
            .sample {
                $0.longLines = .reject
                $0.bareLineEnds = .reject
                $0.maximumMessageOctets = 1500
            })
        let line = String(repeating: "x", count: 999)
        for pace in Transcript.Pace.allCases {
            let long = Transcript.play("C| \(line)\\ry\\r\\n.\\r\\n", to: party.started(.dataAccepted), pace: pace)
            #expect(long.hasSuffix("S: 554 5.6.0 A line is longer than 998 octets"))
            let large = Transcript.play("C| \(line)\(line)\\r\\n.\\r\\n", to: party.started(.dataAccepted), pace: pace)
            #expect(large.hasSuffix("S: 554 5.6.0 A line is longer than 998 octets"))
            let bare = Transcript.play("C| x\\ry\(line)\\r\\n.\\r\\n", to: party.started(.dataAccepted), pace: pace)
            #expect(bare.hasSuffix("S: 550 5.6.0 Lines end with CRLF, and a CR or LF may not stand alone"))
        }
    }

    @Test("whatever the octets and pieces, no line is too long, and nothing but folds is added")
    func foldedAtRandom() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("fold seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let text = (0..<Int.random(in: 0...4000, using: &random)).map { _ in
                ["x", "yz", " ", "ö", "€", "x", "word"].randomElement(using: &random)!
            }.joined()
            let isHeader = Bool.random(using: &random)
            let whole = (isHeader ? "A:" : "\r\n") + text
            let content = self.decode(whole, pieces: Int.random(in: 1...3000, using: &random)).content
            let lines = content.split(separator: "\r\n", omittingEmptySubsequences: false)
            #expect(lines.allSatisfy { $0.utf8.count <= 998 }, "seed \(seed)")
            // A fold of a header may add a space; elsewhere only CRLF is added.
            let strip = { (text: String) in text.filter { $0 != "\r\n" && (!isHeader || $0 != " ") } }
            #expect(strip(content) == strip(whole), "seed \(seed)")
        }
    }

    @Test("long lines are refused where it is configured so, in chunks too, but not under BINARYMIME")
    func longLinesRefused() {
        let party = ServerParty(
            .sample {
                $0.longLines = .reject
                $0.extensions.formUnion([.chunking, .binaryMIME])
            })
        let line = String(repeating: "x", count: 999)
        party.expect(
            after: .dataAccepted,
            """
            C: \(line.dropLast())
            C: \(line)
            *: discard
            C: .
            S: 554 5.6.0 A line is longer than 998 octets
            """)
        party.expect(
            after: .recipient,
            """
            C: BDAT 999 LAST
            C| \(line)
            *: discard
            S: 554 5.6.0 A line is longer than 998 octets
            """)
        party.expect(
            """
            C: MAIL FROM:<ann@example.net> BODY=BINARYMIME
            C: RCPT TO:<bob@example.org>
            C: BDAT 999 LAST
            C| \(line)
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            *: commit <ann@example.net> -> <bob@example.org>, 999 octets
            S: 250 2.0.0 Ok: queued as 4Q7K
            """)
    }

    @Test("a long line in a large message holds little memory")
    func longLineMemory() {
        var decoder = ContentDecoder()
        for _ in 0..<1000 {
            var piece = ByteBuffer(repeating: 0x78, count: 4096)
            decoder.decode(&piece)
            while let chunk = decoder.nextChunk() { #expect(chunk.readableBytes < 32 * 1024) }
        }
        #expect(decoder.octets > 4_096_000)
    }

    // MARK: early talkers

    private func heard(_ configuration: ServerSession.Configuration, _ bursts: [String]) -> [String] {
        var party = ServerParty(configuration)
        party.showsTranscript = true
        var written = party.drain()
        for burst in bursts { written += party.receive(ByteBuffer(string: burst)) }
        return written.filter { !$0.hasPrefix("*: heard") && !$0.hasPrefix("S: 250") && !$0.hasPrefix("S: 220") }
    }

    @Test(
        "a client that does not wait where it has to is noted once, or refused (RFC 5321 §4.3.1, RFC 2920 §3.1)",
        arguments: [
            (["EHLO a\r\nMAIL FROM:<a@b>\r\n"], "commands behind EHLO"),
            (["HELO a\r\nMAIL FROM:<a@b>\r\n"], "commands behind EHLO"),
            (["HELO a\r\n", "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"], "commands in a group without PIPELINING"),
            (["NOOP\r\nNOOP\r\n"], "commands in a group without PIPELINING"),
            (["EHLO a\r\n", "AUTH PLAIN AGFubgBzZWNyZXQ=\r\nMAIL FROM:<a@b>\r\n"], "octets behind AUTH"),
            (
                ["EHLO a\r\n", "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhi\r\n.\r\n"],
                "mail data before the reply to DATA"
            ),
        ])
    func earlyTalkers(_ bursts: [String], _ remark: String) {
        var configuration = ServerSession.Configuration.sample {
            $0.extensions.insert(.auth)
            $0.mechanisms = ["PLAIN"]
            $0.isSecured = true
        }
        let noted = self.heard(configuration, bursts + [bursts[bursts.count - 1]])
        #expect(noted.count { $0 == "*: note: \(remark)" } == 1)
        #expect(!noted.contains("*: close"))
        configuration.earlyTalkers = .refuse
        let refused = self.heard(configuration, bursts)
        #expect(refused.first == "*: note: \(remark)")
        #expect(refused.suffix(2) == ["S: 554 5.5.1 The client has to wait for replies: \(remark)", "*: close"])
    }

    @Test("a client that keeps to PIPELINING is let alone (RFC 2920 §3.1)")
    func pipelining() {
        let group = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n"
        let bursts = ["EHLO a\r\n", group, "hi\r\n.\r\n" + group, ".\r\nRSET\r\nNOOP\r\nQUIT\r\n"]
        var configuration = ServerSession.Configuration.sample { $0.earlyTalkers = .refuse }
        #expect(self.heard(configuration, bursts).count { $0.hasPrefix("*: note") } == 0)
        configuration.extensions.remove(.pipelining)
        #expect(self.heard(configuration, bursts).first == "*: note: commands in a group without PIPELINING")
        configuration.extensions.formUnion([.pipelining, .chunking])
        let chunks = ["EHLO a\r\n", "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 2\r\nhiBDAT 0 LAST\r\n"]
        #expect(self.heard(configuration, chunks).count { $0.hasPrefix("*: note") } == 0)
    }

    @Test("octets before the greeting (RFC 5321 §4.3.1)")
    func beforeTheGreeting() {
        for policy in [ServerSession.EarlyTalkers.note, .refuse] {
            var session = ServerSession(.sample { $0.earlyTalkers = policy })
            session.receive(ByteBuffer(string: "EHLO a\r\n"))
            #expect(session.next() == .decide(.greeting))
            session.decided(.accept)
            #expect(session.next() == .note("octets before the greeting"))
            guard case .send(let reply) = session.next() else { Issue.record("no reply"); return }
            #expect(reply.code == (policy == .note ? 220 : 554))
            #expect(session.next() == (policy == .note ? .heard("EHLO a") : .close))
        }
    }
}
