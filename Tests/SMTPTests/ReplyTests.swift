import NIOCore
import SMTP
import Testing

@Suite("replies (RFC 5321 §4.2)")
struct ReplyTests {
    /// Reads `text` as one burst and again octet by octet; both must give the same replies.
    private func read(_ text: String) throws -> [Reply] {
        var whole = ReplyParser()
        whole.append(ByteBuffer(string: text))
        var replies: [Reply] = []
        while let reply = try whole.next() { replies.append(reply) }

        var single = ReplyParser()
        var again: [Reply] = []
        for octet in text.utf8 {
            single.append(ByteBuffer(bytes: [octet]))
            while let reply = try single.next() { again.append(reply) }
        }
        #expect(replies == again)
        return replies
    }

    @Test("one line, with an enhanced status code (RFC 2034)")
    func oneLine() throws {
        let replies = try self.read("250 2.1.0 Ok\r\n")
        #expect(replies == [Reply(250, EnhancedStatusCode(2, 1, 0), "Ok")])
    }

    @Test("several lines are one reply (§4.2.1)")
    func multiline() throws {
        let replies = try self.read("250-mx.example.net\r\n250-SIZE 1000\r\n250 PIPELINING\r\n354 go\r\n")
        #expect(replies == [Reply(250, lines: ["mx.example.net", "SIZE 1000", "PIPELINING"]), Reply(354, nil, "go")])
    }

    @Test("a line that is no reply is an error", arguments: ["hello\r\n", "99 x\r\n", "2500 x\r\n"])
    func malformed(_ text: String) {
        #expect(throws: ReplySyntaxError.self) { try self.read(text) }
    }

    @Test("what is written can be read back, and text brings no line end of its own")
    func encoding() throws {
        var buffer = ByteBuffer()
        Reply(550, EnhancedStatusCode(5, 1, 1), lines: ["no\r\n250 forged", "such user"]).encode(into: &buffer)
        let text = String(buffer: buffer)
        #expect(text.split(separator: "\r\n", omittingEmptySubsequences: true).count == 2)
        #expect(try self.read(text).map(\.code) == [550])
    }
}
