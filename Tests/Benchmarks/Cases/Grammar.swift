import NIOCore
import SMTP

extension Case {
    /// Lines read: commands, paths, replies.
    static let grammar: [Case] = [
        Case("grammar/commands", unit: "line", units: 6, steps: 100) {
            let lines = [
                "EHLO client.example", "MAIL FROM:<ann@example.net> SIZE=4096 BODY=8BITMIME",
                "RCPT TO:<bob@example.org> NOTIFY=FAILURE,DELAY", "DATA", "RSET", "QUIT",
            ].map { ByteBuffer(string: $0).readableBytesView }
            let known = Set(ServiceExtension.allCases)
            return { for line in lines { _ = try Command.parse(line, known: known) } }
        },
        Case("grammar/paths", unit: "path", units: 4, steps: 100) {
            let paths = [
                "<bob@example.org>", "<@a.example,@d.example,@p.example:u@z.example>",
                "<\"a quoted part\"@example.org>",
                "<bob@[IPv6:2001:db8::7]>",
            ]
            return { for path in paths { _ = try ForwardPath(parsing: path) } }
        },
        Case("grammar/replies", unit: "reply", units: 3, steps: 100) {
            let replies = ByteBuffer(
                string: "250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 50000000\r\n250 8BITMIME\r\n"
                    + "250 2.1.0 Ok\r\n450 4.2.0 <bob@example.org>: greylisted, try again\r\n")
            var parser = ReplyParser()
            return {
                parser.append(replies)
                while try parser.next() != nil {}
            }
        },
    ]
}
