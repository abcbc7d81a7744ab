import Control
import Foundation
import Logging
import Monitor
import NIOPosix

@testable import FeedTesting

/// A feed behind the API's server and its client, as a daemon's is.
final class ServedFeed {
    let remote: RemoteFeed
    private let server: ControlServer
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-test-\(UUID())")

    init(_ feed: ScriptedFeed) async throws {
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        self.server = ControlServer(
            node: feed.node, group: MultiThreadedEventLoopGroup.singleton, threads: .singleton,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { _ in feed }
        let path = self.folder.appendingPathComponent("c").path
        try await self.server.listen(at: path, group: nil)
        self.remote = try await RemoteFeed(.socket(path))
    }
    deinit {
        try? FileManager.default.removeItem(at: self.folder)
        let server = self.server
        Task { await server.stop() }
    }
}
