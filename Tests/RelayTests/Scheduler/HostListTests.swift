import Testing

@testable import Relay

@Suite("the hosts of a next hop, each tried in its turn (RFC 5321 §5.1)")
struct HostListTests {
    private static func expect(
        _ text: String, connections: Int = 3, hosts: String = "a1,a2", sourceLocation: SourceLocation = #_sourceLocation
    ) {
        SchedulerParty.expect(text, sourceLocation: sourceLocation) {
            $0.delivery.connections = connections
            $0.routes = SchedulerParty.routes("a.example=\(hosts)")
        }
    }

    @Test("what a host puts off is tried at the next one at once, its recipients together")
    func next() {
        Self.expect(
            """
            0:00:00 accepted 1 to b@a.example c@a.example d@a.example
              begin 1: 1/b 1/c 1/d on session 1, new, to a1:25
            0:00:01 ended 1: 250 Ok | 450 greylisted | 450 greylisted
              settle 1: 1/b relayed (250 Ok), 1/c deferred until 0:00:01 (450 greylisted), 1/d deferred until 0:00:01 (450 greylisted)
              begin 2: 1/c 1/d on session 2, new, to a1:25, at a2:25
            0:00:02 ended 2: 250 Ok | 550 no
              settle 2: 1/c relayed (250 Ok), 1/d bounced (550 no)
              forget 1
            """)
    }

    @Test("when all of them put it off it waits, and then begins at the first one again, in a session that leads there")
    func round() {
        Self.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a1:25
            0:00:00 ended 1: 450 busy
              settle 1: 1/b deferred until 0:00:00 (450 busy)
              begin 2: 1/b on session 2, new, to a1:25, at a2:25
            0:00:01 ended 2: 451 later
              settle 2: 1/b deferred until 0:05:01 (451 later)
            0:05:01
              begin 3: 1/b on session 1
            0:05:02 ended 3: 452 full
              settle 3: 1/b deferred until 0:05:02 (452 full)
              begin 4: 1/b on session 2
            0:05:03 ended 4: 250 Ok
              settle 4: 1/b relayed (250 Ok)
              forget 1
            """)
    }

    @Test("a session that breaks is made good by the next host; the site is left alone when it breaks at all of them")
    func broken() {
        Self.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a1:25
            0:00:01 ended 1: 421 shutting down
              settle 1: 1/b deferred until 0:00:01 (421 shutting down)
              begin 2: 1/b on session 2, new, to a1:25, at a2:25
            0:00:02 ended 2: lost
              settle 2: 1/b deferred until 0:05:02 (connection lost while sending mail data)
            0:05:02
              begin 3: 1/b on session 3, new, to a1:25
            0:05:03 ended 3: lost
              settle 3: 1/b deferred until 0:05:03 (connection lost while sending mail data)
              begin 4: 1/b on session 4, new, to a1:25, at a2:25
            0:05:04 ended 4: 250 Ok
              settle 4: 1/b relayed (250 Ok)
              forget 1
            0:05:05 accepted 2 to c@a.example
              begin 5: 2/c on session 5, new, to a1:25
            """)
    }

    @Test("a back-off is for a site whose hosts all fail; a probe through it asks each of them")
    func backOff() {
        Self.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a1:25
            0:00:01 ended 1: 421 shutting down
              settle 1: 1/b deferred until 0:00:01 (421 shutting down)
              begin 2: 1/b on session 2, new, to a1:25, at a2:25
            0:00:02 ended 2: unreachable refused
              settle 2: 1/b deferred until 0:05:02 (refused)
            0:00:03 accepted 2 to c@a.example
            0:00:03 why 2
              2/c backoff until 0:05:02: refused
            0:00:04 retry 2
              order 3: 1
            0:00:04 done 3
              begin 4: 2/c on session 3, new, to a1:25
            0:00:05 ended 4: 421 shutting down
              settle 4: 2/c deferred until 0:00:05 (421 shutting down)
              begin 5: 2/c on session 4, new, to a1:25, at a2:25
            0:00:06 ended 5: 250 Ok
              settle 5: 2/c relayed (250 Ok)
              forget 2
            """)
    }

    @Test("what goes on to the next host stands before what waits for the first one")
    func line() {
        Self.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a1:25
            0:00:01 accepted 2 to c@a.example
            0:00:02 accepted 3 to d@a.example
            0:00:03 ended 1: 421 shutting down
              settle 1: 1/b deferred until 0:00:03 (421 shutting down)
              begin 2: 2/c on session 2, new, to a1:25
            0:00:04 ended 2: 421 shutting down
              settle 2: 2/c deferred until 0:00:04 (421 shutting down)
              begin 3: 1/b on session 3, new, to a1:25, at a2:25
            0:00:05 ended 3: 250 Ok
              settle 3: 1/b relayed (250 Ok)
              begin 4: 2/c on session 3
              forget 1
            """, connections: 1)
    }

    @Test("a probe through a back-off goes on to the next host, whatever waits longer")
    func probe() {
        Self.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a1:25
            0:00:01 ended 1: unreachable refused
              settle 1: 1/b deferred until 0:05:01 (refused)
            0:00:02 accepted 2 to c@a.example
            0:00:03 accepted 3 to d@a.example
            0:00:04 retry 3
              order 2: 1
            0:00:04 done 2
              begin 3: 3/d on session 2, new, to a1:25
            0:00:05 ended 3: 421 shutting down
              settle 3: 3/d deferred until 0:00:05 (421 shutting down)
              begin 4: 3/d on session 3, new, to a1:25, at a2:25
            0:00:06 ended 4: 250 Ok
              settle 4: 3/d relayed (250 Ok)
              begin 5: 2/c on session 4, new, to a1:25
              forget 3
            """)
    }

    @Test("mail that breaks the session of one host, and finds the next one gone, waits alone where others go well")
    func poison() {
        Self.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a1:25
            0:00:01 accepted 2 to c@a.example
              begin 2: 2/c on session 2, new, to a1:25
            0:00:02 ended 2: lost
              settle 2: 2/c deferred until 0:00:02 (connection lost while sending mail data)
              begin 3: 2/c on session 3, new, to a1:25, at a2:25
            0:00:03 ended 3: unreachable refused
              settle 3: 2/c deferred until 0:05:03 (refused)
            0:00:04 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              forget 1
            0:00:05 accepted 3 to d@a.example
              begin 4: 3/d on session 1
            """)
    }

    @Test("where only a suspended host is left mail waits, and the site with none; a resume lets one try")
    func onlySuspended() {
        Self.expect(
            """
            0:00:00 suspend a2
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a1:25
            0:00:01 ended 1: suspended
              settle 1: 1/b deferred until 0:05:01 (all hosts that could be tried are suspended)
            0:00:02 accepted 2 to c@a.example
              begin 2: 2/c on session 2, new, to a1:25
            0:00:03 ended 2: unreachable refused
              settle 2: 2/c deferred until 0:05:03 (refused)
            0:00:04 accepted 3 to d@a.example
            0:00:05 resume a2
              begin 3: 3/d on session 3, new, to a1:25
            """)
    }

    @Test(
        "a host is suspended by its name, in any case, and without a port where that is 25", arguments: ["a2", "a2:25"])
    func named(_ name: String) {
        var orders = DestinationOrders()
        orders.suspensions[name] = Suspension(by: "ops")
        #expect(orders.suspension(of: SocketEndpoint(host: "A2", port: 25)) != nil)
        #expect(orders.suspension(of: SocketEndpoint(host: "a2", port: 2525)) == nil)
        #expect(orders.suspension(of: SocketEndpoint(host: "a3", port: 25)) == nil)
    }

    @Test("a host that answered shows that the site is there, though the next one does not")
    func nextIsGone() {
        Self.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a1:25
            0:00:01 ended 1: 450 greylisted
              settle 1: 1/b deferred until 0:00:01 (450 greylisted)
              begin 2: 1/b on session 2, new, to a1:25, at a2:25
            0:00:02 ended 2: unreachable refused
              settle 2: 1/b deferred until 0:05:02 (refused)
            0:00:03 accepted 2 to c@a.example
              begin 3: 2/c on session 1
            """)
    }

    @Test("what broke behind the mail data waits: the host may have the message")
    func noSecondCopy() {
        Self.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a1:25
            0:00:01 ended 1: lost behind the dot
              settle 1: 1/b deferred until 0:05:01 (connection lost while waiting for the final reply)
            """)
    }

    @Test("where there may be no more sessions, one that leads elsewhere makes room")
    func room() {
        Self.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a1:25
            0:00:00 ended 1: 450 busy
              settle 1: 1/b deferred until 0:00:00 (450 busy)
              leave session 1
            0:00:01 closed 1
              begin 2: 1/b on session 2, new, to a1:25, at a2:25
            0:00:02 ended 2: 250 Ok
              settle 2: 1/b relayed (250 Ok)
              forget 1
            0:00:03 accepted 2 to c@a.example
              leave session 2
            0:00:04 closed 2
              begin 3: 2/c on session 3, new, to a1:25
            """, connections: 1)
    }

    @Test("five hosts are tried in a round, and no more")
    func bounded() {
        Self.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a1:25
            0:00:00 ended 1: 450 no
              settle 1: 1/b deferred until 0:00:00 (450 no)
              begin 2: 1/b on session 2, new, to a1:25, at a2:25
            0:00:00 ended 2: 450 no
              settle 2: 1/b deferred until 0:00:00 (450 no)
              begin 3: 1/b on session 3, new, to a1:25, at a3:25
            0:00:00 ended 3: 450 no
              settle 3: 1/b deferred until 0:00:00 (450 no)
              begin 4: 1/b on session 4, new, to a1:25, at a4:25
            0:00:00 ended 4: 450 no
              settle 4: 1/b deferred until 0:00:00 (450 no)
              begin 5: 1/b on session 5, new, to a1:25, at a5:25
            0:00:00 ended 5: 450 no
              settle 5: 1/b deferred until 0:05:00 (450 no)
            """, connections: 9, hosts: "a1,a2,a3,a4,a5,a6")
    }

    @Test("a suspended host is passed over wherever it stands in a list, and a session that leads there is not used")
    func suspended() {
        Self.expect(
            """
            0:00:00 suspend a2:25
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a1:25
            0:00:01 ended 1: 450 busy
              settle 1: 1/b deferred until 0:00:01 (450 busy)
              begin 2: 1/b on session 2, new, to a1:25, at a3:25
            0:00:02 ended 2: 450 busy
              settle 2: 1/b deferred until 0:05:02 (450 busy)
            0:00:03 suspend a3:25
            0:05:02
              begin 3: 1/b on session 1
            0:05:03 ended 3: 450 busy
              settle 3: 1/b deferred until 0:15:03 (450 busy)
            """, hosts: "a1,a2,a3")
    }

    @Test("where all hosts are suspended mail waits without an attempt, and goes when one of them is resumed")
    func allSuspended() {
        Self.expect(
            """
            0:00:00 suspend a1
            0:00:00 suspend a2
            0:00:01 accepted 1 to b@a.example
            0:00:02 why 1
              1/b suspended(by: "ops", until: nil, reason: nil)
            0:00:02 retry 1/b
              order 1: 1
            0:00:02 done 1
            0:00:03 resume a2
              begin 2: 1/b on session 1, new, to a1:25, at a2:25
            """)
    }

    @Test("that is known before any of it is due")
    func allSuspendedEarly() {
        Self.expect(
            """
            0:00:00 suspend a1
            0:00:00 suspend a2
            0:00:01 accepted 1 to b@a.example due=0:20:00
            0:00:02 why 1
              1/b suspended(by: "ops", until: nil, reason: nil)
            """)
    }

    @Test("and its sender is told of no host")
    func allSuspendedTooLong() {
        SchedulerParty.expect(
            """
            0:00:00 suspend a1
            0:00:00 suspend a2
            0:00:01 accepted 1 to b@a.example
            1:01:00
              settle 1: 1/b expired (suspended by ops, told: suspended)
              forget 1
            """
        ) {
            $0.routes = SchedulerParty.routes("a.example=a1,a2")
            $0.retry.giveUp = 3_600_000
            $0.retry.delayNotice = 0
        }
    }

    @Test("a domain whose mail exchangers are suspended is asked about again: it may have others by then")
    func exchangersSuspended() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              resolve a.example
            0:00:00 suspend mx1
            0:00:01 resolved a.example to mx1
            0:05:01
              resolve a.example
            0:05:02 resolved a.example to mx1
            0:05:03 suspend mx3
            0:10:02
              resolve a.example
            0:10:03 resolved a.example to mx2
              begin 1: 1/b on session 1, new, to a.example
            """
        ) { $0.routes = SchedulerParty.routes("a.example=mx") }
    }

    @Test("while they are suspended a failing DNS settles nothing: no mail has a turn")
    func exchangersUnknown() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              resolve a.example
            0:00:00 suspend mx1
            0:00:01 resolved a.example to mx1
            0:05:01
              resolve a.example
            0:05:02 resolved a.example unavailable SERVFAIL
            0:05:03 why 1
              1/b suspended(by: "ops", until: nil, reason: nil)
            """
        ) { $0.routes = SchedulerParty.routes("a.example=mx") }
    }
}
