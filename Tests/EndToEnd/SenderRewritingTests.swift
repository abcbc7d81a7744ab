import Foundation
import NIOConcurrencyHelpers
import Relay
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("a forwarder rewrites senders (SRS)", .timeLimit(.minutes(1)))
    struct SenderRewritingTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        @Test("of other domains; what comes back to them reaches the true sender, and nothing forged does")
        func roundTrip() async throws {
            let secret = "\(self.folder.path)/secret"
            try "tops3cret\n".write(toFile: secret, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: secret)
            let hop = try await OldServer()
            // Its clients are strangers.
            var configuration = RelayConfiguration(
                hostname: "a.example", listen: [Listener(SocketEndpoint(host: "127.0.0.1", port: 0))], networks: [],
                domains: [try #require(DomainPattern("z.example"))], spoolDirectory: "\(self.folder.path)/spool")
            var route = Route(pattern: try #require(DomainPattern("*")), via: [try hop.endpoint])
            route.srs = SenderRewriting(domain: "srs.example", secretFile: secret)
            configuration.routes = [route]
            let relay = try await Engine.start(configuration, log: silence)

            func arrived(_ count: Int) async throws -> [String] {
                #expect(try await eventually { hop.contents.withLockedValue { $0.count >= count } })
                return hop.commands.withLockedValue { $0 }
            }
            try await relay.relay.send(from: "<ann@far.example>", to: ["<u@z.example>"])
            let line = try #require(try await arrived(1).first { $0.hasPrefix("MAIL FROM:<SRS0=") })
            let sender = try #require(line.split(separator: ":").last.map(String.init))
            #expect(sender.hasSuffix("=far.example=ann@srs.example>"))
            try await relay.relay.send(from: "<bob@z.example>", to: ["<u@z.example>"])
            #expect(try await arrived(2).contains("MAIL FROM:<bob@z.example>"))

            try await relay.relay.send(from: "<>", to: [sender])
            let commands = try await arrived(3)
            #expect(commands.contains("MAIL FROM:<>") && commands.contains("RCPT TO:<ann@far.example>"))
            await #expect(throws: PlainClient.Refused.self) {
                try await relay.relay.send(from: "<>", to: [sender.replacingOccurrences(of: "=ann@", with: "=bob@")])
            }
            await #expect(throws: PlainClient.Refused.self) {
                try await relay.relay.send(from: "<>", to: ["<somebody@srs.example>"])
            }
            await relay.stop()
            hop.stop()
        }
    }
}
