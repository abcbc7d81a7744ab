import Mail
import SMTP
import Spool
import Testing

@testable import Relay

@Suite("how much goes to a site at a time")
struct GateTests {
    @Test("a route's limits: sessions at a time, messages in each, and how fast they begin")
    func limits() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to b@a.example
            0:00:00 accepted 3 to b@a.example
            0:00:00 accepted 4 to b@a.example
            0:00:01 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              forget 1
            0:00:09
            0:00:10
              begin 2: 2/b on session 1
            0:00:11 ended 2: 250 Ok
              settle 2: 2/b relayed (250 Ok)
              quit session 1
              forget 2
            0:00:11 closed 1
            0:00:20
              begin 3: 3/b on session 2, new, to a.example:25
            0:00:40 ended 3: 250 Ok
              settle 3: 3/b relayed (250 Ok)
              begin 4: 4/b on session 2
              forget 3
            """
        ) {
            $0.routes[0].limits.connections = 1
            $0.routes[0].limits.messagesPerConnection = 2
            $0.routes[0].limits.rate = RouteLimits.Rate(messages: 6, milliseconds: 60_000)
        }
    }

    @Test("a rate is kept although nothing is left of what it was for")
    func rateIsRemembered() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              forget 1
            0:00:03 closed 1
            0:00:04 accepted 2 to b@a.example
            0:00:09
            0:00:10
              begin 2: 2/b on session 2, new, to a.example:25
            """
        ) { $0.routes[0].limits.rate = RouteLimits.Rate(messages: 6, milliseconds: 60_000) }
    }

    @Test("a session that could not be opened beside one that works was no attempt, and no other is tried for a minute")
    func tooMany() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to c@a.example
              begin 2: 2/c on session 2, new, to a.example:25
            0:00:01 ended 2: unreachable 421 too many connections
            0:00:02 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              begin 3: 2/c on session 1
              forget 1
            0:00:02 accepted 3 to d@a.example
            0:00:03 ended 3: 250 Ok
              settle 3: 2/c relayed (250 Ok)
              begin 4: 3/d on session 1
              forget 2
            0:01:10 accepted 4 to e@a.example
            0:01:11 accepted 5 to f@a.example
            0:01:12 ended 4: 250 Ok
              settle 4: 3/d relayed (250 Ok)
              begin 5: 4/e on session 1
              begin 6: 5/f on session 3, new, to a.example:25
              forget 3
            """
        ) { configuration in
            configuration.delivery.connections = 2
        }
    }

    @Test("a site that breaks off twice, with no other session left, is left alone as one that does not answer")
    func breaks() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to c@a.example
              begin 2: 2/c on session 2, new, to a.example:25
            0:00:00 accepted 3 to d@a.example
            0:00:01 ended 1: lost
              settle 1: 1/b deferred until 0:05:01 (connection lost while sending mail data)
            0:00:02 ended 2: 421 closing
              settle 2: 2/c deferred until 0:05:02 (421 closing)
            0:04:00 accepted 4 to e@a.example
            0:05:01
            0:05:02
              begin 3: 3/d on session 3, new, to a.example:25
            0:05:03 ended 3: 550 no
              settle 3: 3/d bounced (550 no)
              begin 4: 4/e on session 3
              begin 5: 1/b on session 4, new, to a.example:25
              forget 3
            """)
    }

    @Test("a probe that fails within a back-off makes it longer, and everything else goes on waiting")
    func probe() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 ended 1: unreachable timed out
              settle 1: 1/b deferred until 0:05:01 (timed out)
            0:00:02 accepted 2 to c@a.example
            0:04:00 retry 2
              order 2: 1
            0:04:00 done 2
              begin 3: 2/c on session 2, new, to a.example:25
            0:04:01 ended 3: unreachable timed out
              settle 3: 2/c deferred until 0:09:01 (timed out)
            0:05:01
            0:14:00
            0:14:01
              begin 4: 1/b on session 3, new, to a.example:25
            """)
    }

    @Test("how long what is ready takes is known by a rate or by the time that transactions took, and else it is not")
    func remaining() {
        func remaining(_ rate: RouteLimits.Rate?) -> Int64? {
            let now = Timestamp(milliseconds: 1_800_000_000_000)
            var configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "/nowhere")
            configuration.routes = SchedulerParty.routes("a.example=a.example")
            configuration.routes[0].limits.rate = rate
            var scheduler = Scheduler(configuration, at: now)
            for number in 1...11 { scheduler.accepted(Self.message(number, at: now), at: now) }
            while scheduler.next() != nil {}
            return scheduler.remaining(scheduler.destinations.all, at: now)
        }
        #expect(remaining(nil) == nil)
        #expect(remaining(RouteLimits.Rate(messages: 6, milliseconds: 60_000)) == 100_000)
        var gate = Gate(Gate.Key(site: Site([]), security: RouteSecurity(), limits: RouteLimits()))
        gate.succeeded(in: 200, isTelling: true, limit: 20, at: Timestamp(milliseconds: 0))
        #expect(gate.time(for: 100_000, limit: 20) == 1_000_000)
        #expect(gate.time(for: 3, limit: 20) == 200)
    }

    private static func message(_ number: Int, at now: Timestamp) -> SpooledMessage {
        let path = ForwardPath.path(Path(mailbox: Mailbox(localPart: "b", domain: Domain("a.example"))))
        return SpooledMessage(
            id: QueueID(rawValue: Int64(number)), arrived: now, reversePath: .null, arrival: Arrival(with: "ESMTP"),
            contentOctets: 1, recipients: [SpooledRecipient(index: 0, forwardPath: path, due: now)])
    }

    /// How many sessions a site gets for 2000 messages that come at once.
    ///
    /// - Parameter milliseconds: what a transaction takes beside others, of which there are so many.
    private func sessions(limit: Int = 100, _ milliseconds: (Int) -> Int64) throws -> Int {
        var now = Timestamp(milliseconds: 1_800_000_000_000)
        let configuration = {
            var configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "/nowhere")
            configuration.delivery.connections = limit
            configuration.routes = SchedulerParty.routes("a.example=a.example")
            return configuration
        }()
        var scheduler = Scheduler(configuration, at: now)
        var random = SystemRandomNumberGenerator()
        for number in 1...2000 { scheduler.accepted(Self.message(number, at: now), at: now) }
        var underWay: [(end: Int64, took: Int64, attempt: Int, session: Int)] = []
        var wake: Int64?
        var sessions: Set<Int> = []
        repeat {
            while let action = scheduler.next() {
                switch action {
                case .begin(let attempt, _, let session, _):
                    sessions.insert(session)
                    let took = milliseconds(underWay.count + 1)
                    underWay.append((now.milliseconds + took, took, attempt, session))
                case .settle(let settlement, _, let outcomes):
                    scheduler.settlementWritten(settlement, outcomes, generation: 1, isGone: true, at: now)
                case .wake(let at): wake = at.milliseconds
                case .resolve, .read, .forget, .quit, .leave, .purge, .askForPermits: break
                }
            }
            guard let next = underWay.indices.min(by: { underWay[$0].end < underWay[$1].end }) else { break }
            if let at = wake, at < underWay[next].end {
                now = max(now, Timestamp(milliseconds: at))
                wake = nil
                scheduler.timePassed(at: now)
                continue
            }
            let ended = underWay.remove(at: next)
            now = Timestamp(milliseconds: ended.end)
            scheduler.attemptEnded(
                JobResult(
                    job: ended.attempt, verdict: .outcomes([.relayed(Reply(250, nil, "Ok"), dsn: false)]), host: nil,
                    session: nil, milliseconds: ended.took), at: now, using: &random)
            scheduler.sessionIdle(ended.session, at: now)
        } while true
        try #require(scheduler.index.messages == 0)
        return sessions.count
    }

    @Test("a site that is slow gets as many sessions as the limit allows, one that is quick or busy does not")
    func need() throws {
        #expect(try self.sessions { _ in 100 } == 100)
        #expect(try self.sessions(limit: 30) { _ in 100 } == 30)
        // So quick that five keep up.
        #expect(try self.sessions { _ in 0 } <= 5)
        // The more there are the longer each takes: 5 ms of work for each.
        #expect(try self.sessions { Int64($0) * 5 } <= 20)
        // Twice as long with many, and still so short that it is our own work that takes the time.
        #expect(try self.sessions { $0 < 5 ? 2 : 4 } <= 20)
    }
}
