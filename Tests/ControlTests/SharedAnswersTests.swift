import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import Control

/// What many ask at once is asked once, and nobody reads what is over.
@Suite("shared answers")
struct SharedAnswersTests {
    private let beat = Beat()
    private let asked = NIOLockedValueBox(0)
    private let shared: SharedAnswers

    init() { self.shared = SharedAnswers(self.beat) }

    private func ask(
        _ name: String? = "ann", _ target: String = "/v1/queue", as role: ControlRoute.Role = .operator
    ) async {
        let question = SharedAnswers.Question(name: name, role: role, target: target)
        let asked = self.asked
        _ = await self.shared.answer(question) {
            asked.withLockedValue { $0 += 1 }
            return ControlResponse(document: ByteBuffer())
        }
    }
    private var count: Int { self.asked.withLockedValue { $0 } }

    @Test("a change that is told, and an action, make an answer old")
    func old() async {
        let feed = SampleFeed()
        var changes = self.beat.changes(of: feed).makeAsyncIterator()
        await self.ask()
        for watcher in feed.watchers.withLock({ $0 }) { FeedChange.changed(areas: [.queue]).tell(watcher) }
        #expect(await changes.next() != nil)
        await self.ask()
        #expect(self.count == 2)
        self.shared.forget()
        await self.ask()
        #expect(self.count == 3)
    }

    @Test("another question, another role and another name have answers of their own")
    func others() async {
        await self.ask()
        await self.ask("bob")
        await self.ask("ann", "/v1/connections")
        await self.ask("ann", "/v1/queue?count=7")
        await self.ask("ann", as: .observer)
        await self.ask(nil)
        #expect(self.count == 6)
    }

    @Test("those who ask while the same is being answered get that answer")
    func together() async {
        let (gate, opened) = AsyncStream.makeStream(of: Void.self)
        let question = SharedAnswers.Question(name: nil, role: .observer, target: "/v1/overview")
        let (shared, asked) = (self.shared, self.asked)
        let first = Task {
            await shared.answer(question) {
                asked.withLockedValue { $0 += 1 }
                for await _ in gate { break }
                return ControlResponse(document: ByteBuffer(string: "one"))
            }
        }
        while self.count == 0 { await Task.yield() }
        // A machine that is busy may take longer than an answer is shared; then each is right, and asked for itself.
        let second = Task {
            await shared.answer(question) {
                asked.withLockedValue { $0 += 1 }
                return ControlResponse(document: ByteBuffer(string: "two"))
            }
        }
        opened.yield()
        let bodies = [await first.value.body, await second.value.body].map { String(buffer: $0) }
        #expect(bodies == ["one", self.count == 1 ? "one" : "two"])
    }

    @Test("who asks behind an answer has it at once, until it is old")
    func given() async {
        let question = SharedAnswers.Question(name: nil, role: .observer, target: "/v1/overview")
        #expect(self.shared.given(question) == nil)
        _ = await self.shared.answer(question) { ControlResponse(document: ByteBuffer(string: "one")) }
        // A machine that stood still for a second has none any more.
        let body = self.shared.given(question).map { String(buffer: $0.body) }
        #expect(body == "one" || body == nil)
        self.shared.forget()
        #expect(self.shared.given(question) == nil)
    }

    @Test("what depends on who asks is theirs alone; the rest is shared, and only with who allows it")
    func names() throws {
        func question<Call: ControlCall>(
            _ type: Call.Type, by name: String, as role: ControlRoute.Role = .operator, _ query: String = "",
            allowing directive: String = "max-age=1"
        ) throws -> SharedAnswers.Question? {
            let head = HTTPRequestHead(
                version: .http1_1, method: .GET, uri: type.route.path + query,
                headers: ["Host": "x", "Cache-Control": directive])
            return SharedAnswers.Question(
                try ControlRequest(head, from: ControlVisitor(name: name, role: role)), type)
        }
        let ann = try #require(try question(QueueCall.self, by: "ann"))
        #expect(try question(QueueCall.self, by: "bob") == ann)
        #expect(try question(QueueCall.self, by: "bob", as: .observer) != ann)
        #expect(try question(QueueCall.self, by: "bob", "?filter=to:x") != ann)
        #expect(try question(QueueCall.self, by: "bob", allowing: "no-cache") == nil)
        #expect(try question(UndoableCall.self, by: "ann") != question(UndoableCall.self, by: "bob"))
    }
}
