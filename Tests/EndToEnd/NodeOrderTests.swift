import Foundation
import Glibc
import Mail
import Monitor
import Relay
import Synchronization
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("orders about a node as a whole", .timeLimit(.minutes(1)))
    struct NodeOrderTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        @Test("a purge forgets exactly the drops that its rehearsal saw, for good")
        func purge() async throws {
            let relay = try await Relay.started("\(self.folder.path)/spool")
            let feed = relay.feed(user: "ops")
            #expect(try await feed.purge(until: nil, of: nil).done == 0)
            try await relay.send(to: ["<a@example.org>", "<b@example.com>"])
            try await relay.send(to: ["<c@example.org>"])
            try await relay.send(to: ["<d@example.net>"])
            func drop(_ domain: String) async throws -> UndoToken {
                let set = try await feed.freeze(QueueQuery(filter: FilterExpression([(.to, ":", domain)])))
                return try #require(try await feed.perform(.drop, on: .frozen(set: set.id)).undo)
            }
            #expect(try await eventually { try await feed.overview().queuedMessages == 3 })
            let early = try await drop("example.org")
            let rehearsal = try await feed.purge(until: nil, of: nil)
            #expect((rehearsal.done, rehearsal.messages) == (2, 2))
            let end = try #require(rehearsal.undoUntil)
            // The next is of another moment.
            try await Task.sleep(for: .milliseconds(5))
            let late = try await drop("example.net")
            await #expect(throws: FeedError.self) { try await feed.purge(until: end, of: 3) }
            #expect(try await feed.undoable().count == 2)
            #expect(try await feed.purge(until: end, of: rehearsal.done).done == 2)
            #expect(try await feed.undoable().map(\.token) == [late])
            #expect(try await feed.undo(early).done == 0)
            #expect(try await feed.undo(late).done == 1)
            await relay.stop(within: 0)
        }

        @Test("a node stops for who names it, where it may")
        func shutDown() async throws {
            let relay = try await Relay.started("\(self.folder.path)/spool")
            let feed = relay.feed(user: "ops")
            let name = try await feed.capabilities().node
            #expect(try await !feed.capabilities().abilities.contains(.shutdown))
            await #expect(throws: FeedError.self) { try await feed.shutDown(name) }
            let asked = Mutex(0)
            relay.allowShutdown { asked.withLock { $0 += 1 } }
            #expect(try await feed.capabilities().abilities.contains(.shutdown))
            await #expect(throws: FeedError.self) { try await feed.shutDown("other.example") }
            #expect(asked.withLock { $0 } == 0)
            try await feed.shutDown(name)
            await #expect(throws: FeedError.self) { try await feed.shutDown(name) }
            #expect(asked.withLock { $0 } == 1)
            await relay.stop(within: 0)
        }
    }
}
