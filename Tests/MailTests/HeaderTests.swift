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

    @Test("what is no field begins the text, and no octets trap")
    func odd() {
        #expect(self.header("no field here\nSubject: x\n").fields.isEmpty)
        #expect(self.header("no field here\nmore\n").beginningOfText == "no field here\nmore\n")
        #expect(self.header(": nameless\n\n").fields.isEmpty)
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
        ])
    func encodedWords(_ written: String, _ read: String) { #expect(EncodedWord.decode(written) == read) }

    @Test(
        "dates (RFC 5322 §3.3, §4.3)",
        arguments: [
            ("Thu, 1 Jan 1970 00:00:00 +0000", 0), ("Tue, 24 Nov 2026 09:00:00 +0100", 1_795_507_200_000),
            ("24 Nov 2026 08:00 GMT", 1_795_507_200_000), ("24 Nov 26 03:00:00 EST (winter)", 1_795_507_200_000),
            ("Tue, 29 Feb 2028 23:59:60 -0000", 1_835_481_600_000),
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
}
