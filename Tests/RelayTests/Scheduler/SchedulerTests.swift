import Testing

@testable import Relay

@Suite("the scheduler")
struct SchedulerTests {
    @Test("mail that could not be read while the store was away goes as soon as that is back, and was not tried")
    func storeAway() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 ended 1: away
              settle 1: 1/b deferred until 0:00:01 (the store is away)
            0:00:01
              begin 2: 1/b on session 2, new, to a.example:25
            """)
    }

    @Test("a store that takes what is written and gives nothing is asked ever more seldom")
    func storeUnreadable() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 ended 1: away
              settle 1: 1/b deferred until 0:00:01 (the store is away)
            0:00:01
              begin 2: 1/b on session 2, new, to a.example:25
            0:00:01 ended 2: away
              settle 2: 1/b deferred until 0:00:02 (the store is away)
            0:00:02
              begin 3: 1/b on session 3, new, to a.example:25
            0:00:02 ended 3: away
              settle 3: 1/b deferred until 0:00:04 (the store is away)
            0:00:04
              begin 4: 1/b on session 4, new, to a.example:25
            0:00:04 ended 4: away
              settle 4: 1/b deferred until 0:00:07 (the store is away)
            0:00:07
              begin 5: 1/b on session 5, new, to a.example:25
            0:00:07 ended 5: 450 busy
              settle 5: 1/b deferred until 0:00:10 (450 busy)
            """
        ) { $0.retry.first = 3000 }
    }

    @Test("a next hop that does not answer is left alone for a while, and then asked by one session")
    func backOff() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 ended 1: unreachable timed out
              settle 1: 1/b deferred until 0:05:01 (timed out)
            0:00:02 accepted 2 to c@a.example
            0:00:02 accepted 3 to d@b.example
              begin 2: 3/d on session 2, new, to b.example:25
            0:05:00
            0:05:01
              begin 3: 2/c on session 3, new, to a.example:25
            0:05:02 ended 3: unreachable timed out
              settle 3: 2/c deferred until 0:10:02 (timed out)
            0:15:02
              begin 4: 1/b on session 4, new, to a.example:25
            0:15:03 ended 4: 250 Ok
              settle 4: 1/b relayed (250 Ok)
              begin 5: 2/c on session 4
              forget 1
            """)
    }

    @Test("a retry lets one session through a back-off, once for all parts of an order, and leaves what is on hold")
    func probe() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 ended 1: unreachable timed out
              settle 1: 1/b deferred until 0:05:01 (timed out)
            0:00:02 accepted 2 to c@a.example d@a.example
            0:00:02 hold 2/d
              order 2: 1
            0:00:02 done 2
            0:00:03 retry 1 2
              order 3: 3
            0:00:03 done 3
              begin 4: 1/b on session 2, new, to a.example:25
            0:00:03 again 3 1 2
              order 5: 2, 1 active
            0:00:03 done 5
            0:00:04 ended 4: unreachable timed out
              settle 4: 1/b deferred until 0:10:04 (timed out)
            0:00:05 retry 2
              order 6: 2
            0:00:05 done 6
              begin 7: 2/c on session 3, new, to a.example:25
            0:00:06 ended 7: 250 Ok
              settle 7: 2/c relayed (250 Ok)
            """)
    }

    @Test("what a retry lets through a back-off is the mail that it is for, and no other that waited longer")
    func ownProbe() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 ended 1: unreachable timed out
              settle 1: 1/b deferred until 0:05:01 (timed out)
            0:00:02 accepted 2 to c@a.example
            0:00:03 accepted 3 to d@a.example
            0:00:04 retry 3
              order 2: 1
            0:00:04 done 2
              begin 3: 3/d on session 2, new, to a.example:25
            0:00:05 ended 3: 250 Ok
              settle 3: 3/d relayed (250 Ok)
              begin 4: 2/c on session 2
              forget 3
            """)
    }

    @Test("a TLS report goes before mail that fails for what it tells, and through a back-off")
    func report() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 ended 1: unreachable certificate matches no TLSA record
              settle 1: 1/b deferred until 0:05:01 (certificate matches no TLSA record)
            0:00:02 accepted 2 to c@a.example
            0:00:03 accepted 3 to tls@a.example tls-report
              begin 2: 3/tls on session 2, new, to a.example:25
            """)
    }

    @Test("sessions grow with success to the limit, and halve when one breaks")
    func window() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to b@a.example
              begin 2: 2/b on session 2, new, to a.example:25
            0:00:00 accepted 3 to b@a.example
              begin 3: 3/b on session 3, new, to a.example:25
            0:00:00 accepted 4 to b@a.example
              begin 4: 4/b on session 4, new, to a.example:25
            0:00:00 accepted 5 to b@a.example
              begin 5: 5/b on session 5, new, to a.example:25
            0:00:00 accepted 6 to b@a.example
            0:00:00 accepted 7 to b@a.example
            0:00:00 accepted 8 to b@a.example
            0:00:01 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              begin 6: 6/b on session 1
              forget 1
            0:00:01
            0:00:01
              begin 7: 7/b on session 6, new, to a.example:25
            0:00:02 ended 2: lost
              settle 2: 2/b deferred until 0:05:02 (connection lost while sending mail data)
            0:00:03 ended 3: lost
              settle 3: 3/b deferred until 0:05:03 (connection lost while sending mail data)
            0:00:04 ended 4: 250 Ok
              settle 4: 4/b relayed (250 Ok)
              begin 8: 8/b on session 4
              forget 4
            """
        ) { $0.delivery.connections = 8 }
    }

    @Test("one destination's backlog does not keep another waiting")
    func fairness() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to b@a.example
              begin 2: 2/b on session 2, new, to a.example:25
            0:00:00 accepted 3 to b@a.example
            0:00:00 accepted 4 to b@a.example
            0:00:01 accepted 5 to c@b.example d@a.example
              begin 3: 5/c on session 3, new, to b.example:25
            0:00:02 ended 3: 250 Ok
              settle 3: 5/c relayed (250 Ok)
            0:00:02 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              begin 4: 3/b on session 1
              forget 1
            """)
    }

    @Test("what was due first goes first, whenever it came to stand in line")
    func oldestFirst() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:05 accepted 2 to c@a.example
            0:00:06 accepted 3 to d@a.example due=0:00:02
            0:00:07 accepted 4 to e@a.example due=0:00:04
            0:00:08 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              begin 2: 3/d on session 1
              forget 1
            0:00:09 ended 2: 250 Ok
              settle 2: 3/d relayed (250 Ok)
              begin 3: 4/e on session 1
              forget 3
            0:00:10 ended 3: 250 Ok
              settle 3: 4/e relayed (250 Ok)
              begin 4: 2/c on session 1
              forget 4
            """
        ) { $0.delivery.connections = 1 }
    }

    @Test("an attempt that did not happen stands first in line again")
    func untried() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 accepted 2 to c@a.example
            0:00:02 ended 1: untried
              begin 2: 1/b on session 2, new, to a.example:25
            """
        ) { $0.delivery.connections = 1 }
    }

    @Test("higher priorities go first (RFC 6710), the oldest of each before the others")
    func priorities() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 accepted 2 to c@a.example
            0:00:02 accepted 3 to d@a.example MT-PRIORITY=-2
            0:00:03 accepted 4 to e@a.example MT-PRIORITY=3
            0:00:04 accepted 5 to f@a.example MT-PRIORITY=3
            0:00:05 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              begin 2: 4/e on session 1
              forget 1
            0:00:06 ended 2: 250 Ok
              settle 2: 4/e relayed (250 Ok)
              begin 3: 5/f on session 1
              forget 4
            0:00:07 ended 3: 250 Ok
              settle 3: 5/f relayed (250 Ok)
              begin 4: 2/c on session 1
              forget 5
            0:00:08 ended 4: 250 Ok
              settle 4: 2/c relayed (250 Ok)
              begin 5: 3/d on session 1
              forget 2
            """
        ) { $0.delivery.connections = 1 }
    }

    @Test("recipients of a message that go to one place go together, as many as one transaction takes")
    func together() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example c@b.example d@a.example e@a.example
              begin 1: 1/b 1/d on session 1, new, to a.example:25
              begin 2: 1/c on session 2, new, to b.example:25
              begin 3: 1/e on session 3, new, to a.example:25
            0:00:01 ended 1: 250 Ok | 450 later
              settle 1: 1/b relayed (250 Ok), 1/d deferred until 0:05:01 (450 later)
            0:00:02 ended 3: 550 no
              settle 3: 1/e bounced (550 no)
            0:00:03 ended 2: 250 Ok
              settle 2: 1/c relayed (250 Ok)
            0:05:01
              begin 4: 1/d on session 3
            0:05:02 ended 4: 250 Ok
              settle 4: 1/d relayed (250 Ok)
              forget 1
            """
        ) { $0.delivery.recipientsPerTransaction = 2 }
    }

    @Test("mail that its sender wants there by a time is returned then, or its sender told (RFC 2852)")
    func deliverBy() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example BY=60;R
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to c@a.example BY=60;N
              begin 2: 2/c on session 2, new, to a.example:25
            0:00:01 ended 1: 450 later
              settle 1: 1/b deferred until 0:05:01 (450 later)
            0:01:00
              settle 3: 1/b expired (the time that the sender set (DELIVERBY) is over; 450 later)
              forget 1
            0:01:01
            0:01:02 ended 2: 450 later
              settle 2: 2/c deferred until 0:06:02 (450 later)
            0:01:03
              settle 4: 2/c noticed (the time that the sender set (DELIVERBY) is over; 450 later)
            """)
    }

    @Test("what a host said is why mail is returned, also where an operator keeps it back since")
    func suspendedLate() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example BY=600;R
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 ended 1: 450 later
              settle 1: 1/b deferred until 0:05:01 (450 later)
            0:00:02 suspend a.example:25
            0:00:03 accepted 2 to c@a.example BY=600;R
            0:10:00
              settle 2: 1/b expired (the time that the sender set (DELIVERBY) is over; 450 later)
              forget 1
            0:10:03
              settle 3: 2/c expired (the time that the sender set (DELIVERBY) is over; suspended by ops, told: late, suspended)
              forget 2
            """)
    }

    @Test("time on hold does not count to what a sender allows (RFC 2852)")
    func deliverByHeld() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@nowhere.example BY=60;R
            0:00:10 hold 1
              order 1: 1
            0:00:10 done 1
            0:03:30 release 1
              order 2: 1
            0:03:30 done 2
            0:04:19
            0:04:20
              settle 3: 1/b expired (the time that the sender set (DELIVERBY) is over; no route for nowhere.example: add a [[route]] with domain = "nowhere.example" (or "*") and via = ["host:port"], told: late, no route)
              forget 1
            """)
    }

    @Test("a route has its own times of retry, and its own patience")
    func routeRetry() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example c@b.example
              begin 1: 1/b on session 1, new, to a.example:25
              begin 2: 1/c on session 2, new, to b.example:25
            0:00:00 ended 1: 450 later
              settle 1: 1/b deferred until 0:00:10 (450 later)
            0:00:00 ended 2: 450 later
              settle 2: 1/c deferred until 0:05:00 (450 later)
            0:00:10
              begin 3: 1/b on session 1
            0:00:10 ended 3: 450 later
              settle 3: 1/b deferred until 0:00:25 (450 later)
            0:00:25
              begin 4: 1/b on session 1
            0:00:25 ended 4: 450 later
              settle 4: 1/b deferred until 0:00:40 (450 later)
            0:00:30
              settle 5: 1/b expired (450 later)
            """
        ) {
            $0.routes[0].retry.first = 10_000
            $0.routes[0].retry.longest = 15_000
            $0.routes[0].retry.giveUp = 30_000
        }
    }

    @Test("its sender is told of mail that waits long, once, and gets it back in the end")
    func patience() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@nowhere.example
            0:00:00 accepted 2 to c@nowhere.example <>
            4:00:00
              settle 1: 1/b noticed (no route for nowhere.example: add a [[route]] with domain = "nowhere.example" (or "*") and via = ["host:port"], told: no route)
            6:00:00
              settle 2: 1/b expired (no route for nowhere.example: add a [[route]] with domain = "nowhere.example" (or "*") and via = ["host:port"], told: no route)
              settle 3: 2/c expired (no route for nowhere.example: add a [[route]] with domain = "nowhere.example" (or "*") and via = ["host:port"], told: no route)
              forget 1
              forget 2
            """
        ) { $0.retry.giveUp = 6 * 3_600_000 }
    }

    @Test("time on hold does not count, and what is held is not tried")
    func hold() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 ended 1: 450 later
              settle 1: 1/b deferred until 10:00:01 (450 later)
            0:00:02 hold 1
              order 2: 1
            0:00:02 retry 1
              order 3: 0, 1 ordered
            0:00:03 done 2
            0:00:04 done 3
            5:00:00 retry 1
              order 4: 1
            5:00:00 done 4
            5:00:01 release 1
              order 5: 1
            5:00:01 done 5
            5:00:01 retry 1
              order 6: 1
            5:00:01 done 6
              begin 7: 1/b on session 1
            5:00:02 ended 7: 450 later
              settle 7: 1/b deferred until 15:00:02 (450 later)
            10:59:00
            11:00:00
              settle 8: 1/b expired (450 later)
              forget 1
            """
        ) { configuration in
            configuration.retry.first = 10 * 3_600_000
            configuration.retry.longest = 10 * 3_600_000
            configuration.retry.giveUp = 6 * 3_600_000
            configuration.retry.delayNotice = 0
        }
    }

    @Test(
        "mail that is put off grows no older until it is tried, which may be sooner; then it has the time that it had")
    func postponed() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example c@a.example
              begin 1: 1/b 1/c on session 1, new, to a.example:25
            0:00:01 ended 1: 450 later
              settle 1: 1/b deferred until 10:00:01 (450 later), 1/c deferred until 10:00:01 (450 later)
            0:00:02 postpone 8:00:02 1
              order 2: 2
            0:00:02 done 2
            1:00:02 retry 1/c
              order 3: 1
            1:00:02 done 3
              begin 4: 1/c on session 1
            1:00:03 ended 4: 450 later
              settle 4: 1/c deferred until 11:00:03 (450 later)
            6:59:00
            7:00:00
              settle 5: 1/c expired (450 later)
            8:00:02
              begin 6: 1/b on session 1
            8:00:03 ended 6: 450 later
              settle 6: 1/b deferred until 18:00:03 (450 later)
            13:59:00
            14:00:00
              settle 7: 1/b expired (450 later)
              forget 1
            """
        ) { configuration in
            configuration.retry.first = 10 * 3_600_000
            configuration.retry.longest = 10 * 3_600_000
            configuration.retry.giveUp = 6 * 3_600_000
            configuration.retry.delayNotice = 0
        }
    }

    @Test("what comes in on hold waits for its release")
    func comesInOnHold() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example on-hold
            0:00:01 retry 1
              order 1: 1
            0:00:01 done 1
            9:00:00
            9:00:01 release 1
              order 2: 1
            9:00:01 done 2
              begin 3: 1/b on session 1, new, to a.example:25
            """)
    }

    @Test("what is being tried is nobody else's, and what is ordered is not tried")
    func claims() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example c@nowhere.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 drop 1
              order 2: 1, 1 active
            0:00:02 bounce 1
              skipped 2
            0:00:03 done 2
            0:00:04 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              forget 1
            """)
    }

    @Test("an operator's bounce is settled with a report, in parts that one report can tell of")
    func bounce() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@nowhere.example c@nowhere.example
            0:00:01 bounce 1/b
              settle 1: 1/b bounced (bounced by the operator)
            0:00:02 bounce 1
              settle 2: 1/c bounced (bounced by the operator)
              forget 1
            """)
    }

    @Test("what waits goes on waiting as long as before, whichever way the clock jumps")
    func jump() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 ended 1: 450 later
              settle 1: 1/b deferred until 0:05:01 (450 later)
            0:01:00 jumped 9:00:00
            9:05:00
            9:05:01
              begin 2: 1/b on session 1
            9:05:02 ended 2: unreachable timed out
              settle 2: 1/b deferred until 9:15:02 (timed out)
            9:06:00 jumped -9:00:00
            0:14:00
            0:15:02
              begin 3: 1/b on session 2, new, to a.example:25
            """
        ) {
            $0.retry.giveUp = 6 * 3_600_000; $0.retry.delayNotice = 0
        }
    }

    @Test("a reload takes what waits elsewhere at once, and what is being tried when its attempt has ended")
    func reload() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to c@nowhere.example
            0:00:01 routes a.example=new.example nowhere.example=new.example
            0:00:01
              begin 2: 2/c on session 2, new, to new.example:25
            0:00:02 ended 1: 450 later
              settle 1: 1/b deferred until 0:05:02 (450 later)
            0:05:02
              begin 3: 1/b on session 3, new, to new.example:25
            """)
    }

    @Test("a reload reaches what was being tried in vain, and what the spool knew better")
    func reloadUntried() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to c@a.example
              begin 2: 2/c on session 2, new, to a.example:25
            0:00:01 routes a.example=new.example
            0:00:01
            0:00:02 ended 1: untried
              begin 3: 1/b on session 3, new, to new.example:25
            0:00:03 ended 2: 450 later
              settle 2: 2/c deferred until 0:05:03 (450 later)
            0:00:04 stale 2
              read 2
            0:00:05 read 2
              begin 4: 2/c on session 4, new, to new.example:25
            """, writesAtOnce: false)
    }

    @Test("what another node changed is read when an outcome of the same message is written, and not sent")
    func changedElsewhere() {
        SchedulerParty.expect(
            """
            0:00:00 suspend b.example:25
            0:00:00 accepted 1 to b@a.example c@b.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 elsewhere hold 1/c
            0:00:02 ended 1: 450 later
              settle 1: 1/b deferred until 0:05:02 (450 later)
              read 1
            0:00:03 read 1
            0:00:04 resume b.example:25
            """)
    }

    @Test("while outcomes cannot be written nothing begins, and what cannot be written at all is kept aside")
    func unwritten() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to c@a.example
              begin 2: 2/c on session 2, new, to a.example:25
            0:00:01 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
            0:00:01 writing fails
            0:00:02 accepted 3 to d@a.example
            0:00:03 ended 2: 250 Ok
              settle 2: 2/c relayed (250 Ok)
            0:00:04 aside 1
            0:00:05 written 2
              forget 2
            0:00:05 writing works
              begin 3: 3/d on session 2
            """, writesAtOnce: false)
    }

    @Test("damaged mail is neither tried again nor returned; it is on hold until it is released")
    func damaged() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 ended 1: damaged
              settle 1: 1/b hold (not as it was written)
            1:00:00 release 1
              order 2: 1
            1:00:00 done 2
              begin 3: 1/b on session 2, new, to a.example:25
            """)
    }

    @Test("after a stop nothing begins, and sessions end")
    func stop() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 stopped
              quit session 1
            0:00:02 accepted 2 to c@a.example
            0:00:03 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              quit session 1
              forget 1
            """)
    }
}
