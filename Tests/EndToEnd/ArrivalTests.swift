import Foundation
import Glibc
import Mail
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Relay
import Testing

@testable import hoptop

/// Greets with a refusal, whoever comes.
private final class Refusal: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: "521 5.3.2 no mail here\r\n")), promise: nil)
    }
}

extension EndToEnd {
    @Suite("what clients send, and what the next hop gets", .timeLimit(.minutes(2)))
    struct ArrivalTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }
        private var spool: String { "\(self.folder.path)/spool" }

        /// Says all of a session at once, and reads it to its end.
        private func say(_ dialogue: String, to server: Server) throws {
            let socket = try Loopback(server.address.port)
            socket.write("EHLO client.example\r\nMAIL FROM:<ann@example.net>\r\n\(dialogue)QUIT\r\n")
            let replies = socket.readAll()
            #expect(replies.contains("queued as"), "\(replies)")
        }

        @Test("content stays apart from our trace field, whatever it begins with")
        func traceBoundary() async throws {
            let hop = try await OldServer()
            let server = try Server(spool: self.spool, "--route", "*=\(try hop.endpoint)")
            let cases: [(content: String, separated: String, subject: String?)] = [
                (" leading\r\nSubject: x\r\n\r\nb\r\n", "\r\n leading\r\nSubject: x\r\n\r\nb\r\n", nil),
                ("Plain words.\r\nMore.\r\n", "\r\nPlain words.\r\nMore.\r\n", nil),
                (
                    "From ann Mon Jan  5\r\nSubject: mbox\r\n\r\nb\r\n",
                    "X-Mailbox-Line: From ann Mon Jan  5\r\nSubject: mbox\r\n\r\nb\r\n", "mbox"
                ),
                ("Subject: x\r\n\r\nb\r\n", "Subject: x\r\n\r\nb\r\n", "x"),
            ]
            for (count, (content, separated, subject)) in cases.enumerated() {
                let data =
                    count % 2 == 0 ? "DATA\r\n\(content).\r\n" : "BDAT \(content.utf8.count) LAST\r\n\(content)"
                try self.say("RCPT TO:<bob@example.org>\r\n\(data)", to: server)
                #expect(try await eventually { hop.contents.withLockedValue { $0.count } == count + 1 })
                let got = try #require(hop.contents.withLockedValue { $0.last })
                #expect(got.hasPrefix("Received: from client.example") && got.hasSuffix(" +0000\r\n" + separated))
                #expect(MessageHeader(ByteBuffer(string: got)).subject == subject)
            }
            #expect(server.end(with: SIGTERM) == 0)
            hop.stop()
        }

        @Test("a mailbox that is named three times gets one copy")
        func duplicates() async throws {
            let hop = try await OldServer()
            let server = try Server(spool: self.spool, "--route", "*=\(try hop.endpoint)")
            let paths = ["<bob@example.org>", "<bob@example.org>", "<bob@EXAMPLE.ORG>", "<cat@example.org>"]
            try self.say(
                paths.map { "RCPT TO:\($0)\r\n" }.joined() + "DATA\r\nSubject: x\r\n\r\nb\r\n.\r\n", to: server)
            #expect(try await eventually { hop.contents.withLockedValue { $0.count } == 1 })
            let commands = hop.commands.withLockedValue { $0 }
            #expect(
                commands.filter { $0.hasPrefix("RCPT") } == ["RCPT TO:<bob@example.org>", "RCPT TO:<cat@example.org>"])
            #expect(server.end(with: SIGTERM) == 0)
            #expect(server.log.matches(of: try Regex(" info relayed ")).count == 2)
            hop.stop()
        }

        @Test("a hop that greets with 521 is passed over; with no other the mail bounces at once")
        func refusingHosts() async throws {
            let refusing = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Refusal())
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            let refuser = "127.0.0.1:\(try #require(refusing.localAddress?.port))"
            let hop = try await OldServer()
            let file = "\(self.folder.path)/hoptop.toml"
            try """
            [[route]]
            domain = "both.example"
            via = ["\(refuser)", "\(try hop.endpoint)"]
            [[route]]
            domain = "none.example"
            via = ["\(refuser)"]
            [[route]]
            domain = "*"
            via = ["\(try hop.endpoint)"]
            """.write(toFile: file, atomically: true, encoding: .utf8)
            let server = try Server(spool: self.spool, configuration: file)
            for domain in ["both.example", "none.example"] {
                try self.say("RCPT TO:<bob@\(domain)>\r\nDATA\r\nSubject: \(domain)\r\n\r\nb\r\n.\r\n", to: server)
            }
            #expect(try await eventually { hop.contents.withLockedValue { $0.count } == 2 })
            let contents = hop.contents.withLockedValue { $0 }
            #expect(contents.contains { $0.contains("\r\nSubject: both.example\r\n") })
            let report = try #require(contents.first { $0.contains("From: Mail Delivery System") })
            #expect(report.contains("\r\nFinal-Recipient: rfc822; bob@none.example\r\n"))
            #expect(report.contains("\r\nStatus: 5.3.2\r\n"))
            #expect(report.contains("\r\nDiagnostic-Code: smtp; 521 5.3.2 no mail here\r\n"))
            #expect(server.end(with: SIGTERM) == 0)
            hop.stop()
            try await refusing.close()
        }
    }
}
