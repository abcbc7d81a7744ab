import Foundation
import Glibc
import Logging
import Mail
import Relay
import SMTP
import Spool
import Testing

@testable import hoptop

@Suite("forms of the log")
struct LogFormTests {
    private let id = QueueID(rawValue: (Int64(1000) << 24) + 7)

    /// A message that came by TLS for two, of which one is relayed, the other put off and then given up.
    private var facts: [Fact] {
        var facts = self.factsOfNobody
        for place in [1, 2, 4] { facts[place].saidBy = .nextHop }
        facts[3].saidBy = .relay
        return facts
    }

    private var factsOfNobody: [Fact] {
        let begin = self.id.time
        func at(_ milliseconds: Int64) -> Timestamp { begin.adding(milliseconds: milliseconds) }
        return [
            Fact(
                at: at(0), kind: .accepted, message: self.id, from: "<ann@example.net>", session: "in#3",
                contentOctets: 1834,
                arrival: Arrival(
                    peer: "192.0.2.7:40112", hello: "client.example", with: "ESMTPSA", session: "in#3", tls: "TLSv1.3",
                    user: "ann"), messageID: "<1@client.example>"),
            Fact(
                at: at(350), kind: .relayed, message: self.id, recipient: 0, from: "<ann@example.net>",
                to: "<bob@example.org>", nextHop: "192.0.2.25:25", remoteID: "4Q7K",
                text: "250 2.0.0 Ok: queued as 4Q7K", session: "out#1", security: SessionSecurity(tls: "TLSv1.3"),
                milliseconds: 120),
            Fact(
                at: at(2350), kind: .deferred, message: self.id, recipient: 1, from: "<ann@example.net>",
                to: "<eve@example.com>", nextHop: "mx.example.com:25", text: "450 4.2.0 greylisted", session: "out#2",
                milliseconds: 1500),
            Fact(
                at: at(45_000), kind: .deferred, message: self.id, recipient: 1, from: "<ann@example.net>",
                to: "<eve@example.com>", text: "mx.example.com:25: connection refused", milliseconds: 10),
            Fact(
                at: at(432_000_000), kind: .expired, message: self.id, recipient: 1, from: "<ann@example.net>",
                to: "<eve@example.com>", nextHop: "mx.example.com:25", text: "450 4.2.0 greylisted", milliseconds: 90),
            Fact(
                at: at(432_000_001), kind: .reported, message: self.id, from: "<>", to: "<ann@example.net>",
                text: "4Q7L0000A1"),
            Fact(
                at: at(432_000_002), kind: .held, message: self.id, recipient: 1, from: "<ann@example.net>",
                to: "<eve@example.com>", text: "look at it", actor: "ops"),
        ]
    }

    private func lines(_ format: LogFormat) -> String {
        self.facts.map { fact in
            var entry = LogEntry(fact)
            if fact.kind == .accepted { entry.recipients = 2 }
            return format.lines(entry)
        }.joined()
    }

    @Test("for people")
    func text() {
        #expect(
            self.lines(.text) == """
                2026-01-01T00:16:40.000Z info accepted \(self.id) from=<ann@example.net> size=1834 client="192.0.2.7:40112"
                2026-01-01T00:16:40.350Z info relayed \(self.id) from=<ann@example.net> to=<bob@example.org> via=192.0.2.25:25 took=120ms reply="250 2.0.0 Ok: queued as 4Q7K"
                2026-01-01T00:16:42.350Z info deferred \(self.id) from=<ann@example.net> to=<eve@example.com> via=mx.example.com:25 took=1500ms reply="450 4.2.0 greylisted"
                2026-01-01T00:17:25.000Z info deferred \(self.id) from=<ann@example.net> to=<eve@example.com> took=10ms reason="mx.example.com:25: connection refused"
                2026-01-06T00:16:40.000Z info expired \(self.id) from=<ann@example.net> to=<eve@example.com> via=mx.example.com:25 took=90ms reply="450 4.2.0 greylisted"
                2026-01-06T00:16:40.001Z info reported \(self.id) from=<> to=<ann@example.net> report=4Q7L0000A1
                2026-01-06T00:16:40.002Z info held \(self.id) from=<ann@example.net> to=<eve@example.com> reason="look at it" by=ops

                """)
    }

    @Test("as Postfix has it")
    func postfix() {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let lines = self.lines(.postfix).replacing(" \(host) postfix/", with: " mx postfix/")
            .replacing("[\(getpid())]:", with: "[1]:")
        #expect(
            lines == """
                2026-01-01T00:16:40.000Z mx postfix/smtpd[1]: \(self.id): client=unknown[192.0.2.7], sasl_username=ann
                2026-01-01T00:16:40.000Z mx postfix/cleanup[1]: \(self.id): message-id=<1@client.example>
                2026-01-01T00:16:40.000Z mx postfix/qmgr[1]: \(self.id): from=<ann@example.net>, size=1834, nrcpt=2 (queue active)
                2026-01-01T00:16:40.350Z mx postfix/smtp[1]: \(self.id): to=<bob@example.org>, relay=192.0.2.25[192.0.2.25]:25, delay=0.35, delays=0.23/0/0/0.12, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4Q7K)
                2026-01-01T00:16:42.350Z mx postfix/smtp[1]: \(self.id): to=<eve@example.com>, relay=mx.example.com:25, delay=2.3, delays=0.85/0/0/1.5, dsn=4.2.0, status=deferred (host mx.example.com:25 said: 450 4.2.0 greylisted)
                2026-01-01T00:17:25.000Z mx postfix/smtp[1]: \(self.id): to=<eve@example.com>, relay=none, delay=45, delays=44/0/0/0.01, dsn=4.4.1, status=deferred (mx.example.com:25: connection refused)
                2026-01-06T00:16:40.000Z mx postfix/smtp[1]: \(self.id): to=<eve@example.com>, relay=mx.example.com:25, delay=432000, delays=431999/0/0/0.09, dsn=4.2.0, status=deferred (host mx.example.com:25 said: 450 4.2.0 greylisted)
                2026-01-06T00:16:40.000Z mx postfix/qmgr[1]: \(self.id): from=<ann@example.net>, status=expired, returned to sender
                2026-01-06T00:16:40.001Z mx postfix/bounce[1]: \(self.id): sender non-delivery notification: 4Q7L0000A1
                2026-01-06T00:16:40.002Z mx postfix/smtpd[1]: \(self.id): hold: RCPT from unknown[unknown]: <eve@example.com>: by ops: look at it; from=<ann@example.net> to=<eve@example.com> proto=SMTP helo=<>
                2026-01-06T00:16:40.002Z mx postfix/postsuper[1]: \(self.id): placed on hold

                """)
    }

    @Test("as objects, each on a line, with the names that the API has")
    func json() throws {
        let objects = try self.lines(.json).split(separator: "\n").map { line in
            try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
        #expect(objects.count == self.facts.count)
        #expect(objects[1]["event"] as? String == "relayed")
        #expect(objects[1]["part"] as? String == "delivery")
        #expect(objects[1]["level"] as? String == "info")
        #expect(objects[1]["time"] as? String == "2026-01-01T00:16:40.350Z")
        #expect(objects[1]["to"] as? String == "<bob@example.org>")
        #expect(objects[1]["milliseconds"] as? Int == 120)
        #expect(objects[1]["remoteID"] as? String == "4Q7K")
        #expect(objects[2]["saidBy"] as? String == "nextHop")
        #expect(objects[3]["saidBy"] as? String == "relay")
        #expect(objects[0]["user"] as? String == "ann")
        #expect(objects[0]["messageID"] as? String == "<1@client.example>")
    }

    @Test("what a peer says makes no line of its own, no colour, and no other field", arguments: LogFormat.allCases)
    func hostile(_ format: LogFormat) {
        let words =
            "250 2.0.0 ok\n2026-01-01T00:00:00Z mx postfix/smtpd[1]: X: client=y[1.2.3.4]\u{1B}[31m\u{202E}\u{85}\"}"
        let fact = Fact(
            at: self.id.time, kind: .relayed, message: self.id, recipient: 0, from: "<a@b>",
            to: "<\"x>, relay=none, status=bounced (\"@example.org>", nextHop: "mx:25", text: words)
        let line = format.lines(LogEntry(fact))
        #expect(line.count { $0 == "\n" } == 1 && line.hasSuffix("\n"))
        #expect(
            !line.unicodeScalars.dropLast().contains { $0.value < 0x20 || [0x85, 0x202E, 0x1B].contains($0.value) })
        if format == .postfix {
            #expect(line.contains("to=<\"x?, relay=none, status=bounced (\"@example.org>, relay=mx:25,"))
        }
    }

    @Test(
        "what a peer said, or is called, ends where its quotation mark does",
        arguments: [
            "550 5.1.1 x\" by=ann reason=\"asked by boss", "550 \\", "550 \\\" by=ann", "no route: add domain = \"x\"",
            "550", "550=by", "it's", "a'b",
        ])
    func forged(_ reply: String) {
        var fact = Fact(
            at: self.id.time, kind: .bounced, message: self.id, recipient: 0, from: "<\"a\\\" by=root\"@b.test>",
            to: "<c@d>", nextHop: "mx:25", text: reply)
        for author in [ReplyAuthor.nextHop, .relay] {
            fact.saidBy = author
            let fields = Self.fields(LogFormat.text.lines(LogEntry(fact)))
            #expect(
                fields == [
                    "from": "<\"a\\\" by=root\"@b.test>", "to": "<c@d>", "via": "mx:25",
                    author == .nextHop ? "reply" : "reason": reply,
                ])
        }
    }

    @Test("what is no fact has its values in quotes where they have spaces")
    func quoted() {
        let entry = LogEntry(
            at: self.id.time, level: .warning, part: .spool, event: "mail is refused",
            fields: [
                ("by", .text("")), ("count", .number(3)), ("error", .text("a.toml:112: \"x\" is no key")),
                ("reason", .text("the spool's disk is full: make room")),
            ])
        let line = LogFormat.text.lines(entry)
        #expect(
            line.hasSuffix(
                " mail is refused by=\"\" count=3 error=\"a.toml:112: \\\"x\\\" is no key\" "
                    + "reason=\"the spool's disk is full: make room\"\n"))
    }

    @Test("an address with = is quoted, and what controls is escaped once more, as a backslash is")
    func escaped() {
        let fact = Fact(
            at: self.id.time, kind: .readdressed, message: self.id, recipient: 0,
            from: "<SRS0=abc=TT=b.test=ann@a.test>", to: "<o'hara@d>", text: "\u{1B}[31m")
        #expect(
            LogFormat.text.lines(LogEntry(fact)).hasSuffix(
                " from=\"<SRS0=abc=TT=b.test=ann@a.test>\" to=\"<o'hara@d>\" was=\"\\\\x1b[31m\"\n"))
    }

    @Test("a long value is cut by itself, and what is behind it stays", arguments: ["x", "\u{1B}", "\""])
    func long(_ piece: String) {
        let fact = Fact(
            at: self.id.time, kind: .held, message: self.id, recipient: 0, from: "<a@b>", to: "<c@d>",
            text: String(repeating: piece, count: 10_000), actor: "ann")
        let line = LogFormat.text.lines(LogEntry(fact))
        #expect(line.hasSuffix("…\" by=ann\n"))
        #expect(Set(Self.fields(line).keys) == ["from", "to", "reason", "by"])
    }

    @Test("who did away with mail is told by one name in all lines for people")
    func actor() {
        let entry = LogEntry(
            at: self.id.time, level: .notice, part: .queue, event: "dropped",
            fields: [("recipients", .number(2)), ("actor", .text("ann"))])
        #expect(LogFormat.text.lines(entry).hasSuffix(" notice dropped recipients=2 by=ann\n"))
        #expect(LogFormat.json.lines(entry).contains("\"actor\":\"ann\""))
    }

    /// The fields of a line, as whoever reads logfmt finds them.
    private static func fields(_ line: String) -> [String: String] {
        let field = /([a-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^ "]*))/
        return line.dropLast().matches(of: field).reduce(into: [:]) { fields, match in
            let quoted = match.2.map { String($0).replacing(/\\(.)/) { $0.1 } }
            fields[String(match.1)] = quoted ?? match.3.map(String.init)
        }
    }

    @Test("what no host was asked is not told as its word")
    func unasked() {
        var fact = Fact(
            at: self.id.time, kind: .bounced, message: self.id, recipient: 0, from: "<a@b>", to: "<c@d>",
            text: "556 5.1.10 d takes no mail")
        fact.saidBy = .relay
        let line = LogFormat.postfix.lines(LogEntry(fact))
        #expect(line.contains(" relay=none, ") && line.contains(" dsn=5.1.10, "))
        #expect(line.hasSuffix(" status=bounced (556 5.1.10 d takes no mail)\n"))
        #expect(LogFormat.text.lines(LogEntry(fact)).hasSuffix(" reason=\"556 5.1.10 d takes no mail\"\n"))
    }

    @Test("a client that is refused is a NOQUEUE line")
    func refused() {
        let entry = LogEntry(
            at: self.id.time, level: .info, part: .reception, event: ReceptionEvent.refused,
            fields: [
                ("client", .text("192.0.2.7:40112")), ("command", .text("RCPT TO:<eve@example.com> NOTIFY=NEVER")),
                ("from", .text("<ann@example.net>")), ("hello", .text("client.example")),
                ("reply", .text("554 5.7.1 Relay access denied")), ("with", .text("ESMTP")),
            ])
        #expect(
            LogFormat.postfix.lines(entry).contains(
                "]: NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 554 5.7.1 Relay access denied; "
                    + "from=<ann@example.net> to=<eve@example.com> proto=ESMTP helo=<client.example>\n"))
        #expect(
            LogFormat.text.lines(entry).contains(
                "info refused client=192.0.2.7:40112 command=\"RCPT TO:<eve@example.com> NOTIFY=NEVER\" "
                    + "from=<ann@example.net>"))
    }
}
