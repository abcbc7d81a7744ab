import NIOCore
import Testing

@testable import SMTP

@Suite("octets that came in and were not read yet")
struct LineBufferTests {
    @Test("a line that has only begun holds little memory, and is whole when its end comes, octet by octet")
    func begun() {
        var lines = LineBuffer(limit: 12288)
        lines.append(ByteBuffer(string: String(repeating: "NOOP\r\n", count: 10_000) + "MAIL FR"))
        while let line = lines.nextLine() { #expect(line.octets == ByteBuffer(string: "NOOP")) }
        #expect(lines.octets.storageCapacity <= 1024)
        let rest = "OM:<a@\(String(repeating: "b", count: 5000))>"
        for octet in rest.utf8 {
            lines.append(ByteBuffer(bytes: [octet]))
            #expect(lines.nextLine()?.octets == nil)
        }
        #expect(lines.octets.storageCapacity <= 4 * rest.utf8.count + 1024)
        lines.append(ByteBuffer(string: "\r\n"))
        #expect(lines.nextLine()?.octets == ByteBuffer(string: "MAIL FR\(rest)"))
        #expect(lines.isEmpty)
    }
}
