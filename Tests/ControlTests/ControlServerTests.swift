import Foundation
import Glibc
import Logging
import Mail
import Monitor
import NIOCore
import NIOPosix
import SeededRandom
import Synchronization
import Testing

@testable import Control
@testable import Sockets

/// The server on a real Unix socket, and clients that write octets.
@Suite("the API's server", .timeLimit(.minutes(5)))
struct ControlServerTests {
    /// A server, and the folder of its socket; goes with the test.
    private final class Rig {
        let feed: SampleFeed
        let server: ControlServer
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-test-\(UUID())").path
        var path: String { "\(self.folder)/c" }

        init(_ feed: SampleFeed = SampleFeed()) async throws {
            self.feed = feed
            try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
            self.server = Self.server { feed }
            try await self.server.listen(at: self.path, group: nil)
        }
        deinit { try? FileManager.default.removeItem(atPath: self.folder) }

        static func server(_ feed: @escaping @Sendable () -> any MonitorFeed) -> ControlServer {
            ControlServer(
                node: "mx1", group: MultiThreadedEventLoopGroup.singleton, threads: .singleton,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            ) { _ in feed() }
        }
    }

    /// A client that knows no HTTP.
    private final class Client {
        private let descriptor: Int32
        init(_ path: String) throws {
            self.descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            guard LocalAddress.connect(self.descriptor, to: path) == 0 else {
                close(self.descriptor)
                throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
            }
            var time = timeval(tv_sec: 120, tv_usec: 0)
            setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        }
        deinit { close(self.descriptor) }

        func write(_ text: String) { self.write(Array(text.utf8)) }
        func write(_ octets: [UInt8]) {
            var rest = octets[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
        func endWriting() { shutdown(self.descriptor, Int32(SHUT_WR)) }

        /// Until `mark` has come, or the server has hung up. It waits elsewhere: the threads of tests are those of the server.
        func read(until mark: String? = nil) async -> String {
            let descriptor = self.descriptor
            return await withCheckedContinuation { continuation in
                Thread.detachNewThread { continuation.resume(returning: Self.read(descriptor, until: mark)) }
            }
        }
        private static func read(_ descriptor: Int32, until mark: String?) -> String {
            var octets: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 64 << 10)
            while true {
                if let mark, String(decoding: octets, as: UTF8.self).contains(mark) { break }
                let count = recv(descriptor, &chunk, chunk.count, 0)
                guard count > 0 else { break }
                octets += chunk[..<count]
            }
            return String(decoding: octets, as: UTF8.self)
        }
        func exchange(_ text: String) async -> String {
            self.write(text)
            return await self.read()
        }
    }

    private func get(_ target: String, _ headers: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: x\r\n\(headers)\r\n"
    }
    private static let last = "Connection: close\r\n"

    private func eventually(_ condition: () async -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(120)
        while await !condition() {
            guard ContinuousClock.now < end else { return false }
            try await Task.sleep(for: .milliseconds(5))
        }
        return true
    }

    @Test("answers come in the order of the requests, and the connection stays for more")
    func pipelined() async throws {
        let rig = try await Rig()
        let client = try Client(rig.path)
        client.write(
            self.get("/v1/capabilities") + self.get("/v1/nothing") + "HEAD /v1/overview HTTP/1.1\r\nHost: x\r\n\r\n"
                + self.get("/v1/rules", Self.last))
        let answers = await client.read().components(separatedBy: "HTTP/1.1 ").dropFirst()
        #expect(answers.map { String($0.prefix(3)) } == ["200", "404", "200", "200"])
        let bodies = answers.map { $0.components(separatedBy: "\r\n\r\n")[1] }
        #expect(bodies[0].hasPrefix("{\"abilities\":"))
        #expect(
            bodies[1]
                == "{\"code\":\"gone\",\"description\":\"there is no such path: /v1/openapi.json names all there are\"}\n"
        )
        #expect(bodies[2].isEmpty)
        #expect(bodies[3].hasPrefix("[{\"held\":1,"))
        await rig.server.stop()
    }

    @Test("what an operator does bears the name")
    func acting() async throws {
        let rig = try await Rig()
        let client = try Client(rig.path)
        let body = #"{"action":"hold","targets":{"frozen":{"set":{"node":"mx1","id":4}}}}"#
        client.write(
            "POST /v1/queue/actions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json; charset=utf-8\r\n"
                + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)")
        #expect(await client.read().contains("\"done\":3"))
        #expect(rig.feed.done.withLock { $0 } == ["ann: hold"])
        await rig.server.stop()
    }

    @Test("a request that cannot be served is told why")
    func refusals() async throws {
        let rig = try await Rig()
        func status(_ text: String) async throws -> String {
            let client = try Client(rig.path)
            return String(await client.exchange(text).split(separator: " ").dropFirst().first ?? "")
        }
        let post = "POST /v1/queue/undo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        let json = post + "Content-Type: application/json\r\n"
        #expect(try await status("nonsense\r\n\r\n") == "400")
        #expect(try await status("GET /v1/overview HTTP/1.1\r\nConnection: close\r\n\r\n") == "400")
        #expect(try await status("GET /v1/overview HTTP/1.0\r\n\r\n") == "200")
        #expect(try await status(self.get("/v1/queue?sort=colour", Self.last)) == "400")
        #expect(try await status(self.get("/v1/messages/none", Self.last)) == "404")
        #expect(try await status(post + "Content-Length: 2\r\n\r\n{}") == "415")
        #expect(try await status(json + "Content-Length: 2\r\n\r\n{}") == "400")
        #expect(try await status(json + "\r\n") == "400")
        #expect(try await status(json + "Content-Length: 2000000\r\n\r\n") == "413")
        #expect(try await status(json + "Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n") == "413")
        let chunk = "10000\r\n" + String(repeating: "x", count: 0x10000) + "\r\n"
        #expect(
            try await status(json + "Transfer-Encoding: chunked\r\n\r\n" + String(repeating: chunk, count: 40)) == "413"
        )
        #expect(try await status(self.get("/v1/overview", "X: \(String(repeating: "x", count: 40_000))\r\n")) == "431")
        #expect(try await status(self.get("/v1/overview", String(repeating: "X: y\r\n", count: 70))) == "431")
        #expect(try await status("DELETE /v1/overview HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") == "405")
        // A body that may come is asked for.
        let client = try Client(rig.path)
        client.write(json + "Content-Length: 23\r\nExpect: 100-continue\r\n\r\n")
        #expect(await client.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 100 "))
        client.write("{\"node\":\"mx1\",\"id\":  7}")
        #expect(await client.read().hasPrefix("HTTP/1.1 200 "))
        await rig.server.stop()
    }

    @Test(
        "what a feed says becomes a status",
        arguments: [
            (FeedError.Code.invalid, "400"), (.denied, "403"), (.gone, "404"), (.unsupported, "501"),
            (.unavailable, "503"),
        ])
    func feedErrors(_ code: FeedError.Code, _ status: String) async throws {
        let rig = try await Rig(SampleFeed(failure: FeedError(code, "the\u{1B}[2J words")))
        let answer = try await Client(rig.path).exchange(self.get("/v1/overview", Self.last))
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
        #expect(answer.hasSuffix("\r\n\r\n{\"code\":\"\(code.rawValue)\",\"description\":\"the\\u001b[2J words\"}\n"))
        await rig.server.stop()
    }

    @Test("nothing that a terminal would obey is in an answer")
    func hostileText() async throws {
        let rig = try await Rig()
        let answer = try await Client(rig.path).exchange(self.get("/v1/queue", Self.last))
        #expect(answer.contains("b\\u001b[2J\\u202eob@example.org"))
        #expect(answer.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value < 0x7F || $0 == "\r" || $0 == "\n" })
        await rig.server.stop()
    }

    @Test("a stream tells what changes, goes on behind the last event, and ends with the server")
    func stream() async throws {
        let rig = try await Rig()
        let client = try Client(rig.path)
        client.write(self.get("/v1/events?facts=true", "Last-Event-ID: 5\r\n"))
        let opening = await client.read(until: "id: 7\ndata: {\"facts\"")
        #expect(opening.contains("Content-Type: text/event-stream\r\n"))
        #expect(try await self.eventually { rig.feed.watchers.withLock { !$0.isEmpty } })
        for watcher in rig.feed.watchers.withLock({ $0 }) { FeedChange.changed(areas: [.queue]).tell(watcher) }
        #expect(
            await client.read(until: "\n\n").contains(
                "data: {\"change\":{\"changed\":{\"areas\":[\"queue\"]}}}\n\n")
        )
        for watcher in rig.feed.watchers.withLock({ $0 }) { watcher.finish() }
        #expect(await client.read(until: "0\r\n\r\n").contains("0\r\n\r\n"))
        // Nothing more comes, and the connection takes the next request.
        #expect(await client.exchange(self.get("/v1/capabilities", Self.last)).hasPrefix("HTTP/1.1 200 "))
        let other = try Client(rig.path)
        other.write(self.get("/v1/events"))
        #expect(await other.read(until: "retry").contains("200"))
        await rig.server.stop()
        #expect(await other.read().contains("event: error") == false)
    }

    @Test("a stream that fails says so and ends")
    func failingStream() async throws {
        let rig = try await Rig(SampleFeed(failure: FeedError(.unavailable, "the disk")))
        let answer = try await Client(rig.path).exchange(self.get("/v1/events?facts=true", Self.last))
        #expect(answer.contains("event: error\ndata: {\"code\":\"unavailable\",\"description\":\"the disk\"}\n\n"))
        #expect(
            try await Client(rig.path).exchange(self.get("/v1/events?facts=7", Self.last)).hasPrefix("HTTP/1.1 400 "))
        await rig.server.stop()
    }

    @Test("a client that asks and asks, and does not read, is served no more than it takes")
    func slowReader() async throws {
        let rig = try await Rig()
        let client = try Client(rig.path)
        let other = try Client(rig.path)
        // Each answer has some KiB; the requests themselves do not fill the way in.
        client.write(String(repeating: self.get("/v1/queue"), count: 2000))
        #expect(await other.exchange(self.get("/v1/capabilities", Self.last)).hasPrefix("HTTP/1.1 200 "))
        client.endWriting()
        await rig.server.stop()
    }

    @Test("a watcher that does not read holds up no other, and is told when it reads")
    func sleepingReader() async throws {
        let rig = try await Rig(SampleFeed(isRestless: true))
        let (sleeper, reader) = (try Client(rig.path), try Client(rig.path))
        sleeper.write(self.get("/v1/events"))
        reader.write(self.get("/v1/events"))
        for _ in 0..<3 { #expect(await reader.read(until: "data: ").contains("data: ")) }
        #expect(await sleeper.read(until: "data: ").contains("data: "))
        // One looks for both, and not all the time.
        #expect(rig.feed.looks.load(ordering: .relaxed) < 10_000)
        await rig.server.stop()
    }

    @Test("a socket is for its owner, a live one is never taken, a stale one is replaced, and none is left")
    func socketFile() async throws {
        let rig = try await Rig()
        var status = stat()
        #expect(lstat(rig.path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        let second = Rig.server { SampleFeed() }
        await #expect(throws: LocalSocketError.self) { try await second.listen(at: rig.path, group: nil) }
        #expect(try await Client(rig.path).exchange(self.get("/v1/rules", Self.last)).hasPrefix("HTTP/1.1 200 "))
        await rig.server.stop()
        #expect(lstat(rig.path, &status) != 0)
        // As after a crash.
        let left = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        #expect(LocalAddress.bind(left, to: rig.path) == 0)
        close(left)
        try await second.listen(at: rig.path, group: getegid())
        #expect(lstat(rig.path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o660)
        #expect(try await Client(rig.path).exchange(self.get("/v1/rules", Self.last)).hasPrefix("HTTP/1.1 200 "))
        await second.stop()
        try "".write(toFile: rig.path, atomically: true, encoding: .utf8)
        await #expect(throws: LocalSocketError.self) { try await second.listen(at: rig.path, group: nil) }
        #expect(FileManager.default.fileExists(atPath: rig.path))
    }

    @Test("the hundred-and-first connection is refused, and one that leaves makes room")
    func connections() async throws {
        let rig = try await Rig()
        var clients: [Client] = []
        for _ in 0..<ControlLimits.connections {
            let client = try Client(rig.path)
            client.write(self.get("/v1/capabilities"))
            #expect(await client.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
            clients.append(client)
        }
        #expect(try await Client(rig.path).read().hasPrefix("HTTP/1.1 503 "))
        clients.removeLast(10)
        #expect(
            try await self.eventually {
                (try? await Client(rig.path).exchange(self.get("/v1/rules", Self.last)).hasPrefix("HTTP/1.1 200 "))
                    == true
            })
        await rig.server.stop()
    }

    @Test("octets that are no requests harm nobody")
    func hostileOctets() async throws {
        let seed = UInt64.random(in: 0..<1_000_000)
        print("seed of hostile octets: \(seed)")
        var generator = SeededGenerator(seed: seed)
        let rig = try await Rig()
        let pieces = [
            "GET ", "POST ", "/v1/queue", "/v1/queue/undo", "/v1/events", " HTTP/1.1", "\r\n", "\n", "\r\n\r\n",
            "Host: x\r\n", "Content-Length: 5\r\n", "Content-Length: -1\r\n", "Transfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
            "Expect: 100-continue\r\n", "Content-Type: application/json\r\n", "{}", "%00", "?", "&a=", "\0", "é",
            "ffffffff\r\n",
            "Upgrade: websocket\r\nConnection: Upgrade\r\n", "Last-Event-ID: \u{7F}\r\n", "Connection: close\r\n",
        ]
        for _ in 0..<300 {
            let client = try Client(rig.path)
            for _ in 0..<Int.random(in: 1...20, using: &generator) {
                client.write(pieces[Int.random(in: 0..<pieces.count, using: &generator)])
            }
            if Bool.random(using: &generator) { client.endWriting() }
        }
        #expect(
            try await self.eventually {
                (try? await Client(rig.path).exchange(self.get("/v1/rules", Self.last)).hasPrefix("HTTP/1.1 200 "))
                    == true
            })
        await rig.server.stop()
    }
}
