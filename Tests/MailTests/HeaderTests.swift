import Mail
import NIOCore
import Testing

@Suite("the header of a message")
struct HeaderTests {
    private func header(_ text: String) -> MessageHeader {
        MessageHeader(ByteBuffer(string: text.replacing("\n", with: "\r\n")))
    }

    @Test("fields are unfolded, found in any case, and end at the empty line")
    func fields() {
        let header = self.header("Subject: one\n two\nTo: ann@example.org\nsubject: again\n\nSubject: text\n")
        #expect(header.values(of: "SUBJECT") == ["one two", "again"])
        #expect(header.fields.map(\.name) == ["Subject", "To", "subject"])
        #expect(header.displayText == "Subject: one\n two\nTo: ann@example.org\nsubject: again\n")
        #expect(header.beginningOfText == "Subject: text\n")
    }

    @Test(
        "white space around a fold is one space where a value is read, and so is a tab (RFC 5322 §2.2.3)",
        arguments: [
            ("one\n\ttwo", "one two"), ("one \t\n \t  two \n", "one two"), ("\n\tone", "one"), ("a\tb\t", "a b"),
            ("one\n \n two", "one two"), ("two  spaces", "two  spaces"), ("\t\n\t\n", ""),
            ("=?utf-8?Q?a?=\n\t=?utf-8?Q?b?=", "ab"),
        ])
    func folds(_ written: String, _ read: String) {
        #expect(self.header("Subject:\(written)\nX: y\n\n").subject == read)
    }

    @Test("what is no field begins the text, and no octets trap")
    func odd() {
        #expect(self.header("no field here\nSubject: x\n").fields.isEmpty)
        #expect(self.header("no field here\nmore\n").beginningOfText == "no field here\nmore\n")
        #expect(self.header(": nameless\n\n").fields.isEmpty)
        #expect(self.header("two words: x\n\n").fields.isEmpty)
        #expect(self.header("Old \t: x\n\n").fields.map(\.name) == ["Old"])  // RFC 5322 §4.5.
        #expect(self.header(" folded first\nA: b\n\n").fields.map(\.value) == ["b"])
        #expect(self.header("").subject == nil)
        let seed = UInt64.random(in: 0..<UInt64.max)
        print("seed \(seed)")
        var state = seed
        for _ in 0..<2000 {
            let octets = (0..<60).map { _ -> UInt8 in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let choice = UInt8(truncatingIfNeeded: state >> 33)
                return choice < 128 ? Array("\r\n\t :=?Q_aB@;(".utf8)[Int(choice) % 13] : choice
            }
            let header = MessageHeader(ByteBuffer(bytes: octets))
            _ = (header.subject, header.displayText, TraceHop.hops(in: header))
            _ = EncodedWord.decode(String(decoding: octets, as: UTF8.self))
            _ = TraceHop(String(decoding: octets, as: UTF8.self))
            _ = Timestamp(rfc5322: String(decoding: octets, as: UTF8.self))
        }
    }

    @Test(
        "encoded words (RFC 2047)",
        arguments: [
            ("=?utf-8?Q?caf=C3=A9_au_lait?=", "café au lait"), ("=?UTF-8?B?Y2Fmw6k=?= today", "café today"),
            ("=?iso-8859-1?q?a?= =?iso-8859-1?q?b?=", "ab"), ("=?iso-8859-1?q?caf=E9?=, =?utf-8?q?x?=", "café, x"),
            ("=?windows-1252?Q?=93hi=94?=", "\u{201C}hi\u{201D}"), ("=?iso-8859-15?Q?=A4?=", "€"),
            ("=?klingon?Q?qapla?=", "=?klingon?Q?qapla?="), ("=?utf-8?X?a?=", "=?utf-8?X?a?="),
            ("=?utf-8?Q?cut", "=?utf-8?Q?cut"), ("plain", "plain"), ("=?utf-8?Q?=C3?=", "\u{FFFD}"),
            ("=?utf-8?Q?caf=C3?= \t=?UTF-8?q?=A9s?=", "cafés"), ("=?utf-8?B?4oI=?= =?utf-8?B?rA==?=", "€"),
            ("=?utf-8?Q?=C3?= =?utf-8?B?qQ==?=", "\u{FFFD}\u{FFFD}"), ("=?utf-8?Q?a?= b =?utf-8?Q?c?=", "a b c"),
            ("=?koi8-r?B?8NLJ18XU?=", "Привет"), ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
            ("=?gb2312?B?1tDOxA==?=", "中文"), ("=?Shift_JIS?Q?=93=FA=96{?=", "日本"),
            ("=?windows-1251?Q?=CF?= x", "П x"), ("=?iso-8859-2?Q?=A3?=", "Ł"), ("=?ks_c_5601-1987?B?x9E=?=", "한"),
            ("=?euc-jp?Q?=C6?=", "\u{FFFD}"), ("=?iso-8859-99?Q?x?=", "=?iso-8859-99?Q?x?="),
            ("=?../../x?Q?x?=", "=?../../x?Q?x?="), ("a =?= b?c?", "a =?= b?c?"), ("==?utf-8*en?q?x?=", "=x"),
            ("=?iso-8859-1?Q?=96?=", "\u{2013}"), ("=?windows-1255?B?+ezl7Q==?=", "שלום"),
            ("=?windows-1258?Q?a?=", "a"),
        ])
    func encodedWords(_ written: String, _ read: String) { #expect(EncodedWord.decode(written) == read) }

    @Test(
        "dates (RFC 5322 §3.3, §4.3)",
        arguments: [
            ("Thu, 1 Jan 1970 00:00:00 +0000", 0), ("Tue, 24 Nov 2026 09:00:00 +0100", 1_795_507_200_000),
            ("24 Nov 2026 08:00 GMT", 1_795_507_200_000), ("24 Nov 26 03:00:00 EST (winter)", 1_795_507_200_000),
            ("Tue, 29 Feb 2028 23:59:60 -0000", 1_835_481_600_000),
            ("Tue, 24-Nov-2026 08:00:00.250 UT", 1_795_507_200_000),
            ("Tue Nov 24 08:00:00 2026", 1_795_507_200_000), ("Tue Nov 24 08:00:00 2026 +0000", 1_795_507_200_000),
            ("Tue, 24 Nov 126 08:00:00 Z", 1_795_507_200_000), ("24 Nov 2026 00:00:00 PST", 1_795_507_200_000),
        ])
    func dates(_ text: String, _ milliseconds: Int64) {
        #expect(Timestamp(rfc5322: text)?.milliseconds == milliseconds)
    }

    @Test("no dates", arguments: ["", "yesterday", "32 Nov 2026 08:00", "24 Foo 2026 08:00", "24 Nov 2026 25:00"])
    func noDates(_ text: String) { #expect(Timestamp(rfc5322: text) == nil) }

    @Test("every date that is written reads back")
    func datesReadBack() {
        for days in stride(from: -20_000, to: 40_000, by: 37) {
            let time = Timestamp(milliseconds: Int64(days) * 86_400_000 + 12_345_000)
            #expect(Timestamp(rfc5322: time.rfc5322) == time)
        }
    }

    @Test("hops of Received fields, the first one first")
    func hops() {
        let header = self.header(
            """
            Received: from b.example ([192.0.2.2])
            \tby c.example (Postfix) with ESMTPS id 4Q7K
            \tfor <u@c.example>; Tue, 24 Nov 2026 09:00:02 +0000 (UTC)
            Received: from a.example (a.example [192.0.2.1]) by b.example with SMTP; nonsense

            """)
        let hops = TraceHop.hops(in: header)
        #expect(hops.map(\.from) == ["a.example", "b.example"])
        #expect(hops.map(\.by) == ["b.example", "c.example"])
        #expect(hops.map(\.with) == ["SMTP", "ESMTPS"])
        #expect(hops.map(\.id) == [nil, "4Q7K"])
        #expect(hops[0].at == nil)
        #expect(hops[1].at == Timestamp(milliseconds: 1_795_510_802_000))
    }

    @Test("comments, quoted strings and missing values do not lead a hop astray (RFC 5322 §3.2.2)")
    func oddHops() {
        let hop = TraceHop(
            "from a.example(by \\) evil; (nested) with) by by.example (x; y) with ESMTP id \"4 Q\" for <\"; id z\"@c>"
                + " ; Tue, 24 Nov 2026 08:00:00 +0000 (it is; late)")
        #expect(hop.from == "a.example")
        #expect(hop.by == "by.example")
        #expect(hop.with == "ESMTP")
        #expect(hop.id == "\"4 Q\"")
        #expect(hop.at == Timestamp(milliseconds: 1_795_507_200_000))
        let bare = TraceHop("from by b.example; 1 Jan 1970 00:00 +0000")
        #expect(bare.from == nil && bare.by == "b.example")
        #expect(bare.at == Timestamp(milliseconds: 0))
        #expect(TraceHop("(qmail 12 invoked by uid 0); 1 Jan 1970 00:00:00 -0000").by == nil)
    }

    @Test("8-bit text without a label is UTF-8, or else windows-1252")
    func eightBit() {
        let octets = Array("Subject: ".utf8) + [0x63, 0xE9, 0x0D, 0x0A] + Array("X-A: \u{E9}\u{E9}\r\n\r\n".utf8)
        let header = MessageHeader(ByteBuffer(bytes: octets))
        #expect(header.subject == "c\u{E9}")
        #expect(header.values(of: "x-a") == ["\u{E9}\u{E9}"])
        #expect(header.displayText == "Subject: c\u{E9}\nX-A: \u{E9}\u{E9}\n")
    }

    @Test("a character that the limit cuts is left out")
    func cut() {
        for lead in 0..<4 {
            let text = String(repeating: "a", count: lead) + String(repeating: "\u{20AC}", count: 2000)
            let shown = MessageHeader(ByteBuffer(string: "A: b\r\n\r\n\(text)")).beginningOfText
            #expect(text.hasPrefix(shown) && shown.utf8.count > 4090)
        }
    }

    @Test("many beginnings of encoded words take time for each, not for each pair")
    func manyBeginnings() {
        let text = String(repeating: "=?", count: 100_000) + String(repeating: "=?utf-8?Q?", count: 1000)
        #expect(EncodedWord.decode(text) == text)
    }
}
