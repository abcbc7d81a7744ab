import Mail
import SMTP
import Spool
import Testing

@testable import Relay

@Suite("mail that several nodes share")
struct SharedMailTests {
    @Test("while the lease is not surely on nothing is returned, whatever is due: another may be delivering it")
    func leaseIsOver() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to c@nowhere.example BY=60;R
            0:00:01 ended 1: 450 later
              settle 1: 1/b deferred until 0:05:01 (450 later)
            0:00:02 lease over
            # Both have waited too long by now, and a retry is due.
            7:00:00
            7:00:01 lease on
              begin 2: 1/b on session 1
            7:00:02
              settle 3: 2/c expired (the time that the sender set (DELIVERBY) is over; no route for nowhere.example: add a [[route]] with domain = "nowhere.example" (or "*") and via = ["host:port"], told: late, no route)
              forget 2
            7:00:02 ended 2: 450 later
              settle 2: 1/b expired (450 later)
              forget 1
            """
        ) {
            $0.retry.giveUp = 6 * 3_600_000
            $0.retry.delayNotice = 0
        }
    }

    @Test("nor is what a domain refuses, or what waits for a domain that cannot be found")
    func leaseIsOverBeforeTheAnswer() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              resolve a.example
            0:00:00 accepted 2 to c@b.example
              resolve b.example
            0:00:01 lease over
            0:00:02 resolved a.example refused 556 no mail here
            0:00:02 resolved b.example unavailable SERVFAIL
            0:00:03 lease on
              settle 1: 1/b bounced (556 no mail here)
              forget 1
            """
        ) { $0.routes = SchedulerParty.routes("a.example=mx b.example=mx") }
    }

    @Test("a bounce that is ordered elsewhere returns a message's recipients together, when nothing else has them")
    func bounceElsewhere() {
        SchedulerParty.expect(
            """
            0:00:00 suspend b.example:25
            0:00:00 accepted 1 to b@a.example c@b.example d@b.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 elsewhere bounce 1
            0:00:02 read 1
              settle 2: 1/c bounced (bounced by the operator), 1/d bounced (bounced by the operator)
            0:00:03 ended 1: 450 later
              settle 1: 1/b deferred until 0:05:03 (450 later)
            0:00:03 stale 1
              read 1
            0:00:04 read 1
              settle 3: 1/b bounced (bounced by the operator)
            """, writesAtOnce: false)
    }

    @Test("a bounce that is ordered elsewhere waits until the lease is on")
    func bounceWaits() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@nowhere.example c@nowhere.example
            0:00:01 elsewhere bounce 1
            0:00:02 lease over
            0:00:02 read 1
            0:00:03 lease on
              settle 1: 1/b bounced (bounced by the operator), 1/c bounced (bounced by the operator)
              forget 1
            """)
    }

    @Test("as many bounces are written at a time as settlements may be")
    func manyBounces() {
        let count = Scheduler.settlementsAtOnce + 1
        let all = (1...count).map { "0:00:00 accepted \($0) to b@nowhere.example" }
        let bounced = (1...count).map { "0:00:01 elsewhere bounce \($0)\n0:00:01 read \($0)" }
        let settled = bounced.enumerated().map { number, line in
            number < count - 1
                ? "\(line)\n  settle \(number + 1): \(number + 1)/b bounced (bounced by the operator)" : line
        }
        SchedulerParty.expect(
            (all + settled).joined(separator: "\n") + """

                0:00:02 written 1
                  forget 1
                  settle \(count): \(count)/b bounced (bounced by the operator)
                """, writesAtOnce: false)
    }

    @Test("what an order missed, since another node had changed it, is read before it is tried")
    func orderMisses() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@nowhere.example c@nowhere.example
            0:00:01 hold 1/c
              order 1: 1
            0:00:02 elsewhere hold 1/c
            0:00:03 done 1
              read 1
            0:00:04 accepted 2 to b@nowhere.example
            0:00:04 hold 2
              order 2: 1
            0:00:04 done 2
            """)
    }

    @Test("nodes share the connections that a site takes, and an operator's limit of them")
    func shares() {
        SchedulerParty.expect(
            """
            0:00:00 nodes 2
            0:00:00 limit a.example:25 4
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to b@a.example
              begin 2: 2/b on session 2, new, to a.example:25
            0:00:00 accepted 3 to b@a.example
            0:00:00 why 3
              3/b behind 0 at a limit of 2
            0:00:01 nodes 4
            0:00:02 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              quit session 1
              forget 1
            0:00:03 closed 1
            0:00:04 ended 2: 250 Ok
              settle 2: 2/b relayed (250 Ok)
              begin 3: 3/b on session 2
              forget 2
            0:00:06 accepted 4 to b@a.example
            0:00:07 why 4
              4/b behind 0 at a limit of 1
            0:00:08 nodes 1
              begin 4: 4/b on session 3, new, to a.example:25
            """)
    }

    @Test("a node that had all connections ends those beyond its share when another one comes up, although mail waits")
    func shareShrinks() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to b@a.example
              begin 2: 2/b on session 2, new, to a.example:25
            0:00:00 accepted 3 to b@a.example
            0:00:00 accepted 4 to b@a.example
            0:00:01 nodes 2
            0:00:02 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              quit session 1
              forget 1
            0:00:03 ended 2: 250 Ok
              settle 2: 2/b relayed (250 Ok)
              begin 3: 3/b on session 2
              forget 2
            0:00:04 closed 1
            0:00:05 nodes 1
              begin 4: 4/b on session 3, new, to a.example:25
            """
        ) { $0.delivery.connections = 2 }
    }

    @Test("where nothing may begin, a sender's time that is over is looked at again only for mail that is this node's")
    func deadlinesOfOthers() throws {
        let start = Timestamp(milliseconds: 1_795_510_800_000)
        var scheduler = Scheduler(
            RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: ""), at: start)
        for number in 1...2 {
            var message = SpooledMessage(
                id: QueueID(rawValue: Int64(number)), arrived: start, reversePath: .null,
                arrival: Arrival(with: "ESMTP"), contentOctets: 1,
                recipients: [
                    SpooledRecipient(
                        index: 0, forwardPath: try ForwardPath(parsing: "<b@nowhere.example>"), due: start)
                ])
            message.parameters = [Parameter("BY", "60;R")]
            scheduler.accepted(message, at: start)
        }
        scheduler.leaseEnded(now: nil)
        scheduler.handedOn(try #require(scheduler.index.slot(of: QueueID(rawValue: 1))), to: 7)
        let late = start.adding(milliseconds: 61_000)
        scheduler.timePassed(at: late)
        #expect(scheduler.backlog.agenda.next == late.milliseconds + 1000)
        scheduler.handedOn(try #require(scheduler.index.slot(of: QueueID(rawValue: 2))), to: 7)
        scheduler.timePassed(at: late.adding(milliseconds: 1000))
        #expect(scheduler.backlog.agenda.next == nil)
    }

    @Test("what was changed at another node before it was read is not tried, and read anew")
    func changedBefore() throws {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 ended 1: changed
              read 1
            0:00:02 read 1
              begin 2: 1/b on session 2, new, to a.example:25
            """)
    }

    @Test("an attempt names no recipient that has changed: what became of it would be told of another address")
    func transactions() throws {
        let now = Timestamp(milliseconds: 1_800_000_000_000)
        var configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "/nowhere")
        configuration.routes = SchedulerParty.routes("a.example=a.example")
        var scheduler = Scheduler(configuration, at: now)
        func path(_ name: String) -> ForwardPath {
            .path(Path(mailbox: Mailbox(localPart: name, domain: Domain("a.example"))))
        }
        var message = SpooledMessage(
            id: QueueID(rawValue: 1), arrived: now, reversePath: .null, arrival: Arrival(with: "ESMTP"),
            contentOctets: 24,
            recipients: [0, 1].map { SpooledRecipient(index: $0, forwardPath: path("b\($0)"), due: now) })
        scheduler.accepted(message, at: now)
        guard case .begin(let attempt, _, _, _)? = scheduler.next() else {
            Issue.record("nothing begins")
            return
        }
        #expect(scheduler.transaction(ofAttempt: attempt, message, at: now)?.recipients.count == 2)
        message.generation += 1
        message.recipients[1].generation += 1
        message.recipients[1].forwardPath = path("c")
        #expect(scheduler.transaction(ofAttempt: attempt, message, at: now) == nil)
        #expect(scheduler.hasChanged(message, sinceAttempt: attempt))
    }

    @Test("nodes share a rate: each has its share of it")
    func rate() {
        SchedulerParty.expect(
            """
            0:00:00 nodes 2
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to b@a.example
            0:00:00 why 2
              2/b rate until 0:00:20
            0:00:20
              begin 2: 2/b on session 2, new, to a.example:25
            0:00:21 nodes 1
            0:00:21 accepted 3 to b@a.example
            0:00:21 why 3
              3/b rate until 0:00:40
            """
        ) {
            $0.routes[0].limits.rate = RouteLimits.Rate(messages: 6, milliseconds: 60_000)
            $0.delivery.connections = 4
        }
    }
}
