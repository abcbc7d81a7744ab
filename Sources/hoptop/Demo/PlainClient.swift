import NIOCore
import NIOPosix
import Relay
import SMTP

/// The plainest of SMTP clients (RFC 5321 appendix D.1): one session, one transaction, one command after another.
struct PlainClient: Sendable {
    /// What the server said instead of what was hoped for; `nil`: it hung up.
    struct Refused: Error { var reply: Reply? }

    /// What the server is responsible for from now on.
    struct Accepted {
        var recipients: [ForwardPath]
        /// The final 250.
        var reply: Reply
    }

    /// What it calls itself.
    var name: String
    var server: SocketEndpoint

    /// - Parameters:
    ///   - reversePath: with angle brackets.
    ///   - content: whole lines that end with CRLF, none of them beginning with a dot.
    func send(
        from reversePath: String, to forwardPaths: [ForwardPath], content: ByteBuffer
    ) async throws -> Accepted {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: self.server.host, port: self.server.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var input = inbound.makeAsyncIterator()
            var replies = ReplyParser()
            func reply() async throws -> Reply {
                while true {
                    if let reply = try replies.next() { return reply }
                    guard let octets = try await input.next() else { throw Refused() }
                    replies.append(octets)
                }
            }
            func say(_ line: String) async throws -> Reply {
                try await outbound.write(ByteBuffer(string: line + "\r\n"))
                return try await reply()
            }
            @discardableResult
            func expect(_ code: ReplyCode, _ reply: Reply) throws -> Reply {
                guard reply.code == code else { throw Refused(reply: reply) }
                return reply
            }
            try expect(220, try await reply())
            try expect(250, try await say("EHLO \(self.name)"))
            try expect(250, try await say("MAIL FROM:\(reversePath)"))
            var taken: [ForwardPath] = []
            for path in forwardPaths where try await say("RCPT TO:\(path)").code == 250 { taken.append(path) }
            try expect(354, try await say("DATA"))
            try await outbound.write(content)
            let accepted = Accepted(recipients: taken, reply: try expect(250, try await say(".")))
            _ = try? await say("QUIT")
            return accepted
        }
    }
}
