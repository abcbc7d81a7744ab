import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import Relay

@Suite("why there is no connection, in words")
struct ConnectionWordsTests {
    @Test("the system's words, and nothing of a library")
    func system() {
        #expect(ConnectionWords.words(for: IOError(errnoCode: ECONNREFUSED, reason: "x")) == "connection refused")
        #expect(ConnectionWords.words(for: ChannelError.connectTimeout(.seconds(3))) == "timed out")
        #expect(WebFailure(IOError(errnoCode: ECONNREFUSED, reason: "x"), of: "a").description == "connection refused")
        #expect(
            ConnectionWords.words(for: NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake]))).hasSuffix(
                "handshake"))
    }

    @Test("nobody listens there")
    func refused() async throws {
        let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        let channel = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(channel.localAddress?.port)
        try await channel.close()
        let error = await #expect(throws: (any Error).self) {
            _ = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connect(host: "127.0.0.1", port: port).get()
        }
        #expect(error.map { ConnectionWords.words(for: $0) } == "connection refused")
    }
}
