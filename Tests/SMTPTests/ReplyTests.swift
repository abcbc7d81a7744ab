import NIOCore
import Testing

@testable import SMTP

struct ReplyTests {
    @Test("a reply repeats its codes on each line, and its text makes no line (RFC 5321 §4.2.1, RFC 2034 §4)")
    func encoding() {
        #expect(Reply(250, nil, "").wireLines == ["250 "])
        #expect(Reply(250, "2.1.0", "Ok").wireLines == ["250 2.1.0 Ok"])
        #expect(Reply(550, "5.1.1", lines: ["a", "b"]).wireLines == ["550-5.1.1 a", "550 5.1.1 b"])
        #expect(Reply(250, nil, "a\r\n550 b\u{0}").wireLines == ["250 a  550 b "])
    }

    @Test("an enhanced status code is three numbers with dots between (RFC 3463 §2)")
    func enhanced() {
        for number: UInt16 in [0, 1, 9, 10, 99, 100, 101, 999, 1000, 10_000, .max] {
            #expect(EnhancedStatusCode(5, number, 7).description == "5.\(number).7")
            #expect(EnhancedStatusCode(.max, 1, number).description == "255.1.\(number)")
        }
    }

    @Test(
        "replies in their forms (RFC 5321 §4.2.1)",
        arguments: [
            ("250 Ok\r\n", Reply(250, nil, "Ok")), ("250\r\n", Reply(250, nil, "")), ("250 \n", Reply(250, nil, "")),
            ("250 2.1.0 Ok\n", Reply(250, "2.1.0", "Ok")), ("250 2.1.0\r\n", Reply(250, "2.1.0", "")),
            ("250 5.1.0 Ok\r\n", Reply(250, nil, "5.1.0 Ok")), ("250 2.1.0.4 Ok\r\n", Reply(250, nil, "2.1.0.4 Ok")),
            ("250 2.1.1234 Ok\r\n", Reply(250, nil, "2.1.1234 Ok")),
            ("250-a\r\n250-b\r\n250 c\r\n", Reply(250, nil, lines: ["a", "b", "c"])),
            ("250-a\r\n250\r\n", Reply(250, nil, lines: ["a", ""])),
            ("550-5.1.1 a\r\n550-5.1.1 b\r\n550 5.1.2 c\r\n", Reply(550, "5.1.1", lines: ["a", "b", "5.1.2 c"])),
            ("250 \u{FC}\r\n", Reply(250, nil, "\u{FC}")),
        ])
    func forms(_ text: String, _ reply: Reply) throws {
        var parser = ReplyParser()
        parser.append(ByteBuffer(string: text))
        #expect(try parser.next() == reply)
        #expect(try parser.next() == nil)
        #expect(parser.isEmpty)

        var slow = ReplyParser()
        var replies: [Reply] = []
        for octet in text.utf8 {
            slow.append(ByteBuffer(bytes: [octet]))
            if let reply = try slow.next() { replies.append(reply) }
        }
        #expect(replies == [reply])
    }

    @Test(
        "what is no reply (RFC 5321 §4.2.1)",
        arguments: [
            ("\r\n", .line), ("Hello\r\n", .line), ("25 Ok\r\n", .line), ("150 Ok\r\n", .line), ("600 Ok\r\n", .line),
            ("250Ok\r\n", .line), ("2500 Ok\r\n", .line), ("250-a\r\n251 b\r\n", .mixedCodes),
            ("250-a\r\nb\r\n", .line),
        ] as [(String, ReplySyntaxError)])
    func malformed(_ text: String, _ error: ReplySyntaxError) {
        var parser = ReplyParser()
        parser.append(ByteBuffer(string: text))
        #expect(throws: error) { try parser.next() }
    }

    @Test("octets that are no UTF-8 are replaced, not refused")
    func invalidUTF8() throws {
        var parser = ReplyParser()
        parser.append(ByteBuffer(bytes: Array("250 ".utf8) + [0xFF, 0x0D, 0x0A]))
        #expect(try parser.next() == Reply(250, nil, "\u{FFFD}"))
    }

    @Test("replies of any size are read to their end, and little of them is kept")
    func oversized() throws {
        var parser = ReplyParser()
        let piece = ByteBuffer(repeating: UInt8(ascii: "x"), count: 64 * 1024)
        parser.append(ByteBuffer(string: "250-"))
        for _ in 0..<160 {  // 10 MiB
            parser.append(piece)
            #expect(try parser.next() == nil)
        }
        parser.append(ByteBuffer(string: "\r\n250-b\r\n250 c\r\n"))
        let long = try #require(try parser.next())
        #expect(long.lines.map(\.utf8.count) == [ReplyParser.lineLimit - 4, 1, 1])

        for _ in 0..<100_000 { parser.append(ByteBuffer(string: "250-line\r\n")) }
        #expect(try parser.next() == nil)
        parser.append(ByteBuffer(string: "250 end\r\n250 next\r\n"))
        #expect(try parser.next()?.lines.count == ReplyParser.linesLimit)
        #expect(try parser.next() == Reply(250, nil, "next"))
    }
}
