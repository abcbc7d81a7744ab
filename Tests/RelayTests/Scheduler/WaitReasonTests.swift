import Testing

@testable import Relay

@Suite("why not now?")
struct WaitReasonTests {
    @Test("each recipient has its own reason: under way, in line, its retry time, a back-off, no route")
    func reasons() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example c@nowhere.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to d@a.example
            0:00:00 accepted 3 to e@a.example f@b.example
              begin 2: 3/f on session 2, new, to b.example:25
            0:00:01 why 1
              1/b active
              1/c no route for nowhere.example
            0:00:01 why 2
              2/d due
            0:00:01 why 3
              3/e behind 1
              3/f active
            0:00:02 ended 1: 450 later
              settle 1: 1/b deferred until 0:05:02 (450 later)
              begin 3: 2/d on session 1
            0:00:02 why 1
              1/b retryTime
              1/c no route for nowhere.example
            0:00:03 ended 3: unreachable timed out
              settle 3: 2/d deferred until 0:05:03 (timed out)
            0:00:03 why 3
              3/e backoff until 0:05:03: timed out
              3/f active
            0:00:03 why 1
              1/b backoff until 0:05:03: timed out
              1/c no route for nowhere.example
            """
        ) { $0.delivery.connections = 1 }
    }

    @Test("a rate says about when the turn comes, hold and a spool that fails say what they are")
    func rate() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to c@a.example
            0:00:00 accepted 3 to d@a.example
            0:00:01 why 3
              3/d rate until 0:00:20
            0:00:02 hold 2
              order 2: 1
            0:00:02 done 2
            0:00:02 why 2
              2/c held
            0:00:03 writing fails
            0:00:03 why 3
              3/d spoolFailing
            """
        ) { $0.routes[0].limits.rate = RouteLimits.Rate(messages: 6, milliseconds: 60_000) }
    }

    @Test("a limit of the operator's is the reason where as many connections are open, and no other is")
    func limit() {
        SchedulerParty.expect(
            """
            0:00:00 limit a.example:25 1
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to c@a.example
            0:00:00 accepted 3 to d@a.example
            0:00:01 why 2
              2/c behind 0 at a limit of 1
            0:00:01 why 3
              3/d behind 1 at a limit of 1
            0:00:02 limit a.example:25
              begin 2: 2/c on session 2, new, to a.example:25
            0:00:02 why 3
              3/d due
            """)
    }

    @Test("DNS is the reason of its domain alone, while it is asked and when it fails")
    func lookup() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@x.example
              resolve x.example
            0:00:00 why 1
              1/b lookup:
            0:00:00 accepted 2 to c@x.example
            0:00:01 resolved x.example unavailable DNS: SERVFAIL
              settle 1: 1/b deferred until 0:05:01 (DNS: SERVFAIL)
            0:00:02 why 1
              1/b lookup until 0:05:01: DNS: SERVFAIL
            0:00:02 why 2
              2/c lookup until 0:05:01: DNS: SERVFAIL
            """
        ) { $0.routes = SchedulerParty.routes("*=mx") }
    }
}
