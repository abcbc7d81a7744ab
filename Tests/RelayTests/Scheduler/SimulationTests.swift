import Foundation
import Mail
import SMTP
import SeededRandom
import Spool
import Testing

@testable import Relay

@Suite("the scheduler in hard times", .timeLimit(.minutes(5)))
struct SimulationTests {
    @Test("no recipient is lost, none is in two attempts, none starves, and all counts add up")
    func badWeek() {
        let seed = SeededGenerator.wish ?? .random(in: 0..<1_000_000)
        print("seed \(seed)")
        let simulation = Simulation(messages: 10_000, seed: seed)
        let faults = simulation.run()
        #expect(faults.isEmpty, "HOPTOP_SEED=\(seed): \(faults.joined(separator: "; "))")
        #expect(simulation.begun > 10_000 && simulation.kills > 0)
    }

    @Test("100,000 destinations that come and go leave nothing behind")
    func comingAndGoing() throws {
        var configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "/nowhere")
        var now = Timestamp(milliseconds: 1_800_000_000_000)
        var scheduler = Scheduler(configuration, at: now)
        var random = SystemRandomNumberGenerator()
        let everything = try #require(DomainPattern("*"))
        let mailbox = Mailbox(localPart: "b", domain: Domain("a.example"))
        for number in 1...100_000 {
            configuration.routes = [
                Route(pattern: everything, via: [SocketEndpoint(host: "h\(number).example", port: 25)])
            ]
            scheduler.routesChanged(configuration, at: now)
            scheduler.accepted(
                SpooledMessage(
                    id: QueueID(rawValue: Int64(number)), arrived: now, reversePath: .null,
                    arrival: Arrival(with: "ESMTP"), contentOctets: 1,
                    recipients: [SpooledRecipient(index: 0, forwardPath: .path(Path(mailbox: mailbox)), due: now)]),
                at: now)
            // Every tenth does not answer, and is remembered as long as its back-off lasts.
            let isDead = number % 10 == 0
            while let action = scheduler.next() {
                switch action {
                case .begin(let attempt, _, let session, _):
                    let verdict: JobResult.Verdict =
                        isDead ? .unreachable("timed out") : .outcomes([.bounced(Reply(550, nil, "no"))])
                    scheduler.attemptEnded(
                        JobResult(job: attempt, verdict: verdict, host: nil, session: nil, milliseconds: 1), at: now,
                        using: &random)
                    scheduler.sessionEnded(session, at: now)
                case .settle(let settlement, _, let outcomes):
                    scheduler.settlementWritten(settlement, outcomes, generation: 1, isGone: !isDead, at: now)
                    guard isDead, let order = scheduler.dropAll() else { break }
                    scheduler.orderEnded(order.0, order.1, at: now)
                case .resolve, .read, .forget, .quit, .leave, .purge, .askForPermits, .wake: break
                }
            }
            now = now.adding(milliseconds: 1000)
            if number % 100 == 0 {
                scheduler.timePassed(at: now)
                while scheduler.next() != nil {}
            }
            guard scheduler.destinations.capacity < 1000 else { break }
        }
        #expect(scheduler.destinations.capacity < 1000)
        #expect(scheduler.index.countsByDestination.count == scheduler.destinations.capacity)
        scheduler.timePassed(at: now.adding(milliseconds: 86_400_000))
        #expect(scheduler.destinations.count == 0)
        #expect(scheduler.backlog.gates.count == 0)
        #expect(scheduler.backlog.gates.capacity < 1000)
        #expect(scheduler.isQuiet)
    }
}

extension Scheduler {
    /// The operator drops everything.
    fileprivate mutating func dropAll() -> (Int, [Applied.Change])? {
        let changes = self.index.ids.indices.filter { self.index.ids[$0] != 0 }.flatMap { place in
            let slot = QueueIndex.Slot(place)
            return self.index.rows(of: slot).map { row in
                var recipient = SpooledRecipient(
                    index: 0, forwardPath: .postmaster, state: .dropped, due: Timestamp(milliseconds: 0))
                recipient.generation = self.index.rowGenerations[Int(row)] + 1
                return Applied.Change(message: self.index.id(slot), generation: 9, recipient: recipient)
            }
        }
        guard !changes.isEmpty else { return nil }
        let begun = self.orderBegan(
            on: changes.map { RecipientTarget(message: $0.message, index: 0, generation: $0.recipient.generation - 1) })
        return (begun.number, changes)
    }
}
