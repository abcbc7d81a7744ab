import Mail
import NIOCore
import Testing

@Suite("the parts of a message")
struct MessagePartTests {
    private func parts(_ text: String, isWhole: Bool = true) -> [MessagePart] {
        MessagePartReader.parts(of: ByteBuffer(string: text.replacing("\n", with: "\r\n")), isWhole: isWhole)
    }
    /// The tree, a line for each part.
    private func tree(_ text: String) -> [String] {
        self.parts(text).map { part in
            let words = [part.type, part.charset, part.encoding, part.name, part.text.map { "\"\($0)\"" }]
            return String(repeating: "  ", count: part.depth) + words.compactMap { $0 }.joined(separator: " ")
        }
    }

    @Test("text alone is what it is, its encoding taken off and its charset read")
    func text() {
        #expect(self.tree("Subject: x\n\nAs agreed.\n") == ["text/plain \"As agreed.\n\""])
        let quoted = "Content-Type: text/plain; charset=\"ISO-8859-1\"\nContent-Transfer-Encoding: Quoted-Printable\n\n"
        #expect(
            self.tree(quoted + "Gr=FC=DFe  \naus K=F6=\nln =3D Colonia\n") == [
                "text/plain iso-8859-1 quoted-printable \"Grüße\naus Köln = Colonia\n\""
            ])
        let base64 = "Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64\n\n"
        #expect(self.tree(base64 + "8NLJ18XU\n") == ["text/plain koi8-r base64 \"Привет\""])
        // What is not of the charset that it says is read as far as it goes.
        #expect(
            self.tree("Content-Type: text/plain; charset=no-such\n\ncaf\u{E9}\n") == ["text/plain no-such \"café\n\""])
    }

    @Test("parts are a tree, with names, and what a delimiter closes is closed")
    func multipart() {
        let message = """
            Content-Type: multipart/mixed; boundary=outer

            nobody reads this
            --outer
            Content-Type: multipart/alternative; boundary="in ner"

            --in ner
            Content-Type: text/plain; charset=utf-8

            Hello
            --in ner
            Content-Type: text/html

            <html><head><title>x</title><style>p { color: red }</style></head><body><p>Hel&lt;lo&#233;<br>you</p></body>
            --in ner--
            --outer
            Content-Type: message/rfc822

            Subject: inner

            inside
            --outer
            Content-Type: application/pdf; name="a.pdf"
            Content-Disposition: attachment; filename*=UTF-8''%e2%82%ac.pdf
            Content-Transfer-Encoding: base64

            JVBERi0=
            --outer--
            nor this
            """
        #expect(
            self.tree(message) == [
                "multipart/mixed", "  multipart/alternative", "    text/plain utf-8 \"Hello\"",
                "    text/html \"\nHel<loé\nyou\n\"", "  message/rfc822", "    text/plain \"inside\"",
                "  application/pdf base64 €.pdf",
            ])
    }

    @Test("what is read is bounded, and says so where it is cut")
    func bounded() throws {
        let many = (0..<500).map { "--b\nContent-Type: text/plain\n\n\($0)\n" }.joined()
        #expect(self.parts("Content-Type: multipart/mixed; boundary=b\n\n\(many)--b--\n").count == 64)
        let deep = (0..<90).map { "Content-Type: multipart/mixed; boundary=b\($0)\n\n--b\($0)\n" }.joined()
        #expect(self.parts(deep).count <= 66)
        let long = try #require(self.parts("A: b\n\n" + String(repeating: "x", count: 40_000)).first)
        #expect(long.text?.count == 24 << 10 && long.isCut && long.octets == 40_000)
        let cut = try #require(self.parts("A: b\n\nhalf", isWhole: false).first)
        #expect(cut.isCut && cut.text == "half")
    }

    @Test("no octets trap")
    func hostile() {
        let seed = UInt64.random(in: 0..<UInt64.max)
        print("seed \(seed)")
        var state = seed
        func next(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        let pieces = [
            "\r\n", "\r\n", "--b", "--b--", "--", "Content-Type: multipart/mixed; boundary=b",
            "Content-Type: text/html; ",
            "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64",
            "Content-Transfer-Encoding: quoted-printable",
            "charset=", "utf-16", "iso-2022-jp", "name*=", "UTF-8''%", "=", "=4", "=C3=A9", "&#x110000;", "&#55296;",
            "&amp;", "<",
            "<script", ">", "\u{1B}$B", "\0", "é", "A: b", "\"", "(", ";",
        ]
        for _ in 0..<3000 {
            let text = (0..<next(40)).map { _ in pieces[next(pieces.count)] }.joined()
            let parts = MessagePartReader.parts(of: ByteBuffer(string: text), isWhole: next(2) == 0)
            #expect(parts.count <= 64)
        }
    }
}
