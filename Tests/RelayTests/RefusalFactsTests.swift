import Logging
import Mail
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import SMTP
import Spool
import Testing

@testable import Relay

@Suite("facts of what standing rules refuse")
struct RefusalFactsTests {
    private static let rule = StandingRule(
        id: 3, StandingRule.Terms(.refuse(mail: .sender(pattern: "spam.example"), with: Refusal(code: 550))),
        at: Timestamp(milliseconds: 0), by: "ops")

    private static func command(_ from: String, client: String = "192.0.2.7:40112", at: Int64) throws -> RefusedCommand
    {
        RefusedCommand(
            rule: self.rule, reply: Reply(550, "5.7.1", "No"), from: try ReversePath(parsing: "<\(from)>"),
            arrival: Arrival(peer: client, with: "ESMTP", session: "in#1"), at: Timestamp(milliseconds: at))
    }

    @Test("the first of a kind at once, those like it as one, and a flood of kinds as one more")
    func coalesced() throws {
        let loop = EmbeddedEventLoop()
        let spool = StubSpool()
        let refusals = RefusalFacts(
            spool, loop: loop, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            signal: ChangeSignal(loop: loop))
        func facts() -> [Fact] { spool.state.withLockedValue { $0.noted } }
        refusals.refused(try Self.command("a@spam.example", at: 1))
        #expect(facts().map(\.kind) == [.refused])
        #expect(facts()[0].text == "550 5.7.1 No (rule 3)" && facts()[0].actor == "ops")
        #expect(facts()[0].from == "<a@spam.example>" && facts()[0].arrival?.peer == "192.0.2.7:40112")
        // Another port of the same client.
        for number in 2...41 {
            refusals.refused(try Self.command("a@spam.example", client: "192.0.2.7:\(number)", at: 2))
        }
        for number in 0..<5000 { refusals.refused(try Self.command("b\(number)@spam.example", at: 3)) }
        #expect(facts().count == RefusalFacts.kindsAtMost)
        loop.advanceTime(by: RefusalFacts.gathering)
        let counted = facts().dropFirst(RefusalFacts.kindsAtMost)
        #expect(
            counted.map(\.text) == [
                "550 5.7.1 No (rule 3, 40 more like it within 10s)",
                "550 5.7.1 No (rule 3, \(5000 - RefusalFacts.kindsAtMost + 1) more, of others too, within 10s)",
            ])
        #expect(counted.last?.from == nil && counted.last?.arrival == nil)
        refusals.refused(try Self.command("a@spam.example", at: 20_000))
        #expect(facts().last?.text == "550 5.7.1 No (rule 3)", "a new time, and the first in it")
    }
}
