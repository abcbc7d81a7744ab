import Testing

@testable import Relay

@Suite("sites: where domains go by their mail exchangers")
struct SiteTests {
    @Test("domains with the same exchangers share sessions, and take turns")
    func sharing() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@x.example
              resolve x.example
            0:00:00 accepted 2 to c@x.example
            0:00:00 resolved x.example to mx1 mx2
              begin 1: 1/b on session 1, new, to x.example
              begin 2: 2/c on session 2, new, to x.example
            0:00:00 accepted 3 to d@x.example
            0:00:00 accepted 4 to e@x.example
            0:00:01 accepted 5 to f@y.example
              resolve y.example
            0:00:01 accepted 6 to g@z.example
              resolve z.example
            0:00:01 resolved y.example to mx2 mx1
            0:00:01 resolved z.example to mx3
              begin 3: 6/g on session 3, new, to z.example
            0:00:02 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              begin 4: 3/d on session 1
              forget 1
            0:00:03 ended 2: 250 Ok
              settle 2: 2/c relayed (250 Ok)
              begin 5: 5/f on session 2
              forget 2
            """
        ) { $0.routes = SchedulerParty.routes("*=mx") }
    }

    @Test("a site that does not answer is left alone by all its domains")
    func backOff() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@x.example
              resolve x.example
            0:00:00 accepted 2 to c@y.example
              resolve y.example
            0:00:00 resolved x.example to mx1
              begin 1: 1/b on session 1, new, to x.example
            0:00:01 ended 1: unreachable timed out
              settle 1: 1/b deferred until 0:05:01 (timed out)
            0:00:02 resolved y.example to mx1
            0:05:00
            0:05:01
              resolve x.example
              begin 2: 2/c on session 2, new, to y.example
            0:05:02 ended 2: 250 Ok
              settle 2: 2/c relayed (250 Ok)
              forget 2
            0:05:03 resolved x.example to mx1
              begin 3: 1/b on session 2
            """
        ) { $0.routes = SchedulerParty.routes("*=mx") }
    }

    @Test("what a retry lets through a back-off is its mail, though that of other domains of the site waits for longer")
    func ownProbe() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@x.example
              resolve x.example
            0:00:00 accepted 2 to c@y.example
              resolve y.example
            0:00:00 resolved x.example to mx1
              begin 1: 1/b on session 1, new, to x.example
            0:00:01 ended 1: unreachable timed out
              settle 1: 1/b deferred until 0:05:01 (timed out)
            0:00:02 resolved y.example to mx1
            0:00:03 accepted 3 to d@x.example MT-PRIORITY=4
            0:00:03 accepted 4 to e@x.example
            0:00:04 retry 4
              order 2: 1
            0:00:04 done 2
              begin 3: 4/e on session 2, new, to x.example
            0:00:05 ended 3: 250 Ok
              settle 3: 4/e relayed (250 Ok)
              begin 4: 2/c on session 2
              begin 5: 3/d on session 3, new, to x.example
              forget 4
            """
        ) { $0.routes = SchedulerParty.routes("x.example=mx y.example=mx") }
    }

    @Test("a domain whose exchangers are not known for now waits, and nothing else does")
    func unavailable() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@x.example
              resolve x.example
            0:00:00 accepted 2 to c@y.example
              resolve y.example
            0:00:00 resolved y.example to mx1
              begin 1: 2/c on session 1, new, to y.example
            0:00:01 resolved x.example unavailable DNS: SERVFAIL for x.example MX
              settle 2: 1/b deferred until 0:05:01 (DNS: SERVFAIL for x.example MX)
            0:00:02 accepted 3 to d@x.example
            0:05:00
            0:05:01
              resolve x.example
            0:05:02 resolved x.example unavailable DNS: SERVFAIL for x.example MX
              settle 3: 3/d deferred until 0:10:02 (DNS: SERVFAIL for x.example MX)
            0:06:00 retry 1
              order 4: 1
            0:06:00 done 4
              resolve x.example
            0:06:01 resolved x.example to mx1
              begin 5: 1/b on session 2, new, to x.example
            """
        ) { $0.routes = SchedulerParty.routes("*=mx") }
    }

    @Test("mail for a domain that takes none is returned at once, and later mail asks anew")
    func refused() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@x.example c@x.example
              resolve x.example
            0:00:00 accepted 2 to d@x.example
            0:00:01 resolved x.example refused 556 no mail
              settle 1: 1/b bounced (556 no mail), 1/c bounced (556 no mail)
              settle 2: 2/d bounced (556 no mail)
              forget 1
              forget 2
            0:00:02 accepted 3 to e@x.example
              resolve x.example
            """
        ) { $0.routes = SchedulerParty.routes("*=mx") }
    }

    @Test("what is known of a domain is asked about again in time, and mail goes on to where it leads then")
    func moved() {
        SchedulerParty.expect(
            """
            0:00:00 accepted 1 to b@x.example
              resolve x.example
            0:00:00 resolved x.example to mx1
              begin 1: 1/b on session 1, new, to x.example
            0:00:01 ended 1: 450 later
              settle 1: 1/b deferred until 0:05:01 (450 later)
            0:05:01
              resolve x.example
            0:05:01 resolved x.example to mx2
              begin 2: 1/b on session 2, new, to x.example
            """
        ) { $0.routes = SchedulerParty.routes("*=mx") }
    }
}
