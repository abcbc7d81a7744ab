import Logging
import Mail
import NIOCore
import NIOPosix
import Relay
import SMTP
import Spool
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("large content", .timeLimit(.minutes(1)))
    struct LargeTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        private func relay(_ name: String, to nextHop: SocketEndpoint? = nil) async throws -> (Relay, SQLiteSpool) {
            var configuration = RelayConfiguration(
                hostname: "\(name).example", listen: [Listener(SocketEndpoint(host: "127.0.0.1", port: 0))],
                spoolDirectory: "\(self.folder.path)/\(name)")
            configuration.routes =
                try nextHop.map {
                    [Route(pattern: try #require(DomainPattern("*")), via: [$0])]
                } ?? []
            let spool = try SQLiteSpool(directory: configuration.spoolDirectory, threads: .singleton)
            let relay = Relay(
                configuration, keyring: try Keyring(configuration), spool: spool, threads: .singleton, log: silence)
            try await relay.start()
            return (relay, spool)
        }

        @Test("arrives octet for octet, from many sessions at once too", arguments: [(1, 9_000_000), (80, 700_000)])
        func octets(_ messages: Int, _ octets: Int) async throws {
            let (far, farSpool) = try await self.relay("far")
            let (near, _) = try await self.relay(
                "near", to: far.listening.first.flatMap { SocketEndpoint($0) })
            // No two lines are the same.
            var content = "Message-ID: <1@c>\r\n\r\n"
            var line = 0
            while content.utf8.count < octets {
                line += 1
                content += "line \(line) of many, each with its own number\r\n"
            }
            let sent = content
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<messages { group.addTask { try await near.send(to: ["<u@z.example>"], sent) } }
                try await group.waitForAll()
            }
            #expect(try await eventually { await far.queuedRecipients() == messages })
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            for message in try await farSpool.lease(after: nil, count: messages).messages {
                let stored = try await farSpool.content(of: message.id, on: loop)
                    .flatMap { $0.read(from: 0, count: $0.octets, on: loop) }.get()
                // Behind the trace fields of the two.
                let tail = stored.getSlice(at: stored.writerIndex - sent.utf8.count, length: sent.utf8.count)
                #expect(tail.map { Array($0.readableBytesView) } == Array(sent.utf8), "\(message.id)")
                #expect(stored.readableBytes < sent.utf8.count + 1000)
            }
            await near.stop()
            await far.stop()
        }
    }
}
