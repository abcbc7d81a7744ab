import NIOCore
import SMTP
import Testing

/// Plays the `S:` lines of a dialogue to a `ClientSession` and writes what it did: `C:` commands and content, `*:` outcomes.
private struct ClientTranscript {
    var pipelining = true
    var recipients = ["<bob@example.org>"]
    var content = "hi\r\n.dot\r\n"
    /// The server hangs up after the last line.
    var hangsUp = false

    func expect(_ dialogue: String, from location: SourceLocation = #_sourceLocation) throws {
        #expect(try self.play(dialogue, step: .max) == dialogue, "whole", sourceLocation: location)
        #expect(try self.play(dialogue, step: 1) == dialogue, "one octet at a time", sourceLocation: location)
    }

    private func play(_ dialogue: String, step: Int) throws -> String {
        var session = ClientSession(.init(hostname: "us.example", pipelining: self.pipelining))
        var lines: [String] = []
        var begun = false
        func drain() throws {
            while let action = session.next() {
                switch action {
                case .heard: break
                case .send(let command): lines.append("C: \(command)")
                case .ready where !begun:
                    begun = true
                    session.begin(
                        .init(
                            reversePath: try ReversePath(parsing: "<ann@example.net>"),
                            parameters: [Parameter("BODY", "8BITMIME")],
                            recipients: try self.recipients.map { try ForwardPath(parsing: $0) },
                            contentOctets: self.content.utf8.count))
                case .ready: session.quit()
                case .readContent:
                    if lines.last?.hasPrefix("C: [") == true {
                        session.contentEnded()
                    } else {
                        session.content(ByteBuffer(string: self.content))
                    }
                case .sendContent(let buffer):
                    let octets = String(buffer: buffer).split(separator: "\r\n").joined(separator: "|")
                    lines.append("C: [\(octets)]")
                case .endContent(let end): lines.append(end == ".\r\n" ? "C: ." : "C: CRLF .")
                case .finished(let outcomes): lines += outcomes.map { "*: \(Self.text($0))" }
                case .unusable(let cause, let permanent):
                    lines.append("*: unusable\(permanent == nil ? "" : " for good"): \(cause)")
                case .close: lines.append("*: close")
                }
            }
        }
        try drain()
        let said = dialogue.split(separator: "\n").map(String.init)
        for (index, line) in said.enumerated() where line.hasPrefix("S: ") {
            lines.append(line)
            var octets = ByteBuffer(string: line.dropFirst(3) + "\r\n")
            while octets.readableBytes > 0, let part = octets.readSlice(length: min(step, octets.readableBytes)) {
                session.receive(part)
                try drain()
            }
            if self.hangsUp, !said[(index + 1)...].contains(where: { $0.hasPrefix("S: ") }) {
                session.disconnected()
                try drain()
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func text(_ outcome: ClientSession.Outcome) -> String {
        switch outcome {
        case .relayed(let reply): "relayed \(reply)"
        case .deferred(let cause): "deferred \(cause)"
        case .bounced(let reply): "bounced \(reply)"
        }
    }
}

@Suite("client sessions (RFC 5321 §3)")
struct ClientSessionTests {
    private static let plain = "S: 220 mx\nC: EHLO us.example\nS: 250 mx\nC: MAIL FROM:<ann@example.net>\n"
    private static let piped = """
        S: 220 mx
        C: EHLO us.example
        S: 250-mx
        S: 250-SIZE 1000
        S: 250-8BITMIME
        S: 250 PIPELINING
        C: MAIL FROM:<ann@example.net> SIZE=10 BODY=8BITMIME

        """

    @Test("step by step, dots stuffed (§4.5.2)")
    func plain() throws {
        try ClientTranscript().expect(
            Self.plain + """
                S: 250 ok
                C: RCPT TO:<bob@example.org>
                S: 250 ok
                C: DATA
                S: 354 go
                C: [hi|..dot]
                C: .
                S: 250 2.0.0 queued as X
                *: relayed 250 2.0.0 queued as X
                C: QUIT
                S: 221 bye
                *: close
                """)
    }

    @Test("pipelined, each recipient with its own fate (RFC 2920, §4.2.5)")
    func mixed() throws {
        try ClientTranscript(recipients: ["<a@x>", "<b@x>", "<c@x>"]).expect(
            Self.piped + """
                C: RCPT TO:<a@x>
                C: RCPT TO:<b@x>
                C: RCPT TO:<c@x>
                C: DATA
                S: 250 ok
                S: 550 5.1.1 no such user
                S: 250 ok
                S: 452 4.5.3 too many
                S: 354 go
                C: [hi|..dot]
                C: .
                S: 250 ok
                *: bounced 550 5.1.1 no such user
                *: relayed 250 ok
                *: deferred 452 4.5.3 too many
                C: QUIT
                """)
    }

    @Test("354 though no recipient was taken: the lone dot at once, and it counts for nobody (RFC 2920 §3.1)")
    func unwanted() throws {
        try ClientTranscript().expect(
            Self.piped + """
                C: RCPT TO:<bob@example.org>
                C: DATA
                S: 250 ok
                S: 450 greylisted
                S: 354 go
                C: .
                S: 250 taken
                *: deferred 450 greylisted
                C: RSET
                S: 250 ok
                C: QUIT
                """)
    }

    @Test("a server without EHLO gets HELO (§3.2)")
    func helo() throws {
        try ClientTranscript().expect(
            """
            S: 220 mx
            C: EHLO us.example
            S: 502 what
            C: HELO us.example
            S: 250 mx
            C: MAIL FROM:<ann@example.net>
            S: 550 not you
            *: bounced 550 not you
            C: RSET
            """)
    }

    @Test("421 may answer anything (§3.8)", arguments: [1, 2, 3, 4])
    func closing(_ step: Int) throws {
        let steps = [
            "S: 250 ok", "C: RCPT TO:<bob@example.org>", "S: 250 ok", "C: DATA", "S: 354 go", "C: [hi|..dot]\nC: .",
        ]
        let before = steps.prefix(step == 4 ? 6 : (step - 1) * 2).map { $0 + "\n" }.joined()
        try ClientTranscript().expect(Self.plain + before + "S: 421 4.3.2 bye\n*: deferred 421 4.3.2 bye\n*: close")
    }

    @Test("a refused greeting makes the session unusable, for good or for now (§3.1)")
    func greeting() throws {
        try ClientTranscript().expect("S: 554 go away\n*: unusable for good: 554 go away\n*: close")
        try ClientTranscript().expect("S: 450 later\n*: unusable: 450 later\n*: close")
        try ClientTranscript().expect("S: hello\n*: unusable: malformed reply while waiting for the greeting\n*: close")
    }

    @Test("a connection lost after the dot is tried again: a duplicate rather than a loss (§4.5.3.2.6)")
    func lostAfterDot() throws {
        try ClientTranscript(hangsUp: true).expect(
            Self.plain
                + """
                S: 250 ok
                C: RCPT TO:<bob@example.org>
                S: 250 ok
                C: DATA
                S: 354 go
                C: [hi|..dot]
                C: .
                S: 2
                *: deferred connection lost while waiting for the final reply
                *: close
                """.replacing("S: 2\n", with: ""))
    }

    @Test("an acceptance before the dot is not believed")
    func early() throws {
        var session = ClientSession(.init(hostname: "us.example"))
        session.receive(ByteBuffer(string: "220 mx\r\n250 mx\r\n"))
        var outcomes: [ClientSession.Outcome] = []
        while let action = session.next() {
            switch action {
            case .ready:
                let path = try ForwardPath(parsing: "<b@x>")
                session.begin(.init(reversePath: .null, recipients: [path], contentOctets: 3))
                session.receive(ByteBuffer(string: "250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n"))
            case .finished(let all): outcomes = all
            case .readContent, .heard, .send, .sendContent, .endContent, .unusable, .close: break
            }
        }
        #expect(outcomes == [.deferred(.malformedReply(.content))])
        #expect(session.phase == .closed)
    }

    @Test("a message above the announced SIZE is not tried (RFC 1870 §5)")
    func size() throws {
        try ClientTranscript().expect(
            """
            S: 220 mx
            C: EHLO us.example
            S: 250-mx
            S: 250 SIZE 9
            *: bounced 552 5.3.4 Message of 10 octets exceeds the server's limit of 9
            C: QUIT
            """)
    }
}
