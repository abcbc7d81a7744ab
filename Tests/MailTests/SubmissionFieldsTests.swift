import Mail
import NIOCore
import Testing

@Suite("what a submission server adds (RFC 6409 §8)")
struct SubmissionFieldsTests {
    @Test(
        "only what is missing, and no text becomes a header",
        arguments: [
            ("Date: x\r\nMessage-Id: <1@a>\r\n\r\nhi", ""),
            ("Subject: x\r\nDATE: x\r\n\r\nMessage-ID: <1@a>", "Message-ID: <4Q7K@mx.example.net>\r\n"),
            (
                "Subject: x\r\n\r\nhi",
                "Date: Tue, 24 Nov 2026 08:00:00 +0000\r\nMessage-ID: <4Q7K@mx.example.net>\r\n"
            ),
            ("Date : x\r\nMessage-Id\t: <1@a>\r\n\r\nhi", ""),
            (
                "\r\nhi",
                "Date: Tue, 24 Nov 2026 08:00:00 +0000\r\nMessage-ID: <4Q7K@mx.example.net>\r\n"
            ),
            (
                "just text\r\n",
                "Date: Tue, 24 Nov 2026 08:00:00 +0000\r\nMessage-ID: <4Q7K@mx.example.net>\r\n\r\n"
            ),
        ])
    func missing(_ message: String, _ added: String) throws {
        let fields = SubmissionFields(
            hostname: "mx.example.net", id: try #require(QueueID("4Q7K")),
            now: Timestamp(milliseconds: 1_795_507_200_000))
        #expect(fields.missing(in: MessageHeader(ByteBuffer(string: message))) == added)
    }
}
