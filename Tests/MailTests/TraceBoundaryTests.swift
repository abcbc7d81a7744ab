import Mail
import NIOCore
import SeededRandom
import Testing

@Suite("what goes between our trace field and content")
struct TraceBoundaryTests {
    private static let long = String(repeating: "n", count: 1200)
    private static let mailboxLine = "From " + String(repeating: "a", count: 990)

    private static let cases: [(content: String, separated: String)] = [
        // A header, or none at all.
        ("", ""), ("Subject: hi\r\n\r\nhello", "Subject: hi\r\n\r\nhello"), ("\r\nbody", "\r\nbody"), ("\r\n", "\r\n"),
        ("X!#$%&'*+-/=?^_`{|}~\"();<>,@[\\]: odd", "X!#$%&'*+-/=?^_`{|}~\"();<>,@[\\]: odd"), ("A:", "A:"),
        ("Old \t : x\r\n", "Old \t : x\r\n"), ("From: ann\r\n", "From: ann\r\n"), ("From : ann\r\n", "From : ann\r\n"),
        (">From :x\r\n", ">From :x\r\n"),
        // White space would continue our field.
        (" white\r\nSubject: kept\r\n", "\r\n white\r\nSubject: kept\r\n"), ("\twhite", "\r\n\twhite"), (" ", "\r\n "),
        ("  \r\n", "\r\n  \r\n"),
        // Words would become a field.
        ("Plain words, no field at all.\r\nA: b\r\n", "\r\nPlain words, no field at all.\r\nA: b\r\n"),
        ("word", "\r\nword"), ("word\r\n", "\r\nword\r\n"), ("a b: c", "\r\na b: c"), (": nameless", "\r\n: nameless"),
        ("Ü: x", "\r\nÜ: x"), ("\u{FEFF}Subject: x", "\r\n\u{FEFF}Subject: x"), ("a\u{7F}: x", "\r\na\u{7F}: x"),
        ("a\0: x", "\r\na\0: x"), ("\rx: y", "\r\n\rx: y"), ("\r", "\r\n\r"), ("\nx: y", "\r\n\nx: y"),
        ("x\ny: z", "\r\nx\ny: z"), ("\(Self.long): x", "\r\n\(Self.long): x"),
        ("From\tann\r\n", "\r\nFrom\tann\r\n"), ("From\r\n", "\r\nFrom\r\n"), ("from ann", "\r\nfrom ann"),
        // What an mbox file puts before a message.
        ("From ann Mon Jan  5\r\nSubject: x\r\n", "X-Mailbox-Line: From ann Mon Jan  5\r\nSubject: x\r\n"),
        (">>From ann\r\n\r\nbody", "X-Mailbox-Line: >>From ann\r\n\r\nbody"), ("From ", "X-Mailbox-Line: From "),
        (
            "From ann\r\n>From bob\r\n\tremote\r\nbody: no\r\n",
            "X-Mailbox-Line: From ann\r\nX-Mailbox-Line: >From bob\r\n\tremote\r\nbody: no\r\n"
        ),
        ("From ann\r\nwords\r\nA: b", "X-Mailbox-Line: From ann\r\n\r\nwords\r\nA: b"),
        ("From ann\r\n", "X-Mailbox-Line: From ann\r\n"), ("From ann\rx\r\n", "X-Mailbox-Line: From ann\rx\r\n"),
        (
            "\(Self.mailboxLine)\r\nA: b",
            "X-Mailbox-Line: \(Self.mailboxLine.prefix(982))\r\n \(Self.mailboxLine.dropFirst(982))\r\nA: b"
        ),
    ]

    @Test("a field or an empty line comes next, whatever the content is, however it is cut", arguments: Self.cases)
    func separated(_ content: String, _ separated: String) {
        for octets in [1, 2, 3, 7, max(content.utf8.count, 1)] {
            #expect(self.through(TraceBoundary(), content, by: octets) == separated, "by \(octets) octets")
        }
    }

    @Test("behind the decision chunks pass uncopied and at once, and no more than a line is held back before it")
    func holdsLittle() {
        var boundary = TraceBoundary()
        #expect(boundary.receive(ByteBuffer(string: "Subject")).readableBytes == 0)
        #expect(boundary.receive(ByteBuffer(string: ": hi")) == ByteBuffer(string: "Subject: hi"))
        #expect(boundary.receive(ByteBuffer(string: " there\r\n")) == ByteBuffer(string: " there\r\n"))
        #expect(boundary.finish().readableBytes == 0)

        boundary = TraceBoundary()
        #expect(boundary.receive(ByteBuffer(repeating: 0x61, count: 997)).readableBytes == 0)
        #expect(boundary.receive(ByteBuffer(repeating: 0x61, count: 1)).readableBytes == 1000)
    }

    @Test("mbox lines without an end do not make content larger without an end")
    func manyMailboxLines() {
        let content = String(repeating: ">From \r\n", count: 1000)
        let separated = self.through(TraceBoundary(), content, by: 100)
        #expect(separated.utf8.count == content.utf8.count + 100 * 16 + 2)
    }

    @Test("no content becomes part of our own field, and none of it is lost")
    func random() {
        var generator = SeededGenerator(printedAs: "mail")
        let pieces = ["From ", ">", " ", "\t", ":", "\r\n", "\r", "\n", "a", "Subject", "\u{E9}", "x y", "\0"]
        for _ in 0..<5000 {
            let count = Int.random(in: 0..<9, using: &generator)
            let content = (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            let whole = self.through(TraceBoundary(), content, by: 1000)
            let cut = self.through(TraceBoundary(), content, by: Int.random(in: 1..<4, using: &generator))
            #expect(cut == whole, "\(content.debugDescription)")
            let added = whole.replacing("X-Mailbox-Line: ", with: "")
            #expect(added == content || added.utf8.count == content.utf8.count + 2, "\(content.debugDescription)")
            let header = MessageHeader(ByteBuffer(string: "Received: ours\r\n" + whole))
            #expect(header.fields.first?.value == "ours", "\(content.debugDescription)")
        }
    }

    private func through(_ boundary: TraceBoundary, _ content: String, by octets: Int) -> String {
        var boundary = boundary
        var rest = ByteBuffer(string: content)
        var separated = ByteBuffer()
        while let chunk = rest.readSlice(length: min(octets, rest.readableBytes)), chunk.readableBytes > 0 {
            separated.writeImmutableBuffer(boundary.receive(chunk))
        }
        separated.writeImmutableBuffer(boundary.finish())
        return String(buffer: separated)
    }
}
