import Mail
import SMTP
import Spool
import Testing

@testable import Relay

@Suite("recipients of a message that failed together")
struct TogetherTests {
    private static let start = Timestamp(milliseconds: 1_800_000_000_000)
    private static let count = 30

    private static func message() throws -> SpooledMessage {
        SpooledMessage(
            id: QueueID(rawValue: 1), arrived: Self.start, reversePath: try ReversePath(parsing: "<ann@b.example>"),
            arrival: Arrival(with: "ESMTP"), contentOctets: 24,
            recipients: try (0..<Self.count).map {
                let path = try ForwardPath(parsing: "<u\($0)@a.example>")
                return SpooledRecipient(index: $0, forwardPath: path, due: Self.start)
            })
    }

    /// What a scheduler wants done about mail.
    private static func actions(of scheduler: inout Scheduler) -> [Scheduler.Action] {
        var actions: [Scheduler.Action] = []
        while let action = scheduler.next() {
            switch action {
            case .wake, .purge: break
            default: actions.append(action)
            }
        }
        return actions
    }

    @Test("come back together, whatever chance says: in one transaction, and in one report")
    func together() throws {
        var random = SystemRandomNumberGenerator()
        var configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "/nowhere")
        configuration.routes = SchedulerParty.routes("a.example=a.example")
        var scheduler = Scheduler(configuration, at: Self.start)
        scheduler.accepted(try Self.message(), at: Self.start)
        var actions = Self.actions(of: &scheduler)
        guard case .begin(let attempt, let id, let session, _)? = actions.first else { throw Failure("no attempt") }

        let later = Reply(452, "4.3.1", "Insufficient system storage")
        scheduler.attemptEnded(
            JobResult(
                job: attempt, verdict: .outcomes(Array(repeating: .deferred(.reply(later)), count: Self.count)),
                host: nil, session: nil, milliseconds: 1), at: Self.start, using: &random)
        scheduler.sessionIdle(session, at: Self.start)
        actions = Self.actions(of: &scheduler)
        guard case .settle(let number, _, let outcomes)? = actions.first else { throw Failure("no settlement") }
        #expect(Set(outcomes.map(\.due)).count == 1)
        scheduler.settlementWritten(number, outcomes, generation: 1, isGone: false, at: Self.start)
        _ = Self.actions(of: &scheduler)

        let due = try #require(outcomes.compactMap(\.due).max())
        scheduler.timePassed(at: due)
        actions = Self.actions(of: &scheduler)
        guard actions.count == 1, case .begin(let second, id, _, _)? = actions.first else {
            throw Failure("not one attempt: \(actions)")
        }
        #expect(scheduler.claims[second]?.rows.count == Self.count)

        let no = Reply(550, "5.1.1", "No such user")
        scheduler.attemptEnded(
            JobResult(
                job: second, verdict: .outcomes(Array(repeating: .bounced(no), count: Self.count)), host: nil,
                session: nil, milliseconds: 1), at: due, using: &random)
        actions = Self.actions(of: &scheduler)
        guard actions.count == 1, case .settle(_, id, let bounces)? = actions.first else {
            throw Failure("not one settlement: \(actions)")
        }
        // One settlement has one report.
        #expect(bounces.count == Self.count && bounces.allSatisfy { $0.state == .bounced })
    }

    @Test("go together again when a session broke before it was used")
    func untried() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example c@a.example d@a.example
              begin 1: 1/b 1/c 1/d on session 1, new, to a.example:25
            0:00:01 ended 1: untried
              begin 2: 1/b 1/c 1/d on session 2, new, to a.example:25
            """)
    }

    private struct Failure: Error {
        var words: String
        init(_ words: String) { self.words = words }
    }
}
