import Mail
import NIOCore
import Testing

@Suite("what a submission server adds (RFC 6409 §8)")
struct SubmissionFieldsTests {
    @Test(
        "only what is missing",
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
        ])
    func missing(_ message: String, _ added: String) throws {
        #expect(try self.completed(message) == added + message)
    }

    @Test(
        "a Return-Path is for the delivering MTA to write (RFC 5321 §4.4)",
        arguments: [
            ("Return-Path: <a@b>\r\n", ""), ("X: y\r\nReturn-path:\r\n <a@b>\r\n\t\r\nZ: y\r\n", "X: y\r\nZ: y\r\n"),
            ("RETURN-PATH : <>\r\nReturn-Path: <b>\r\nA: b\r\nReturn-Path: <c>\r\n", "A: b\r\n"),
        ])
    func returnPath(_ written: String, _ kept: String) throws {
        let rest = "Date: x\r\nMessage-ID: <1@a>\r\n\r\nReturn-Path: <text@b>\r\n"
        #expect(try self.completed(written + rest) == kept + rest)
        #expect(
            try self.completed("Date: x\r\nMessage-ID: <1@a>\r\nReturn-Path: <cut")
                == "Date: x\r\nMessage-ID: <1@a>\r\n")
    }

    private func completed(_ message: String) throws -> String {
        let fields = SubmissionFields(
            hostname: "mx.example.net", id: try #require(QueueID("4Q7K")),
            now: Timestamp(milliseconds: 1_795_507_200_000))
        return String(buffer: fields.completed(ByteBuffer(string: message)))
    }
}
