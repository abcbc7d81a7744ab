import NIOCore
import SeededRandom
import Testing

@testable import Mail

@Suite("8-bit content for a 7-bit hop (RFC 6152 §3, RFC 3030 §3)")
struct SevenBitConverterTests {
    private func verdict(_ content: [UInt8]) -> SevenBitInspection.Verdict {
        var inspection = SevenBitInspection()
        inspection.receive(ByteBuffer(bytes: content))
        return inspection.finish()
    }

    private func octets(_ text: String) -> [UInt8] { Array(text.replacing("\n", with: "\r\n").utf8) }

    /// Converts whole and an octet at a time; both must be the same.
    private func convert(_ text: String) throws -> String {
        let content = self.octets(text)
        guard case .possible(let plan) = self.verdict(content) else { throw NotPossible() }
        let whole = SevenBitConverter.converted(content, plan, chunks: content.count)
        let parts = SevenBitConverter.converted(content, plan, chunks: 1)
        #expect(String(decoding: parts, as: UTF8.self) == String(decoding: whole, as: UTF8.self))
        return String(decoding: whole, as: UTF8.self).replacing("\r\n", with: "\n")
    }

    @Test("a leaf of text becomes quoted-printable, its label where it was (RFC 2045 §6.7)")
    func text() throws {
        let converted = try self.convert(
            """
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding:
             8bit
            MIME-Version: 1.0
            Subject: hi

            caf\u{E9} = good\u{20}
            .
            \(String(repeating: "x", count: 80))

            """)
        #expect(
            converted == """
                Content-Type: text/plain; charset=utf-8
                Content-Transfer-Encoding: quoted-printable
                MIME-Version: 1.0
                Subject: hi

                caf=C3=A9 =3D good=20
                .
                \(String(repeating: "x", count: 75))=
                xxxxx

                """)
    }

    @Test("each leaf by itself: containers are relabelled, 7-bit leaves stay (RFC 2045 §6.4)")
    func nested() throws {
        let converted = try self.convert(
            """
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary="a b" (outer)
            Content-Transfer-Encoding: 8bit

            pr\u{E9}amble
            --a b

            plain  \u{20}
            --a b\u{20}
            Content-Type: message/rfc822
            Content-Transfer-Encoding: 8bit

            Subject: inside
            MIME-Version: 1.0
            Content-Type: image/x-any

            \u{E9}\u{E9}
            --a b
            Content-Type: text/html; charset=utf-8

            <p>\u{E9}
            --a b--

            """)
        #expect(
            converted == """
                MIME-Version: 1.0
                Content-Type: multipart/mixed; boundary="a b" (outer)
                Content-Transfer-Encoding: 7bit

                pr??amble
                --a b

                plain  \u{20}
                --a b\u{20}
                Content-Type: message/rfc822
                Content-Transfer-Encoding: 7bit

                Subject: inside
                MIME-Version: 1.0
                Content-Type: image/x-any
                Content-Transfer-Encoding: base64

                w6nDqQ==
                --a b
                Content-Type: text/html; charset=utf-8
                Content-Transfer-Encoding: quoted-printable

                <p>=C3=A9
                --a b--

                """)
    }

    @Test("text without MIME fields gets them, with what charset is known (RFC 1428 §3)")
    func untyped() throws {
        #expect(
            try self.convert("Subject: x\n\ncaf\u{E9}\n") == """
                Subject: x
                MIME-Version: 1.0
                Content-Type: text/plain; charset=utf-8
                Content-Transfer-Encoding: quoted-printable

                caf=C3=A9

                """)
        let latin = self.octets("Subject: x\n\ncaf") + [0xE9]
        guard case .possible(let plan) = self.verdict(latin) else { throw NotPossible() }
        let converted = String(decoding: SevenBitConverter.converted(latin, plan, chunks: 3), as: UTF8.self)
        let end = "charset=unknown-8bit\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9=\r\n"
        #expect(converted.hasSuffix(end))
    }

    @Test(
        "what may not be changed, or cannot be, is told",
        arguments: [
            (
                "Content-Type: multipart/signed; boundary=b\n\n--b\n\n\u{E9}\n--b--\n",
                SevenBitInspection.Obstacle.signed
            ),
            ("Content-Type: application/pkcs7-mime\n\n\u{E9}\n", .signed),
            ("Content-Type: multipart/encrypted; boundary=b\n\n--b\n\n\u{E9}\n--b--\n", .signed),
            ("Subject: \u{0}\n\nx\n", .header),
            ("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Description: \u{0}\n\nx\n--b--\n", .header),
            ("Content-Type: multipart/mixed\n\n\u{E9}\n", .malformed),
            ("Content-Type: multipart/mixed; boundary=never\n\n\u{E9}\n", .malformed),
            ("Content-Type: message/delivery-status\n\n\u{E9}\n", .malformed),
            ("Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n\u{E9}\n", .malformed),
            ("Content-Type: text/plain\nContent-Transfer-Encoding: x-uue\n\n\u{E9}\n", .malformed),
        ])
    func impossible(_ text: String, _ obstacle: SevenBitInspection.Obstacle) {
        #expect(self.verdict(self.octets(text)) == .impossible(obstacle))
    }

    @Test("header fields go on as they came, whatever is done to the body, and nothing bounces for them")
    func header() throws {
        let text = "Subject: Gr\u{FC}\u{DF}e\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
        #expect(self.verdict(self.octets(text + "x\n")) == .unneeded)
        let converted = try self.convert(text + "\u{E9}\n")
        #expect(
            converted.hasPrefix(text.dropLast() + "Content-Transfer-Encoding: quoted-printable\n")
                && converted.hasSuffix("\n\n=C3=A9\n"))
        let part = "Content-Type: application/x; name=\u{E9}\nContent-Transfer-Encoding: 8bit\n"
        let parts = try self.convert(
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\(part)\n\u{E9}\n--b--\n")
        #expect(
            parts.contains("--b\nContent-Type: application/x; name=\u{E9}\nContent-Transfer-Encoding: base64\n\nw6k="))
        var inspection = SevenBitInspection()
        for eightBit in ["Subject: \u{E9}\n\nx\n", "Content-Type: message/rfc822\n\nSubject: \u{E9}\n\nx\n"] {
            inspection = SevenBitInspection()
            inspection.receive(ByteBuffer(bytes: self.octets(eightBit)))
            _ = inspection.finish()
            #expect(inspection.isHeaderEightBit)
        }
        inspection = SevenBitInspection()
        inspection.receive(ByteBuffer(bytes: self.octets("Subject: x\n\n\u{E9}\n")))
        _ = inspection.finish()
        #expect(!inspection.isHeaderEightBit)
    }

    @Test("a soft break makes no delimiter that nobody wrote (RFC 2046 §5.1.1)")
    func softBreak() throws {
        let head = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=----=_Part_1\n\n"
        let leaf = "Content-Type: text/plain\n\n\u{E9}\n\(String(repeating: "x", count: 75))------=_Part_1\n"
        let converted = try self.convert(head + "------=_Part_1\n" + leaf + "------=_Part_1--\n")
        #expect(converted.contains("\n=2D-----=3D_Part_1\n------=_Part_1--\n"))
    }

    @Test("a message within a message that gets an encoding says its version too (RFC 2045 §4)")
    func embedded() throws {
        let head = "MIME-Version: 1.0\nContent-Type: message/rfc822\n\nSubject: inside\n"
        let converted = try self.convert(head + "Content-Type: text/plain\n\n\u{E9}\n")
        #expect(converted.contains("Subject: inside\nContent-Type: text/plain\nMIME-Version: 1.0\n"))
    }

    @Test("a signed part that is 7-bit goes as it is beside one that is converted")
    func signedBeside() throws {
        let signed = """
            --o
            Content-Type: multipart/signed; boundary=s

            --s
            Content-Transfer-Encoding: 8bit

            seven
            --s--

            """
        let head = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=o\n\n"
        let converted = try self.convert(head + signed + "--o\nContent-Type: text/plain\n\n\u{E9}\n--o--\n")
        #expect(converted.hasPrefix(head + signed + "--o\n"))
        #expect(converted.contains("\n=C3=A9\n--o--\n"))
    }

    @Test(
        "7-bit content in lines needs nothing, whatever its labels",
        arguments: ["", "Subject: x\n", "Content-Transfer-Encoding: 8bit\n\nx\n", "no header\nat all\n"])
    func unneeded(_ text: String) { #expect(self.verdict(self.octets(text)) == .unneeded) }

    @Test(
        "binary content needs it too (RFC 3030 §3)",
        arguments: ["\u{0}", "a\nb", "a\rb", String(repeating: "a", count: 999)])
    func binary(_ body: String) throws {
        let content = Array("MIME-Version: 1.0\r\nContent-Type: application/x\r\n\r\n\(body)".utf8)
        guard case .possible(let plan) = self.verdict(content) else { throw NotPossible() }
        let converted = SevenBitConverter.converted(content, plan, chunks: 5)
        #expect(MIMETree(converted)?.leaves.first?.octets == Array(body.utf8))
    }

    @Test("a part without an end keeps the limits of memory, and no octets trap")
    func garbage() {
        var random = SeededGenerator(printedAs: "mail")
        for _ in 0..<3000 {
            let words = [
                "\r\n", "\r\n\r\n", "--b", "--b--", "--", "Content-Type: ", "multipart/mixed; boundary=b", ":", "\r",
                "\n",
                "message/rfc822", "Content-Transfer-Encoding: binary\r\n", "\u{E9}", "\"", "(", "\\", ";", "=", "\u{0}",
                String(repeating: "y", count: 3000),
            ]
            let text = (0..<Int.random(in: 0...30, using: &random)).map { _ in words.randomElement(using: &random) ?? ""
            }
            let content = Array(text.joined().utf8)
            var inspection = SevenBitInspection()
            inspection.receive(ByteBuffer(bytes: content))
            guard case .possible(let plan) = inspection.finish() else { continue }
            let whole = SevenBitConverter.converted(content, plan, chunks: max(content.count, 1))
            let isSame = SevenBitConverter.converted(content, plan, chunks: 7) == whole
            #expect(isSame, "seed \(random.seed)")
            let isClean = !whole.contains { $0 >= 0x80 && !inspection.isHeaderEightBit || $0 == 0 }
            #expect(isClean, "seed \(random.seed)")
        }
    }

    @Test("decoded, every leaf is what it was, in any chunks")
    func roundTrip() throws {
        var random = SeededGenerator(printedAs: "mail")
        var converted = 0
        for _ in 0..<400 {
            var source = MIMESource(random)
            let content = source.message(depth: 0)
            random = source.random
            var inspection = SevenBitInspection()
            var rest = ByteBuffer(bytes: content)
            while let chunk = rest.readSlice(length: min(rest.readableBytes, Int.random(in: 1...90, using: &random))),
                chunk.readableBytes > 0
            {
                inspection.receive(chunk)
            }
            switch inspection.finish() {
            case .unneeded: continue
            case .impossible(let obstacle):
                Issue.record("\(obstacle), seed \(random.seed)")
                return
            case .possible(let plan):
                let whole = SevenBitConverter.converted(content, plan, chunks: content.count)
                let parts = SevenBitConverter.converted(content, plan, chunks: Int.random(in: 1...90, using: &random))
                let isSame = whole == parts
                #expect(isSame, "seed \(random.seed)")
                var survey = ContentSurvey()
                survey.receive(ByteBuffer(bytes: whole))
                survey.finish()
                #expect(!survey.isBinary && !survey.isEightBit, "seed \(random.seed)")
                let before = try #require(MIMETree(content)), after = try #require(MIMETree(whole))
                guard before.leaves.map(\.octets) == after.leaves.map(\.octets) else {
                    Issue.record("seed \(random.seed)")
                    return
                }
                for (before, after) in zip(before.leaves, after.leaves) where !before.needsConversion {
                    #expect(before.raw == after.raw, "seed \(random.seed)")
                }
                converted += 1
            }
        }
        #expect(converted > 100)
    }
}

struct NotPossible: Error {}

extension SevenBitConverter {
    static func converted(_ content: [UInt8], _ plan: SevenBitPlan, chunks: Int) -> [UInt8] {
        var converter = SevenBitConverter(plan)
        var output: [UInt8] = []
        for start in stride(from: 0, to: content.count, by: chunks) {
            let chunk = ByteBuffer(bytes: content[start..<min(start + chunks, content.count)])
            output += converter.convert(chunk).readableBytesView
        }
        return output + converter.finish().readableBytesView
    }
}
