import Mail
import Monitor
import NIOConcurrencyHelpers
import Spool
import Testing

@testable import Relay

@Suite("why rows are on hold")
struct HoldReasonsTests {
    private static let at = Timestamp(milliseconds: 1_800_000_000_000)

    private static func row(_ number: Int64, _ state: RecipientState = .hold) -> QueueRow {
        QueueRow(
            ref: MessageRef(node: "mx", id: QueueID(rawValue: number).description, generation: 1), arrived: self.at,
            contentOctets: 1, state: state, recipients: RecipientCounts([state: 1]), from: "<a@example.net>",
            to: "<b@example.org>", tries: 0)
    }

    @Test("each is asked for once, and what nobody knows is not asked for again")
    func once() async {
        let asked = NIOLockedValueBox<[QueueID]>([])
        let reasons = HoldReasons(patience: .seconds(60)) {}
        var rows = [Self.row(1), Self.row(2), Self.row(3, .queued)]
        for _ in 1...2 {
            await reasons.explain(&rows) { id, _ in
                asked.withLockedValue { $0.append(id) }
                return id.rawValue == 1 ? .held(by: "ops") : nil
            }
            #expect(rows.map(\.why) == [.held(by: "ops"), nil, nil])
        }
        #expect(asked.withLockedValue { $0.map(\.rawValue) } == [1, 2])
    }

    @Test("where one cannot be read the others are not tried, and all are asked for again")
    func failing() async {
        struct Away: Error {}
        let count = NIOLockedValueBox(0)
        let reasons = HoldReasons(patience: .seconds(60)) {}
        var rows = (1...1000).map { Self.row($0) }
        for _ in 1...2 {
            await reasons.explain(&rows) { _, _ in
                count.withLockedValue { $0 += 1 }
                throw Away()
            }
        }
        #expect(count.withLockedValue { $0 } == 2)
    }

    @Test("a list does not wait for a spool that does not answer, and lists ask it only so many at a time")
    func hanging() async {
        let (answers, answer) = AsyncStream<Void>.makeStream()
        let count = NIOLockedValueBox(0)
        let reasons = HoldReasons(patience: .milliseconds(1)) {}
        var rows = (1...3).map { Self.row($0) }
        for list in 1...10 {
            rows = (1...3).map { Self.row(Int64(list) * 10 + $0) }
            await reasons.explain(&rows) { _, _ in
                count.withLockedValue { $0 += 1 }
                // It heeds no cancellation, as a call that blocks.
                await Task { for await _ in answers {} }.value
                return nil
            }
        }
        #expect(rows.allSatisfy { $0.why == nil })
        #expect(count.withLockedValue { $0 } <= 4)
        answer.finish()
    }

    @Test("what one list looks for the next does not ask for again")
    func underWay() async {
        let (answers, answer) = AsyncStream<Void>.makeStream()
        let asked = NIOLockedValueBox<[Int64]>([])
        let reasons = HoldReasons(patience: .milliseconds(1)) {}
        let find: HoldReasons.Find = { id, _ in
            asked.withLockedValue { $0.append(id.rawValue) }
            await Task { for await _ in answers {} }.value
            return .held(by: "ops")
        }
        var rows = [Self.row(1)]
        await reasons.explain(&rows, find: find)
        await reasons.explain(&rows, find: find)
        var more = [Self.row(1), Self.row(2)]
        await reasons.explain(&more, find: find)
        answer.finish()
        // They are asked for until both are known.
        while more.contains(where: { $0.why == nil }) { await reasons.explain(&more, find: find) }
        #expect(asked.withLockedValue { $0.sorted() } == [1, 2])
    }

    @Test("what is found when a list has gone on without it is told once, and not while nothing is found")
    func late() async {
        let (answers, answer) = AsyncStream<Void>.makeStream()
        let (told, tell) = AsyncStream<Void>.makeStream()
        let reasons = HoldReasons(patience: .milliseconds(1)) { tell.yield() }
        var rows = [Self.row(1), Self.row(2)]
        let find: HoldReasons.Find = { id, _ in
            for await _ in answers {}
            return id.rawValue == 1 ? .held(by: "ops") : nil
        }
        await reasons.explain(&rows, find: find)
        #expect(rows.allSatisfy { $0.why == nil })
        answer.finish()
        var notices = told.makeAsyncIterator()
        await notices.next()
        await reasons.explain(&rows, find: find)
        #expect(rows.map(\.why) == [.held(by: "ops"), nil])
        // What everybody knows is no news.
        tell.finish()
        #expect(await notices.next() == nil)
    }

    private static func fact(_ kind: FactKind, _ recipient: Int?, _ text: String? = nil) -> Fact {
        var fact = Fact(at: self.at, kind: kind, message: QueueID(rawValue: 1), text: text, actor: "ops")
        fact.recipient = recipient
        return fact
    }

    @Test("what happened last to the recipient's state is the reason, if it is a hold")
    func last() {
        let held = Self.fact(.held, 0, "look at it")
        let reason = WaitReason.held(by: "ops", reason: "look at it")
        #expect(MessageLookup.hold(of: 0, [held]) == reason)
        #expect(MessageLookup.hold(of: 0, [held, Self.fact(.released, 1), Self.fact(.retried, 0)]) == reason)
        #expect(MessageLookup.hold(of: 0, [held, Self.fact(.dropped, 0), Self.fact(.restored, 0)]) == reason)
        #expect(MessageLookup.hold(of: 0, [held, Self.fact(.reported, nil), Self.fact(.readdressed, 0)]) == reason)
        #expect(MessageLookup.hold(of: 1, [held]) == nil)
        #expect(MessageLookup.hold(of: 0, [Self.fact(.damaged, nil, "no content")]) == .damaged(reason: "no content"))
        // It was released since: whatever holds it now is known to the queue's memory alone.
        #expect(MessageLookup.hold(of: 0, [Self.fact(.damaged, 0, "no content"), Self.fact(.released, 0)]) == nil)
        #expect(MessageLookup.hold(of: 0, [held, Self.fact(.released, 0), Self.fact(.deferred, 0)]) == nil)
        #expect(MessageLookup.hold(of: 0, []) == nil)
    }
}
