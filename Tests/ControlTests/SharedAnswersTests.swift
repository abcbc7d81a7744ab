import Monitor
import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import Control

/// What many ask at once is asked once, and nobody reads what is over.
@Suite("shared answers")
struct SharedAnswersTests {
    private let version = NIOLockedValueBox<UInt64>(0)
    private let asked = NIOLockedValueBox(0)
    private let shared: SharedAnswers

    init() {
        let version = self.version
        self.shared = SharedAnswers { version.withLockedValue { $0 } }
    }

    private func ask(_ name: String = "ann", _ path: String = "/v1/queue", _ query: [String: String] = [:]) async {
        let question = SharedAnswers.Question(
            visitor: ControlVisitor(name: name, role: .operator), path: path, arguments: CallArguments(query: query))
        let asked = self.asked
        _ = await self.shared.answer(question) {
            asked.withLockedValue { $0 += 1 }
            return ControlResponse(document: ByteBuffer())
        }
    }
    private var count: Int { self.asked.withLockedValue { $0 } }

    @Test("a change that is told, and an action, make an answer old")
    func old() async {
        await self.ask()
        self.version.withLockedValue { $0 += 1 }
        await self.ask()
        #expect(self.count == 2)
        self.shared.forget()
        await self.ask()
        #expect(self.count == 3)
    }

    @Test("another question, and another visitor, have answers of their own")
    func others() async {
        await self.ask()
        await self.ask("bob")
        await self.ask("ann", "/v1/connections")
        await self.ask("ann", "/v1/queue", ["count": "7"])
        #expect(self.count == 4)
    }

    @Test("those who ask while the same is being answered get that answer")
    func together() async {
        let (gate, opened) = AsyncStream.makeStream(of: Void.self)
        let question = SharedAnswers.Question(
            visitor: ControlVisitor(name: "ann", role: .observer), path: "/v1/overview", arguments: CallArguments())
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
}
