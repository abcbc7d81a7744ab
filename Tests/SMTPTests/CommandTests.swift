import NIOCore
import Testing

@testable import SMTP

struct CommandTests {
    private func parse(_ line: String) throws(CommandSyntaxError) -> Command {
        try Command.parse(ByteBuffer(string: line).readableBytesView)
    }
    private static let ann = ReversePath.path(Path(mailbox: Mailbox(localPart: "ann", domain: Domain("example.net"))))
    private static let bob = ForwardPath.path(Path(mailbox: Mailbox(localPart: "bob", domain: Domain("example.org"))))

    @Test(
        "commands read in any case, with spaces that many send (RFC 5321 §2.4, §4.1.1)",
        arguments: [
            ("EHLO client.example", .ehlo("client.example")), ("ehlo [192.0.2.1] ", .ehlo("[192.0.2.1]")),
            ("HeLo my_pc", .helo("my_pc")), ("MAIL FROM:<>", .mail(.null, [])),
            ("mail from: <ann@example.net>", .mail(ann, [])),
            (
                "MAIL FROM:<ann@example.net> size=12 BODY=8BITMIME  ENVID=a+20b ",
                .mail(ann, [Parameter("SIZE", "12"), Parameter("BODY", "8BITMIME"), Parameter("ENVID", "a+20b")])
            ),
            ("RCPT TO:<bob@example.org>", .rcpt(bob, [])), ("rcpt to:<postmaster>", .rcpt(.postmaster, [])),
            ("RCPT TO:<bob@example.org> X", .rcpt(bob, [Parameter("X")])), ("data ", .data), ("RSET", .rset),
            ("NOOP", .noop), ("NOOP whatever", .noop), ("QUIT", .quit), ("VRFY bob", .vrfy("bob")),
            ("EXPN list", .expn("list")), ("HELP", .help(nil)), ("HELP mail", .help("mail")),
        ] as [(String, Command)])
    func wellFormed(_ line: String, _ command: Command) throws { #expect(try self.parse(line) == command) }

    @Test(
        "each mistake is owed its own reply (RFC 5321 §4.2.4, RFC 3463 §3)",
        arguments: [
            ("", "500 5.5.2"), ("FOO", "500 5.5.2"), ("MAILFROM:<a@b>", "500 5.5.2"), ("GET / HTTP/1.1", "500 5.5.2"),
            ("NOOP \u{0}", "500 5.5.2"), ("MAIL FROM:<ä@b>", "500 5.5.2"), ("EHLO", "501 5.5.4"),
            ("EHLO a b", "501 5.5.4"), ("EHLO (a)", "501 5.5.4"), ("MAIL", "501 5.5.4"), ("MAIL TO:<a@b>", "501 5.5.4"),
            ("MAIL FROM:a@b", "501 5.1.7"), ("MAIL FROM:<a@>", "501 5.1.7"), ("RCPT TO:<a>", "501 5.1.3"),
            ("RCPT TO:<>", "501 5.1.3"), ("MAIL FROM:<a@b>SIZE=1", "501 5.5.4"), ("MAIL FROM:<a@b> =1", "501 5.5.4"),
            ("MAIL FROM:<a@b> A=", "501 5.5.4"), ("MAIL FROM:<a@b> A=b=c", "501 5.5.4"), ("DATA x", "501 5.5.4"),
            ("QUIT now", "501 5.5.4"), ("VRFY", "501 5.5.4"), ("STARTTLS", "502 5.5.1"), ("AUTH PLAIN", "502 5.5.1"),
            ("BDAT 1 LAST", "502 5.5.1"), ("TURN", "502 5.5.1"),
        ])
    func malformed(_ line: String, _ reply: String) {
        do {
            let command = try self.parse(line)
            Issue.record("\(line) was read as \(command)")
        } catch {
            #expect(error.reply.description.hasPrefix(reply + " "))
        }
    }

    private static let mörk = ReversePath.path(
        Path(mailbox: Mailbox(localPart: "mörk", domain: Domain("bücher.example"))))

    @Test(
        "the commands of extensions (RFC 1985 §5.3, 2033 §4.1, 3030 §2, 3207 §4, 4954 §4, 6531 §3.4)",
        arguments: [
            ("LHLO client.example", .lhlo("client.example")), ("starttls", .startTLS),
            ("auth plain", .auth(mechanism: "PLAIN", initialResponse: nil)),
            ("AUTH PLAIN Zm9v", .auth(mechanism: "PLAIN", initialResponse: ByteBuffer(string: "foo"))),
            ("AUTH SCRAM-SHA-256-PLUS = ", .auth(mechanism: "SCRAM-SHA-256-PLUS", initialResponse: ByteBuffer())),
            ("BDAT 86", .bdat(octets: 86, isLast: false)), ("bdat 0 last", .bdat(octets: 0, isLast: true)),
            ("BDAT 99999999999999999999", .bdat(octets: .max, isLast: false)),
            ("ETRN example.org", .etrn(.domain(Domain("example.org")))),
            ("ETRN @example.org", .etrn(.subdomains(Domain("example.org")))), ("ETRN #uucp", .etrn(.queue("uucp"))),
            ("MAIL FROM:<mörk@bücher.example> SMTPUTF8", .mail(mörk, [Parameter("SMTPUTF8")])),
            ("VRFY mörk SMTPUTF8", .vrfy("mörk SMTPUTF8")),
        ] as [(String, Command)])
    func extensions(_ line: String, _ command: Command) throws { #expect(try self.parseAll(line) == command) }

    @Test(
        "mistakes in the commands of extensions",
        arguments: [
            ("STARTTLS now", "501 5.5.4"), ("AUTH", "501 5.5.4"), ("AUTH PLAIN a b", "501 5.5.4"),
            ("AUTH PL@IN", "501 5.5.4"), ("AUTH \(String(repeating: "X", count: 21))", "501 5.5.4"),
            ("AUTH PLAIN Zg=", "501 5.5.2"), ("BDAT", "501 5.5.4"), ("BDAT -1", "501 5.5.4"), ("BDAT 1x", "501 5.5.4"),
            ("BDAT 1 LATE", "501 5.5.4"), ("BDAT 1 LAST x", "501 5.5.4"), ("BDAT 999999999999999999999", "501 5.5.4"),
            ("ETRN", "501 5.5.4"), ("ETRN -a", "501 5.5.4"), ("ETRN a b", "501 5.5.4"), ("ETRN #", "501 5.5.4"),
            ("XCLIENT", "501 5.5.4"), ("XCLIENT NAME", "501 5.5.4"), ("XCLIENT FOO=a", "501 5.5.4"),
            ("XCLIENT ADDR=1.2.3", "501 5.5.4"), ("XCLIENT ADDR=IPV6:1.2.3.4", "501 5.5.4"),
            ("XCLIENT PORT=65536", "501 5.5.4"), ("XCLIENT PROTO=LMTP", "501 5.5.4"),
            ("XCLIENT NAME=a NAME=a", "501 5.5.4"), ("XCLIENT NAME=a+0D+0Ab", "501 5.5.4"),
            ("XCLIENT IDENT=a", "501 5.5.4"), ("XFORWARD LOGIN=a", "501 5.5.4"), ("XFORWARD SOURCE=MOON", "501 5.5.4"),
            ("MAIL FROM:<mörk@b>", "553 5.6.7"), ("VRFY mörk", "553 5.6.7"), ("EHLO mörk", "500 5.5.2"),
            ("MAIL FROM:<a\u{85}@b> SMTPUTF8", "500 5.5.2"), ("TURN", "502 5.5.1"),
        ])
    func malformedExtensions(_ line: String, _ reply: String) {
        do {
            let command = try self.parseAll(line)
            Issue.record("\(line) was read as \(command)")
        } catch {
            #expect(error.reply.description.hasPrefix(reply + " "))
        }
    }

    @Test("octets that are no UTF-8 are never text (RFC 6531 §3.1)")
    func invalidUTF8() {
        for octets in [[0xC3], [0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]] as [[UInt8]] {
            let line = ByteBuffer(bytes: Array("MAIL FROM:<a".utf8) + octets + Array("@b> SMTPUTF8".utf8))
            #expect(throws: CommandSyntaxError.forbiddenOctet) {
                try Command.parse(line.readableBytesView, known: [.smtpUTF8])
            }
        }
    }

    @Test("what XCLIENT and XFORWARD say of a client (Postfix, XCLIENT_README and XFORWARD_README)")
    func attributes() throws {
        var attributes = ClientAttributes()
        attributes.name = .known("spike.example")
        attributes.address = .known("2001:db8::1")
        attributes.port = .unavailable
        attributes.login = .known("a b")
        attributes.protocol = .known("ESMTP")
        attributes.hello = .temporarilyUnavailable
        let line =
            "XCLIENT NAME=spike.example addr=IPv6:2001:db8::1 PORT=[unavailable] LOGIN=a+20b PROTO=esmtp HELO=[TEMPUNAVAIL]"
        #expect(try self.parseAll(line) == .xclient(attributes))
        attributes = ClientAttributes()
        attributes.address = .known("192.0.2.1")
        attributes.identifier = .known("4Q7K")
        attributes.source = .known("REMOTE")
        #expect(try self.parseAll("XFORWARD ADDR=192.0.2.1 IDENT=4Q7K SOURCE=remote") == .xforward(attributes))
    }

    private func parseAll(_ line: String) throws(CommandSyntaxError) -> Command {
        try Command.parse(ByteBuffer(string: line).readableBytesView, known: Set(ServiceExtension.allCases))
    }
}
