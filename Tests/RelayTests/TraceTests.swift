import Mail
import Monitor
import NIOCore
import NIOPosix
import SMTP
import Testing

@testable import Relay

/// Dialogues as they happen: what a trace tells, what it leaves out, and what it costs.
@Suite("traces", .timeLimit(.minutes(5)))
final class TraceTests: Sendable {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let registry: SessionRegistry

    init() { self.registry = SessionRegistry(node: "mx", signal: ChangeSignal(loop: self.group.next())) }
    deinit { self.group.shutdownGracefully { _ in } }

    private func time(_ milliseconds: Int) -> Timestamp { Timestamp(milliseconds: Int64(milliseconds)) }

    private func begin(
        _ direction: ConnectionRow.Direction = .inbound, from client: String = "192.0.2.7", at: Int = 0
    ) -> SessionRecord {
        self.registry.open(direction, peer: "\(client):25", address: client, at: self.time(at), hangUp: nil)
    }
    private func end(_ record: SessionRecord, at: Int = 100, remark: String? = nil) {
        self.registry.close(
            record, at: self.time(at), failed: remark != nil, remark: remark)
    }

    /// A client that says what it says in a transaction; the queue ID is there behind DATA.
    private func mail(_ record: SessionRecord, _ id: String, at: Int = 10) {
        let now = self.time(at)
        record.said(.client, "MAIL FROM:<\(id)@c>", at: now)
        record.said(.server, Reply(250, EnhancedStatusCode(2, 1, 0), "Ok"), at: now)
        record.said(.client, "DATA", at: now)
        record.update(at: now) { $0.message = id }
        record.said(.server, Reply(354, nil, "Go"), at: now)
        record.said(.client, "[content: 7 octets] .", at: now)
        record.update(at: now) { $0.message = nil }
        record.said(.server, Reply(250, EnhancedStatusCode(2, 0, 0), "Ok: queued as \(id)"), at: now)
    }

    /// What a trace tells until it has said so many sessions' ends, in the words of the command.
    private func told(_ tracer: Tracer, ends: Int) async -> [String] {
        var told: [String] = []
        var ended = 0
        while ended < ends, let events = await tracer.next() {
            for event in events {
                switch event {
                case .began(let row): told.append("\(row.ref.id) began")
                case .lines(let session, let lines):
                    told += lines.map { "\(session.id) \($0.number) \($0.speaker.rawValue): \($0.text)" }
                case .ended(let row):
                    told.append("\(row.ref.id) ended")
                    ended += 1
                case .missed(let session, let lines): told.append("\(session?.id ?? "") missed \(lines)")
                }
            }
        }
        return told
    }

    private func trace(_ query: TraceQuery = TraceQuery()) throws -> Tracer {
        try self.registry.trace(query, clock: .system)
    }

    @Test("a session is shown from its first line, whether it began before the trace or after")
    func fromTheGreeting() async throws {
        let before = self.begin(at: 1)
        before.said(.server, Reply(220, nil, "mx"), at: self.time(2))
        let tracer = try self.trace()
        let after = self.begin(.outbound, at: 3)
        after.said(.server, Reply(250, lines: ["a", "b"]), at: self.time(4))
        before.said(.client, "EHLO c", at: self.time(5))
        self.end(before, at: 6)
        self.end(after, at: 7)
        #expect(
            await self.told(tracer, ends: 2) == [
                "in#1 began", "in#1 0 server: 220 mx", "out#1 began", "out#1 0 server: 250-a", "out#1 1 server: 250 b",
                "in#1 1 client: EHLO c", "in#1 ended", "out#1 ended",
            ])
    }

    @Test("lines come as they are said, each once")
    func live() async throws {
        let tracer = try self.trace()
        let record = self.begin()
        #expect(await tracer.next()?.first == .began(session: record.row))
        for number in 0..<20 {
            record.said(.client, "NOOP \(number)", at: self.time(number))
            guard case .lines(record.ref, let lines)? = await tracer.next()?.first else {
                Issue.record("a line is missing")
                return
            }
            #expect(lines.map(\.text) == ["NOOP \(number)"])
        }
    }

    @Test("a message's lines are those of its transaction, from the greeting or the transaction before")
    func message() async throws {
        let tracer = try self.trace(TraceQuery(message: "B"))
        let record = self.begin()
        record.said(.server, Reply(220, nil, "mx"), at: self.time(1))
        self.mail(record, "A")
        self.mail(record, "B")
        self.mail(record, "C")
        record.said(.client, "QUIT", at: self.time(11))
        self.end(record)
        let other = self.begin(.outbound, at: 12)
        other.update(at: self.time(12)) { $0.message = "B" }
        other.said(.relay, "connected", at: self.time(13))
        self.end(other)
        let told = await self.told(tracer, ends: 2)
        #expect(
            told == [
                "in#1 began", "in#1 7 client: MAIL FROM:<B@c>", "in#1 8 server: 250 2.1.0 Ok", "in#1 9 client: DATA",
                "in#1 10 server: 354 Go", "in#1 11 client: [content: 7 octets] .",
                "in#1 12 server: 250 2.0.0 Ok: queued as B", "out#1 began", "out#1 0 relay: connected", "in#1 ended",
                "out#1 ended",
            ])
    }

    @Test("a message's lines, one look at a time, are the same")
    func messageInPieces() {
        var whole = Dialogue()
        var pieces = Dialogue()
        var found: [TranscriptLine] = []
        var next = 0
        func say(_ speaker: TranscriptLine.Speaker, _ text: String, about message: String? = nil) {
            whole.isAbout(message)
            whole.append(.text(text), speaker, Timestamp(milliseconds: 0))
            pieces.isAbout(message)
            pieces.append(.text(text), speaker, Timestamp(milliseconds: 0))
            let part = pieces.lines(from: next, of: "B")
            found += part.lines
            next = part.next
        }
        for id in ["A", "B", "C", "B"] {
            say(.client, "MAIL \(id)")
            say(.server, "250 \(id)")
            say(.client, "DATA \(id)", about: id)
            say(.server, "354 \(id)", about: id)
            say(.server, "250 queued \(id)")
        }
        say(.client, "QUIT")
        #expect(found == whole.lines(from: 0, of: "B").lines)
        #expect(found.map(\.text).allSatisfy { $0.hasSuffix("B") })
        #expect(found.count == 10)
    }

    @Test("who asks for failures gets nothing of a session until it fails, and then all")
    func failedOnly() async throws {
        let tracer = try self.trace(TraceQuery(failedOnly: true))
        let good = self.begin()
        self.mail(good, "A")
        self.end(good)
        let refused = self.begin()
        refused.said(.client, "MAIL FROM:<a@c>", at: self.time(20))
        refused.said(.server, Reply(550, EnhancedStatusCode(5, 7, 1), "No"), at: self.time(21))
        self.end(refused)
        let broken = self.begin()
        broken.said(.client, "EHLO c", at: self.time(30))
        self.end(broken, remark: "client hung up in idle")
        let told = await self.told(tracer, ends: 2)
        #expect(
            told.sorted() == [
                "in#2 0 client: MAIL FROM:<a@c>", "in#2 1 server: 550 5.7.1 No", "in#2 began", "in#2 ended",
                "in#3 0 client: EHLO c", "in#3 began", "in#3 ended",
            ])
    }

    @Test("direction, address and filter choose sessions; one that matches late is shown whole")
    func choosing() async throws {
        let filtered = try self.trace(TraceQuery(filter: FilterExpression(parsing: "user=ann")))
        let near = try self.trace(TraceQuery(direction: .inbound, peer: Network("192.0.2.0/24")))
        let record = self.begin()
        record.said(.client, "AUTH", at: self.time(1))
        record.update(at: self.time(2)) { $0.user = "ann" }
        record.said(.server, Reply(235, nil, "Ok"), at: self.time(2))
        let far = self.begin(from: "198.51.100.1")
        let out = self.begin(.outbound)
        for one in [far, out, record] { self.end(one) }
        let expected = ["in#1 began", "in#1 0 client: AUTH", "in#1 1 server: 235 Ok", "in#1 ended"]
        #expect(await self.told(filtered, ends: 1) == expected)
        #expect(await self.told(near, ends: 1) == expected)
    }

    @Test("those that ended come first where they are asked for, and no session twice")
    func ended() async throws {
        let old = self.begin()
        old.said(.client, "QUIT", at: self.time(1))
        self.end(old)
        let live = self.begin()
        let tracer = try self.trace(TraceQuery(includesEnded: true))
        self.end(live)
        #expect(
            await self.told(tracer, ends: 2) == [
                "in#1 began", "in#1 0 client: QUIT", "in#1 ended", "in#2 began", "in#2 ended",
            ])
    }

    @Test("who does not read loses the middle of a long session, and is told how much")
    func slowInSession() async throws {
        let tracer = try self.trace()
        let record = self.begin()
        let count = 10_000
        for number in 0..<count { record.said(.client, "NOOP \(number)", at: self.time(number)) }
        self.end(record, at: count)
        var lines = 0
        var missed: [Int] = []
        loop: while let events = await tracer.next() {
            for event in events {
                switch event {
                case .lines(_, let some): lines += some.count
                case .missed(let session, let some):
                    #expect(session == record.ref)
                    missed.append(some)
                case .began: break
                case .ended: break loop
                }
            }
        }
        #expect(missed == [count - lines])
        #expect(lines > 100)
        #expect(missed.first ?? 0 > 0)
    }

    @Test("who does not read holds no more than a bound of what ended, and is told how many lines that cost")
    func slowInAll() async throws {
        let tracer = try self.trace()
        let begun = self.begin()
        begun.said(.client, "NOOP", at: self.time(0))
        #expect(await tracer.next()?.count == 2)  // The beginning, and the first line.
        self.end(begun)
        let text = String(repeating: "x", count: 1000)
        let sessions = 400
        let linesOfEach = 40
        for _ in 0..<sessions {
            let record = self.begin()
            for _ in 0..<linesOfEach { record.said(.client, text, at: self.time(1)) }
            self.end(record)
        }
        let last = self.begin()
        self.end(last)
        var lines = 0
        var missed = 0
        var ends: Set<SessionRef> = []
        loop: while let events = await tracer.next() {
            for event in events {
                switch event {
                case .lines(_, let some): lines += some.count
                case .missed(_, let some): missed += some
                case .began: break
                case .ended(let row): ends.insert(row.ref)
                }
            }
            if ends.contains(last.ref) { break loop }
        }
        #expect(lines * (text.utf8.count + 32) <= TraceWatch.endedOctets)
        #expect(lines + missed == sessions * linesOfEach)
        #expect(ends.contains(begun.ref))
    }

    @Test("without a trace a session tells nobody; one that is let go of is forgotten")
    func atRest() async throws {
        #expect(self.registry.traces.watching == 0)
        var tracers: [Tracer] = []
        for _ in 0..<64 { tracers.append(try self.trace()) }
        #expect(self.registry.traces.watching == .max)
        #expect(throws: FeedError.self) { try self.trace() }
        tracers.removeFirst(63)
        #expect(self.registry.traces.watching.nonzeroBitCount == 1)
        tracers = [try self.trace()]
        #expect(self.registry.traces.watching.nonzeroBitCount == 1)
        let record = self.begin()
        self.end(record)
        #expect(await self.told(tracers[0], ends: 1) == ["in#1 began", "in#1 ended"])
        tracers = []
        #expect(self.registry.traces.watching == 0)
    }

    @Test("it ends with the node, and with the task that takes it")
    func ends() async throws {
        let tracer = try self.trace()
        let task = Task { await tracer.next() }
        task.cancel()
        #expect(await task.value == nil)
        let other = try self.trace()
        self.registry.traces.finish()
        #expect(await other.next() == nil)
    }

    @Test("many sessions on many threads: every line comes once, in its order")
    func threads() async throws {
        let tracer = try self.trace()
        let sessions = 64
        let lines = 60
        let registry = self.registry
        async let writing: Void = withTaskGroup { group in
            for _ in 0..<sessions {
                group.addTask {
                    let record = registry.open(.inbound, peer: "p", at: .now, hangUp: nil)
                    for number in 0..<lines {
                        record.said(.client, "\(number)", at: .now)
                        await Task.yield()
                    }
                    registry.close(record, at: .now, failed: false)
                }
            }
        }
        var heard: [SessionRef: [String]] = [:]
        var ended = 0
        while ended < sessions, let events = await tracer.next() {
            for event in events {
                switch event {
                case .lines(let session, let some): heard[session, default: []] += some.map(\.text)
                case .ended: ended += 1
                case .began: break
                case .missed: Issue.record("lines were missed")
                }
            }
        }
        await writing
        #expect(heard.count == sessions)
        #expect(heard.values.allSatisfy { $0 == (0..<lines).map { "\($0)" } })
    }
}
