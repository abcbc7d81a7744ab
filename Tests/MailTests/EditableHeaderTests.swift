import NIOCore
import Testing

@testable import Mail

@Suite("a header that is edited")
struct EditableHeaderTests {
    private static let text = """
        Received: from a\r
        \tby b\r
        Subject : old\r
        X-Bare: line\n\
        Received: from c\r
        \r
        body\r

        """

    private static func header(_ text: String, isComplete: Bool = true) -> (EditableHeader?, rest: String) {
        var content = ByteBuffer(string: text)
        let header = EditableHeader(reading: &content, isComplete: isComplete)
        return (header, String(buffer: content))
    }

    private static func written(_ header: EditableHeader) -> String {
        var buffer = ByteBuffer()
        header.write(into: &buffer)
        #expect(buffer.readableBytes == header.count)
        return String(buffer: buffer)
    }

    private static func field(_ name: String, _ value: String) -> EditableHeader.Field {
        .init(name: name, value: ByteBuffer(string: value))
    }

    @Test("what is not touched stays octet for octet, whatever the content begins with")
    func untouched() throws {
        let odd = [
            "", "\r\n", "\r\nbody", "Subject: x", "Subject: x\r\n", "no field\r\n", "Subject: x\r\nno field\r\n",
            " folded first\r\nSubject: x\r\n\r\n", "\n\nbody", "Subject: \u{FC}\r\n\tx\r\n\r\n", ":\r\n\r\n",
        ]
        for text in [Self.text] + odd {
            let (header, rest) = Self.header(text)
            let found = try #require(header)
            #expect(Self.written(found) + rest == text)
            #expect(!found.isChanged)
        }
        let (header, rest) = Self.header(Self.text)
        #expect(rest == "body\r\n")
        #expect(header?.fields.map(\.name) == ["Received", "Subject", "X-Bare", "Received"])
        #expect(header?.fields.map { String(buffer: $0.value) } == [" from a\r\n\tby b", " old", " line", " from c"])
    }

    @Test("a header is read when its end is there, and not before")
    func incomplete() {
        let end = Self.text.utf8.count - "body\r\n".utf8.count
        for count in 0...Self.text.utf8.count {
            let beginning = String(decoding: Array(Self.text.utf8).prefix(count), as: UTF8.self)
            #expect((Self.header(beginning, isComplete: false).0 != nil) == (count >= end), "\(count) octets")
        }
        #expect(Self.header("Subject: x\r\nno fie", isComplete: false).0 == nil)
        #expect(Self.header("Subject: x\r\nno field\r\n", isComplete: false).0 != nil)
    }

    @Test("fields are added at both ends, changed by name and number, and taken away")
    func changes() throws {
        var header = try #require(Self.header(Self.text).0)
        header.append(Self.field("X-Last", " yes"))
        header.insert(Self.field("X-First", "no space"), at: 0)
        header.insert(Self.field("X-Far", " behind"), at: 1000)
        let changed = [
            header.change("received", number: 2, to: ByteBuffer(string: " changed")),
            header.change("RECEIVED", number: 1, to: nil), header.change("Received", number: 2, to: nil),
            header.change("Received", number: 0, to: nil),
            header.change("Subject", number: 1, to: ByteBuffer(string: " new")),
        ]
        #expect(changed == [true, true, false, false, true])
        #expect(header.isChanged)
        #expect(
            Self.written(header) == """
                X-First:no space\r
                Subject: new\r
                X-Bare: line\n\
                Received: changed\r
                X-Last: yes\r
                X-Far: behind\r
                \r

                """)
    }

    @Test("a last line without its end gets one before something follows")
    func noLineEnd() throws {
        var header = try #require(Self.header("Subject: x").0)
        header.append(Self.field("X", " y"))
        #expect(Self.written(header) == "Subject: x\r\nX: y\r\n")
    }
}
