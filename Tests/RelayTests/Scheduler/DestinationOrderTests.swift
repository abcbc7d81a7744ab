import Testing

@testable import Relay

@Suite("what the operator orders about destinations")
struct DestinationOrderTests {
    @Test("a suspended destination gets nothing: what is under way ends, no retry and no probe overrides it")
    func suspension() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 suspend a.example:25
            0:00:01 accepted 2 to c@a.example d@b.example
              begin 2: 2/d on session 2, new, to b.example:25
            0:00:02 ended 1: 250 ok
              settle 1: 1/b relayed (250 ok)
              forget 1
            0:00:02 closed 1
            0:00:03 retry 2/c
              order 3: 1
            0:00:03 done 3
            0:00:04 ended 2: 250 ok
              settle 2: 2/d relayed (250 ok)
            0:00:05 resume a.example:25
              begin 4: 2/c on session 3, new, to a.example:25
            """)
    }

    @Test("it holds for a destination that has no mail yet, and outlasts a retry time")
    func later() {
        SchedulerParty.expect(
            """
            0:00:00 suspend a.example:25
            0:00:01 accepted 1 to b@a.example
            0:10:00 accepted 2 to c@a.example due=0:20:00
            0:30:00 resume a.example:25
              begin 1: 1/b on session 1, new, to a.example:25
              begin 2: 2/c on session 2, new, to a.example:25
            """)
    }

    @Test("time suspended counts: mail that waits too long is returned all the same")
    func expiry() {
        SchedulerParty.expect(
            """
            0:00:00 suspend a.example:25
            0:00:01 accepted 1 to b@a.example
            1:01:00
              settle 1: 1/b expired (suspended by ops, told: suspended)
              forget 1
            """
        ) {
            $0.retry.giveUp = 3_600_000
            $0.retry.delayNotice = 0
        }
    }

    @Test("a limit for now ends sessions beyond it when they are free, and ends itself")
    func limit() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to c@a.example
              begin 2: 2/c on session 2, new, to a.example:25
            0:00:00 accepted 3 to d@a.example
            0:00:00 accepted 4 to e@a.example
            0:00:01 limit a.example:25 1
            0:00:02 ended 1: 250 ok
              settle 1: 1/b relayed (250 ok)
              quit session 1
              forget 1
            0:00:03 ended 2: 250 ok
              settle 2: 2/c relayed (250 ok)
              begin 3: 3/d on session 2
              forget 2
            0:00:03 closed 1
            0:00:04 limit a.example:25
              begin 4: 4/e on session 3, new, to a.example:25
            """)
    }

    @Test("a destination's mail goes another way, what is under way only if it fails, and back again")
    func reroute() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to c@a.example due=0:20:00
            0:00:01 reroute a.example:25 c.example:2525
            0:00:02 accepted 3 to d@a.example
              begin 2: 3/d on session 2, new, to c.example:2525
            0:00:03 ended 1: 450 busy
              settle 1: 1/b deferred until 0:05:03 (450 busy)
            0:00:03 ended 2: 250 ok
              settle 2: 3/d relayed (250 ok)
              forget 3
            0:05:03
              begin 3: 1/b on session 2
            0:05:04 ended 3: 250 ok
              settle 3: 1/b relayed (250 ok)
              forget 1
            0:05:05 reroute a.example:25
            0:20:00
              begin 4: 2/c on session 1
            """)
    }

    @Test("what is sent to the first host of a list goes as the list's own mail does, within its limits")
    func rerouteToList() {
        SchedulerParty.expect(
            """
            0:00:00 reroute b.example:25 a1:25
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a1:25
            0:00:01 accepted 2 to c@b.example
            0:00:02 ended 1: 250 ok
              settle 1: 1/b relayed (250 ok)
              begin 2: 2/c on session 1
              forget 1
            """
        ) {
            $0.routes = SchedulerParty.routes("a.example=a1,a2 b.example=b.example")
            $0.routes[0].limits.connections = 1
        }
    }

    @Test("it holds for a name that routes spell otherwise, also when they change while mail waits")
    func spelling() {
        SchedulerParty.expect(
            """
            0:00:00 suspend mx:25
            0:00:00 accepted 1 to b@a.example
            0:00:01 routes a.example=Mx
            0:00:02 accepted 2 to c@a.example
            0:00:03 limit mx:25 1
            0:00:03 resume mx:25
              begin 1: 1/b on session 1, new, to Mx:25
            0:00:04 reroute mx:25 c.example:2525
            0:00:04
              begin 2: 2/c on session 2, new, to c.example:2525
            """
        ) { $0.routes = SchedulerParty.routes("a.example=MX") }
    }
}
