import Monitor
import Testing

@Suite("words of rows")
struct RowWordsTests {
    @Test(
        "a reply in a row begins with what it says",
        arguments: [
            ("452 4.2.2 <bob@example.org> over quota", "452 4.2.2 over quota"),
            (
                "550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown",
                "550 5.1.1 Recipient address rejected: User unknown"
            ),
            ("450 <bob@example.org>: Greylisted", "450 Greylisted"),
            ("450 <BOB@example.org>: Greylisted", "450 Greylisted"),
            // It is somebody else, or something else.
            ("550 <bobby@example.org>: no", "550 <bobby@example.org>: no"),
            ("450 <c.example[192.0.2.7]>: rejected", "450 <c.example[192.0.2.7]>: rejected"),
            ("connect to 192.0.2.1:25: connection refused", "connection refused"),
            ("connect to [2001:db8::1]:25: no answer", "no answer ([2001:db8::1]:25)"),
            // Nothing else would be left, or nothing stands in front.
            ("550 <bob@example.org>", "550 <bob@example.org>"),
            ("<bob@example.org> is full", "<bob@example.org> is full"),
            ("250 2.0.0 Ok: queued as <7T>", "250 2.0.0 Ok: queued as <7T>"), ("550 <bob", "550 <bob"), ("", ""),
        ])
    func brief(_ reply: String, _ words: String) {
        #expect(Words.inBrief(reply, to: "<bob@example.org>", host: "192.0.2.1:25") == words)
    }

    @Test("a row that tells neither whom a reply is about nor which host was asked leaves nothing out")
    func whole() {
        #expect(Words.inBrief("452 4.2.2 <bob@example.org> over quota") == "452 4.2.2 <bob@example.org> over quota")
        #expect(Words.inBrief("connect to 192.0.2.1:25: connection refused") == "connection refused (192.0.2.1:25)")
    }

    @Test(
        "a count is as exact as there is room for it",
        arguments: [
            (0, 5, "0"), (41_207, 6, "41,207"), (41_207, 5, "41207"), (100_000, 6, "100000"), (100_000, 5, "100k"),
            (1_203_551, 9, "1,203,551"), (1_203_551, 8, "1203551"), (1_203_551, 6, "1204k"), (1_203_551, 4, "1M"),
        ])
    func counts(_ count: Int, _ columns: Int, _ words: String) {
        #expect(Format.count(count, columns: columns) == words)
    }

    @Test(
        "a client is its address, whatever its port",
        arguments: [
            ("192.0.2.7:40112", "192.0.2.7"), ("[2001:db8::7]:40112", "2001:db8::7"), ("192.0.2.7", "192.0.2.7"),
            ("[2001:db8::7]", "2001:db8::7"), ("2001:db8::7", "2001:db8::7"), ("ann (uid 1000)", "ann (uid 1000)"),
            ("?", "?"),
        ])
    func client(_ peer: String, _ client: String) { #expect(QueueRow.client(peer) == client) }
}
