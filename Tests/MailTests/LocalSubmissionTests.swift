import Mail
import NIOCore
import Testing

@Suite("a message that a program of this machine hands in")
struct LocalSubmissionTests {
    private func completed(_ message: String, name: String? = nil) -> (text: String, LocalSubmission.Beginning) {
        let submission = LocalSubmission(
            hostname: "mx.example.net", id: "4Q7K", now: Timestamp(milliseconds: 1_795_511_096_999),
            author: "ann@mx.example.net", fullName: name)
        let content = ByteBuffer(string: message)
        let beginning = submission.completed(content)
        let rest = content.getString(at: beginning.octetsRead, length: content.readableBytes - beginning.octetsRead)
        return (String(buffer: beginning.header) + (rest ?? ""), beginning)
    }

    private static let date = "Date: Tue, 24 Nov 2026 09:04:56 +0000\r\n"
    private static let from = "From: ann@mx.example.net\r\n"
    private static let id = "Message-ID: <4Q7K@mx.example.net>\r\n"

    @Test(
        "gets the fields that it lacks, and a line between header and text",
        arguments: [
            ("Subject: x\r\n\r\nhi\r\n", "\(date)\(from)\(id)Subject: x\r\n\r\nhi\r\n"),
            (
                "date: x\r\nfrom: b@c\r\nmessage-id: <1@a>\r\n\r\nhi\r\n",
                "date: x\r\nfrom: b@c\r\nmessage-id: <1@a>\r\n\r\nhi\r\n"
            ),
            ("hi there\r\n", "\(date)\(from)\(id)\r\nhi there\r\n"), ("", "\(date)\(from)\(id)\r\n"),
            ("\r\nhi\r\n", "\(date)\(from)\(id)\r\nhi\r\n"),
            ("Subject: x\r\nhi there\r\n", "\(date)\(from)\(id)Subject: x\r\n\r\nhi there\r\n"),
            ("Subject: x", "\(date)\(from)\(id)Subject: x\r\n\r\n"),
            (
                "From ann Mon Jan  5 10:00:00 2026\r\nSubject: x\r\n\r\nhi\r\n",
                "\(date)\(from)\(id)Subject: x\r\n\r\nhi\r\n"
            ),
        ])
    func completes(_ message: String, _ expected: String) { #expect(self.completed(message).text == expected) }

    @Test(
        "loses what others shall not see",
        arguments: [
            ("Bcc: s@e\r\nTo: a@b\r\n", "To: a@b\r\n"), ("To: a@b\r\nBCC: s@e,\r\n t@e\r\n", "To: a@b\r\n"),
            ("Resent-Bcc: s@e\r\nReturn-Path: <x@y>\r\nTo: a@b\r\nBcc:\r\nCc: c@d\r\n", "To: a@b\r\nCc: c@d\r\n"),
        ])
    func removes(_ header: String, _ expected: String) {
        #expect(
            self.completed(header + "\r\nBcc: text\r\n").text
                == "\(Self.date)\(Self.from)\(Self.id)\(expected)\r\nBcc: text\r\n")
    }

    @Test(
        "names its recipients",
        arguments: [
            ("To: a@b, C <c@d>\r\nCc: e\r\nBcc: f@g\r\n", ["a@b", "c@d", "e", "f@g"]),
            ("To: a@b\r\nResent-To: x@y\r\nResent-Bcc: z@y\r\n", ["x@y", "z@y"]), ("Subject: x\r\n", []),
        ])
    func recipients(_ header: String, _ expected: [String]) {
        let list = self.completed(header + "\r\n").1.recipients
        #expect(list.addresses.map { $0.localPart + ($0.domain.map { "@\($0)" } ?? "") } == expected)
    }

    @Test(
        "names its sender in full",
        arguments: [
            ("Ann Doe", "\"Ann Doe\" <ann@mx.example.net>"),
            ("A \"B\" \\", "\"A \\\"B\\\" \\\\\" <ann@mx.example.net>"),
            ("Änn", "=?utf-8?B?w4Rubg==?= <ann@mx.example.net>"),
            ("a\r\nX: y", "=?utf-8?B?YQ0KWDogeQ==?= <ann@mx.example.net>"),
            ("", "ann@mx.example.net"), (String(repeating: "Ä", count: 99), "ann@mx.example.net"),
        ])
    func fullName(_ name: String, _ expected: String) {
        #expect(self.completed("\r\n", name: name).text.contains("\r\nFrom: \(expected)\r\n"))
    }
}
