import Mail
import NIOCore
import SeededRandom
import Testing

@Suite("the Subject of mail that comes in")
struct SubjectFieldTests {
    @Test(
        "is found where it is, and nowhere else",
        arguments: [
            ("Subject: hi\r\n\r\ntext", "hi"),
            ("Received: from a\r\n\tby b\r\nsubject:hi there\r\nTo: x\r\n", "hi there"),
            ("SUBJECT \t: \r\n hi\r\n\tthere\r\n\r\n", "hi there"),
            ("Subject: =?utf-8?q?gr=C3=BCn?=\n\n", "grün"),
            ("Subject: hi", "hi"),
            ("Subject:\r\n\r\n", ""),
            ("Subject: one\r\nSubject: two\r\n", "one"),
            ("Subjects: hi\r\n", nil),
            ("Subject\r\n", nil),
            ("X: y\r\n Subject: folded\r\n\r\nSubject: text\r\n", nil),
            ("\r\nSubject: text\r\n", nil),
            ("\nSubject: text\n", nil),
            ("", nil),
        ])
    func found(_ content: String, _ subject: String?) {
        let field = MessageHeader.subjectField(in: ByteBuffer(string: content))
        #expect(field.map(MessageHeader.subject) == subject)
        // What the whole header says.
        #expect(subject == MessageHeader(ByteBuffer(string: content)).subject)
    }

    @Test("is cut at 998 octets, and not looked for behind 16 KiB")
    func bounds() {
        let long = String(repeating: "x", count: 5000)
        let field = MessageHeader.subjectField(in: ByteBuffer(string: "Subject:\(long)\r\n"))
        #expect(field == ByteBuffer(string: String(long.prefix(998))))
        let late = "X: \(String(repeating: long, count: 4))\r\nSubject: late\r\n\r\n"
        #expect(MessageHeader.subjectField(in: ByteBuffer(string: late)) == nil)
    }

    @Test("is the header's own, whatever octets there are")
    func random() {
        var random = SeededGenerator(printedAs: "mail")
        let pieces = ["Subject", "subject", ":", " ", "\t", "\r\n", "\n", "x", "é", "\r", "\r\n\r\n"]
        for _ in 0..<5000 {
            let text = (0..<12).map { _ in pieces.randomElement(using: &random)! }.joined()
            let content = ByteBuffer(string: text)
            let field = MessageHeader.subjectField(in: content)
            let header = MessageHeader(content).subject
            #expect(field.map(MessageHeader.subject) == header || header == nil, "\(text.debugDescription)")
        }
    }

    @Test(
        "so is the Message-ID, which is one word",
        arguments: [
            ("Message-ID: <1@b>\r\n\r\n", "<1@b>"), ("Subject: x\r\nMESSAGE-id:<1@b> (a comment)\r\n\r\n", "<1@b>"),
            ("Message-ID:\r\n <1@b>\r\n\r\n", "<1@b>"), ("Message-ID: \r\n\r\n", nil), ("X-Message-ID: <1@b>\r\n", nil),
            ("Resent-Message-ID: <1@b>\r\n\r\nMessage-ID: <2@b>\r\n", nil), ("Message-IDs: <1@b>\r\n", nil),
            ("Message-ID: <1\u{1B}2\u{1}@b>\r\n", "<1\u{1B}2\u{1}@b>"), ("Message-ID: \u{1}<3@b>\r\n", "\u{1}<3@b>"),
            ("Message-ID: <1\u{0}@b>\r\n", "<1"),
        ])
    func messageID(_ content: String, _ messageID: String?) {
        #expect(MessageHeader.messageID(in: ByteBuffer(string: content)) == messageID)
    }
}
