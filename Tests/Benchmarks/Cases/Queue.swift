import Foundation
import Logging
import Mail
import Monitor
import NIOCore
import NIOPosix
import SMTP
import Spool

@testable import Relay

extension Case {
    /// What memory knows of the queue.
    static let queue: [Case] = [
        Case("queue/add, defer, relay, remove", unit: "message", steps: 1000) {
            var index = QueueIndex()
            index.makeRoom(forDestinations: 1)
            for number in 1...1000 { _ = index.add(try message(number, state: .deferred), destinations: [0], at: .now) }
            let coming = try message(1001, state: .queued)
            let deferred = Settlement.Outcome(
                index: 0, generation: 0, state: .deferred, due: coming.arrived, reply: "450 4.2.0 greylisted")
            let relayed = Settlement.Outcome(index: 0, generation: 1, state: .relayed, reply: "250 2.0.0 Ok")
            return {
                guard let slot = index.add(coming, destinations: [0], at: .now), let row = index.row(of: slot, index: 0)
                else {
                    preconditionFailure("the index knew the message")
                }
                for outcome in [deferred, relayed] {
                    index.setState(row, .active)
                    index.settled(row, outcome, messageGeneration: outcome.generation + 1, at: coming.arrived)
                }
                index.remove(slot)
            }
        },
        Case("queue/schedule and relay", unit: "message", steps: 1000) {
            guard let everything = DomainPattern("*") else { preconditionFailure("* is a pattern") }
            let now = Timestamp(milliseconds: 1_800_000_000_000)
            let configuration = RelayConfiguration(
                hostname: "mx.example.net", listen: [],
                routes: [Route(pattern: everything, via: [SocketEndpoint(host: "192.0.2.1", port: 25)])],
                spoolDirectory: "/nowhere")
            var scheduler = Scheduler(configuration, at: now)
            var random = SystemRandomNumberGenerator()
            let coming = try message(1, state: .queued, due: now)
            let result = JobResult.Verdict.outcomes([.relayed(Reply(250, nil, "Ok: queued as 4Q7K"))])
            return {
                scheduler.accepted(coming, at: now)
                while let action = scheduler.next() {
                    switch action {
                    case .begin(let attempt, _, let session, _):
                        scheduler.attemptEnded(
                            JobResult(job: attempt, verdict: result, host: nil, session: nil, milliseconds: 1),
                            at: now, using: &random)
                        scheduler.sessionIdle(session, at: now)
                    case .settle(let settlement, _, let outcomes):
                        scheduler.settlementWritten(settlement, outcomes, generation: 1, isGone: true, at: now)
                    case .resolve, .read, .forget, .quit, .leave, .purge, .askForPermits, .wake: break
                    }
                }
                precondition(scheduler.index.messages == 0, "the message is still there")
            }
        },
        Case("queue/filter 100,000", unit: "message", units: 100_000, steps: 1) {
            let queue = try LoadedQueue(messages: 100_000)
            return {
                let count = try queue.matches("user99 reply:grey !example.com")
                precondition(count == 1111, "\(count) messages were found")
            }
        },
        Case("queue/count 100,000", unit: "message", units: 100_000, steps: 1) {
            let queue = try LoadedQueue(messages: 100_000)
            return {
                let count = try queue.counted()
                precondition(count == 100_000, "\(count) recipients were counted")
            }
        },
        Case("queue/sort 100,000", unit: "message", units: 100_000, steps: 1) {
            let queue = try LoadedQueue(messages: 100_000)
            return {
                let rows = try queue.firstRows(60)
                precondition(
                    rows.first?.ref.id == QueueID(rawValue: 100_000).description, "the oldest is not the first")
            }
        },
    ]

    fileprivate static func message(
        _ number: Int, state: RecipientState, due: Timestamp? = nil
    ) throws -> SpooledMessage {
        let now = Timestamp(milliseconds: 1_800_000_000_000)
        return SpooledMessage(
            id: QueueID(rawValue: Int64(number)), arrived: now.adding(milliseconds: Int64(-number)),
            reversePath: try ReversePath(parsing: "<ann@example.net>"), arrival: Arrival(with: "ESMTP"),
            contentOctets: 4096,
            recipients: [
                SpooledRecipient(
                    index: 0, forwardPath: try ForwardPath(parsing: "<user\(number)@example.org>"), state: state,
                    due: due ?? now.adding(milliseconds: 3_600_000), lastReply: "450 4.2.0 greylisted")
            ])
    }
}

/// A queue of deferred mail, whose time does not come.
private final class LoadedQueue {
    private let path = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-spool-\(UUID())").path
    private let queue: Queue
    private let view: QueueView
    private let selections: Selections

    init(messages: Int) throws {
        guard let everything = DomainPattern("*") else { preconditionFailure("* is a pattern") }
        let configuration = RelayConfiguration(
            hostname: "mx.example.net", listen: [],
            routes: [Route(pattern: everything, via: [SocketEndpoint(host: "192.0.2.1", port: 25)])],
            spoolDirectory: self.path)
        let group = MultiThreadedEventLoopGroup.singleton
        let loop = group.next()
        let signal = ChangeSignal(loop: loop)
        let clock = Clock(now: { Timestamp(milliseconds: 1_800_000_000_000) }, steady: { 0 })
        let log = Logger(label: "benchmark", factory: { _ in SwiftLogNoOpLogHandler() })
        let spool = try SQLiteSpool(directory: self.path, threads: .singleton)
        let keyring = try Keyring(configuration)
        let queue = Queue(
            configuration, keyring: keyring, node: "mx", loop: loop, spool: spool,
            delivery: Delivery(
                group: group, spool: spool, registry: SessionRegistry(node: "mx", signal: signal), clock: clock,
                log: log, threads: .singleton),
            spoolWatch: SpoolWatch(
                spool.condition, floor: 0, threads: .singleton, loop: loop, log: log, signal: signal),
            rules: StandingRules(), clock: clock, log: log, signal: signal)
        try loop.submit {
            queue.add(try (1...messages).map { try Case.message($0, state: .deferred) })
        }.wait()
        self.queue = queue
        self.view = QueueView(queue)
        self.selections = Selections(queue)
    }
    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    func matches(_ filter: String) throws -> Int {
        let queue = self.queue
        let selections = self.selections
        let wanted = try FilterExpression(parsing: filter)
        return try queue.loop.flatSubmit { selections.select(wanted).map(\.messages) }.wait()
    }

    /// What the overview waits for.
    func counted() throws -> Int {
        let queue = self.queue
        return try queue.loop.flatSubmit {
            QueueOverview(queue).censusNow().map { $0.byDestination.values.reduce(0) { $0 + $1.ages.total } }
        }.wait()
    }

    /// What the Queue view shows on its first screen, sorted anew.
    func firstRows(_ count: Int) throws -> [QueueRow] {
        let (queue, view) = (self.queue, self.view)
        return try queue.loop.makeFutureWithTask {
            await queue.onLoop { view.forgetRankings() }
            return try await view.window(QueueQuery(), WindowRequest(.row(number: 0), count: count)).rows
        }.wait()
    }
}
