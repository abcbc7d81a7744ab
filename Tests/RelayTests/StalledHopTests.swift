import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import SMTP
import Spool
import Testing

@testable import Relay

@Suite("a next hop that reads no more", .timeLimit(.minutes(2)))
struct StalledHopTests {
    /// More than kernels keep for who does not read.
    private struct Large: ContentSource {
        private static let line = String(repeating: "x", count: 62) + "\r\n"
        private static let lines = ByteBuffer(string: String(repeating: Self.line, count: 1024))
        let octets = 1024 * Self.lines.readableBytes

        func read(from offset: Int, count: Int, on eventLoop: any EventLoop) -> EventLoopFuture<ByteBuffer> {
            let begin = offset % Self.lines.readableBytes
            let count = min(count, self.octets - offset, Self.lines.readableBytes - begin)
            return eventLoop.makeSucceededFuture(Self.lines.getSlice(at: begin, length: count) ?? ByteBuffer())
        }
    }

    private func endpoint(_ host: any Channel) throws -> SocketEndpoint {
        SocketEndpoint(host: "127.0.0.1", port: try #require(host.localAddress?.port))
    }

    @Test("is left when the time for mail data is over, though there is room for nothing more")
    func stalled() async throws {
        let host = try await HostOfFewWords.listen(["220 here", "250 here", "250 Ok", "250 Ok", "354 go on"])
        var timeouts = RelayConfiguration.Timeouts()
        timeouts.data = 300
        let delivery = try OneDelivery(to: try self.endpoint(host), content: Large(), timeouts)
        #expect(try await eventually { delivery.state.isEnded })
        let late = JobResult.Verdict.outcomes([.deferred(.timedOut(.content))])
        #expect(delivery.state.verdicts.map { "\($0)" } == ["\(late)"])
        #expect(delivery.session?.row.remark == "timed out in content")
        #expect(delivery.registry.liveCounts == (0, 0))
        try await host.close()
    }

    @Test("is not listened to for ever either: what it says waits in its own kernel")
    func talkative() async throws {
        let nonsense = ByteBuffer(repeating: UInt8(ascii: "a"), count: 256 << 10)
        @Sendable func talk(_ channel: any Channel) {
            channel.writeAndFlush(nonsense).whenSuccess { channel.eventLoop.execute { talk(channel) } }
        }
        let host = try await HostOfFewWords.listen(
            ["220 here", "250 here", "250 Ok", "250 Ok", "354 go on"], last: talk)
        var timeouts = RelayConfiguration.Timeouts()
        timeouts.data = 1000
        let delivery = try OneDelivery(to: try self.endpoint(host), content: Large(), timeouts)
        #expect(try await eventually { delivery.state.isEnded })
        #expect(try #require(delivery.session?.row.octetsIn) < 16 << 20)
        try await host.close()
    }

    @Test("what it said before it stalled counts")
    func refusal() async throws {
        let host = try await HostOfFewWords.listen(
            ["220 here", "250 here", "250 Ok", "250 Ok", "354 go on"],
            last: { channel in
                channel.eventLoop.scheduleTask(in: .milliseconds(100)) {
                    channel.writeAndFlush(ByteBuffer(string: "552 5.3.4 too much\r\n"), promise: nil)
                }
            })
        var timeouts = RelayConfiguration.Timeouts()
        timeouts.data = 1000
        let delivery = try OneDelivery(to: try self.endpoint(host), content: Large(), timeouts)
        #expect(try await eventually { delivery.state.isEnded })
        let refused = JobResult.Verdict.outcomes([.bounced(Reply(552, "5.3.4", "too much"))])
        #expect(delivery.state.verdicts.map { "\($0)" } == ["\(refused)"])
        try await host.close()
    }
}
