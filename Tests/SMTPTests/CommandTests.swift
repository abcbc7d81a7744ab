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
}
