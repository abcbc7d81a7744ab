import Mail
import Spool
import Testing

@testable import Relay

@Suite("sites with fewer connections than there are nodes")
struct PermitTests {
    @Test("a node opens nothing before it has a share, and none where another one has more than its own")
    func shares() {
        SchedulerParty.expect(
            """
            0:00:00 nodes 0
            0:00:00 limit a.example:25 4
            0:00:00 accepted 1 to b@a.example
            0:00:00 why 1
              1/b no permit at a limit of 4
            0:00:01 nodes 2 crowded
            0:00:02 nodes 2
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:02 accepted 2 to b@a.example
              begin 2: 2/b on session 2, new, to a.example:25
            0:00:02 accepted 3 to b@a.example
            0:00:02 why 3
              3/b behind 0 at a limit of 2
            0:00:02 crowded 2
              none
            # A third one comes up, and each has one.
            0:00:03 crowded 3
              a.example:25
            0:00:03 nodes 3
            0:00:04 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              quit session 1
              forget 1
            0:00:04 crowded 3
              a.example:25
            0:00:05 closed 1
            0:00:05 crowded 3
              none
            0:00:06 ended 2: 250 Ok
              settle 2: 2/b relayed (250 Ok)
              begin 3: 3/b on session 2
              forget 2
            # A fifth is one too many for shares: what is there needs a permit, and is told until it is one.
            0:00:07 crowded 5
              a.example:25
            0:00:07 nodes 5
              ask for permits
            0:00:07 permits
              a.example:25: keeps 0, wants 1 of 4
            0:00:07 granted a.example:25 1
            0:00:07 crowded 5
              none
            """)
    }

    @Test("nothing is opened without a permit, which is asked for when mail waits, and given back when none does")
    func asked() {
        SchedulerParty.expect(
            """
            0:00:00 nodes 3
            0:00:00 permits
            0:00:00 limit a.example:25 1
            0:00:00 accepted 1 to b@a.example
              ask for permits
            0:00:00 accepted 2 to b@a.example
            0:00:00 why 1
              1/b no permit at a limit of 1
            0:00:00 permits
              a.example:25: keeps 0, wants 1 of 1
            0:00:00 granted a.example:25 0
            0:00:01 permits
              a.example:25: keeps 0, wants 1 of 1
            0:00:01 granted a.example:25 1
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 why 2
              2/b behind 0 at a limit of 1
            0:00:02 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              begin 2: 2/b on session 1
              forget 1
            0:00:03 ended 2: 250 Ok
              settle 2: 2/b relayed (250 Ok)
              forget 2
            0:00:04 permits
              a.example:25: keeps 1, wants 1 of 1
            0:00:04 granted a.example:25 1
            0:00:05 closed 1
            # Mail that comes now and then asks for none each time.
            0:00:05 permits
              a.example:25: keeps 1, wants 1 of 1
            0:00:05 granted a.example:25 1
            0:00:06 accepted 3 to b@a.example
              begin 3: 3/b on session 2, new, to a.example:25
            0:00:07 ended 3: 250 Ok
              settle 3: 3/b relayed (250 Ok)
              forget 3
            0:00:08 permits
              a.example:25: keeps 1, wants 1 of 1
            0:00:08 granted a.example:25 1
            0:00:08 closed 2
            0:00:10 permits
              a.example:25: keeps 0, wants 0 of 1
            0:00:10 granted a.example:25 0
            0:00:11 permits
            """)
    }

    @Test("one that others wait for is given back when its turn is over, although mail waits")
    func turns() {
        SchedulerParty.expect(
            """
            0:00:00 nodes 2
            0:00:00 accepted 1 to b@a.example
              ask for permits
            0:00:00 accepted 2 to b@a.example
            0:00:00 permits
              a.example:25: keeps 0, wants 1 of 1
            0:00:00 granted a.example:25 1
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 permits
              a.example:25: keeps 1, wants 1 of 1
            0:00:01 granted a.example:25 1 waited for
            0:00:02 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              begin 2: 2/b on session 1
              forget 1
            0:00:02 accepted 3 to b@a.example
            0:00:05 permits
              a.example:25: keeps 1, wants 1 of 1
            0:00:05 granted a.example:25 1 waited for
            0:00:06 ended 2: 250 Ok
              settle 2: 2/b relayed (250 Ok)
              quit session 1
              forget 2
            0:00:06 closed 1
              ask for permits
            0:00:06 permits
              a.example:25: keeps 0, wants 1 of 1
            0:00:06 granted a.example:25 0
            0:00:06 why 3
              3/b no permit at a limit of 1
            """
        ) { $0.routes[0].limits.connections = 1 }
    }

    @Test("one that nothing needs here goes at once to who waits, and its session ends for that")
    func idle() {
        SchedulerParty.expect(
            """
            0:00:00 nodes 2
            0:00:00 accepted 1 to b@a.example
              ask for permits
            0:00:00 permits
              a.example:25: keeps 0, wants 1 of 1
            0:00:00 granted a.example:25 1
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              forget 1
            0:00:01 permits
              a.example:25: keeps 1, wants 1 of 1
            0:00:01 granted a.example:25 1 waited for
            0:00:01 permits
              a.example:25: keeps 1, wants 1 of 1
              quit session 1
            0:00:01 granted a.example:25 1 waited for
            0:00:02 closed 1
              ask for permits
            0:00:02 permits
              a.example:25: keeps 0, wants 0 of 1
            """
        ) { $0.routes[0].limits.connections = 1 }
    }

    @Test("permits end with the lease: sessions that wait are ended, and others are opened under new ones alone")
    func lease() {
        SchedulerParty.expect(
            """
            0:00:00 nodes 2
            0:00:00 accepted 1 to b@a.example
              ask for permits
            0:00:00 permits
              a.example:25: keeps 0, wants 1 of 1
            0:00:00 granted a.example:25 1
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              forget 1
            0:00:02 lease over
              quit session 1
            0:00:03 closed 1
            0:00:03 accepted 2 to b@a.example
            0:00:04 lease new
              ask for permits
            0:00:04 permits
              a.example:25: keeps 0, wants 1 of 1
            0:00:04 granted a.example:25 1
              begin 2: 2/b on session 2, new, to a.example:25
            """
        ) { $0.routes[0].limits.connections = 1 }
    }

    @Test("a lease that goes on after all goes on with its permits, which the store still counts")
    func sameLease() {
        SchedulerParty.expect(
            """
            0:00:00 nodes 2
            0:00:00 accepted 1 to b@a.example
              ask for permits
            0:00:00 permits
              a.example:25: keeps 0, wants 1 of 1
            0:00:00 granted a.example:25 1
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 accepted 2 to b@a.example
            0:00:01 lease over
            0:00:02 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              quit session 1
              forget 1
            0:00:02 closed 1
            0:00:03 lease on
              ask for permits
            0:00:03 permits
              a.example:25: keeps 1, wants 1 of 1
            0:00:03 granted a.example:25 1
              begin 2: 2/b on session 2, new, to a.example:25
            """
        ) { $0.routes[0].limits.connections = 1 }
    }

    @Test("a node that drains keeps what its sessions need until they end, then gives it back")
    func drains() {
        SchedulerParty.expect(
            """
            0:00:00 nodes 2
            0:00:00 accepted 1 to b@a.example
              ask for permits
            0:00:00 permits
              a.example:25: keeps 0, wants 1 of 1
            0:00:00 granted a.example:25 1
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:00 accepted 2 to b@a.example
            0:00:01 drains
            0:00:01 permits
              a.example:25: keeps 1, wants 1 of 1
            0:00:01 granted a.example:25 1 waited for
            0:00:02 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              forget 1
            0:00:02 permits
              a.example:25: keeps 1, wants 1 of 1
              quit session 1
            0:00:02 granted a.example:25 1 waited for
            0:00:03 closed 1
              ask for permits
            0:00:03 permits
              a.example:25: keeps 0, wants 0 of 1
            0:00:03 granted a.example:25 0
            0:00:04 permits
            """
        ) { $0.routes[0].limits.connections = 1 }
    }

    @Test("one that waits when it drains gives its place up")
    func drainsInLine() {
        SchedulerParty.expect(
            """
            0:00:00 nodes 2
            0:00:00 accepted 1 to b@a.example
              ask for permits
            0:00:00 permits
              a.example:25: keeps 0, wants 1 of 1
            0:00:00 granted a.example:25 0
            0:00:01 drains
            0:00:01 permits
              a.example:25: keeps 0, wants 0 of 1
            0:00:01 granted a.example:25 0
            0:00:02 permits
            """
        ) { $0.routes[0].limits.connections = 1 }
    }

    @Test("whether a site is back is asked under a permit too")
    func backOff() {
        SchedulerParty.expect(
            """
            0:00:00 nodes 3
            0:00:00 accepted 1 to b@a.example
              ask for permits
            0:00:00 permits
              a.example:25: keeps 0, wants 1 of 1
            0:00:00 granted a.example:25 1
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 ended 1: unreachable timed out
              settle 1: 1/b deferred until 0:05:01 (timed out)
            0:00:03 permits
              a.example:25: keeps 0, wants 0 of 1
            0:00:03 granted a.example:25 0
            0:05:01
              ask for permits
            0:05:01 permits
              a.example:25: keeps 0, wants 1 of 1
            0:05:01 granted a.example:25 0
            0:05:02 permits
              a.example:25: keeps 0, wants 1 of 1
            0:05:02 granted a.example:25 1
              begin 2: 1/b on session 2, new, to a.example:25
            # So does an operator's retry within a back-off.
            0:05:03 ended 2: unreachable timed out
              settle 2: 1/b deferred until 0:15:03 (timed out)
            0:05:06 permits
              a.example:25: keeps 0, wants 0 of 1
            0:05:06 granted a.example:25 0
            0:05:07 retry 1
              order 3: 1
            0:05:07 done 3
              ask for permits
            0:05:07 permits
              a.example:25: keeps 0, wants 1 of 1
            0:05:07 granted a.example:25 1
              begin 4: 1/b on session 3, new, to a.example:25
            """
        ) { $0.routes[0].limits.connections = 1 }
    }

    @Test("the limit that is told is that of all nodes")
    func toldLimit() {
        SchedulerParty.expect(
            """
            0:00:00 nodes 3
            0:00:00 accepted 1 to b@a.example
              ask for permits
            0:00:00 why 1
              1/b no permit at a limit of 2
            0:00:00 permits
              a.example:25: keeps 0, wants 1 of 2
            0:00:00 granted a.example:25 1
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 accepted 2 to b@a.example
              ask for permits
            0:00:01 permits
              a.example:25: keeps 1, wants 2 of 2
            0:00:01 granted a.example:25 1
            0:00:01 why 2
              2/b behind 0 at a limit of 2
            """
        ) { $0.routes[0].limits.connections = 2 }
    }

    @Test("a site has another name under other terms, and none that says a secret")
    func names() {
        let site = Site([MailHost(endpoint: SocketEndpoint(host: "a.example", port: 25), preference: 10)])
        func name(_ kind: RouteSecurity.Login.Kind, _ secret: Secret) -> String {
            var security = RouteSecurity()
            security.login = RouteSecurity.Login(user: "ann", secret: secret, kind: kind)
            return Gate.Key(site: site, security: security, limits: RouteLimits()).name
        }
        let names = [
            name(.password, .environment("A")), name(.token, .environment("A")), name(.password, .environment("B")),
            name(.password, .file("A")),
        ]
        #expect(Set(names).count == names.count)
        #expect(name(.password, .environment("A")) == names[0])
    }

    @Test("a limit that is lowered counts the sessions that there are; one that is raised needs no permits any more")
    func lowered() {
        SchedulerParty.expect(
            """
            0:00:00 nodes 2
            0:00:00 accepted 1 to b@a.example
              begin 1: 1/b on session 1, new, to a.example:25
            0:00:01 limit a.example:25 1
              ask for permits
            0:00:01 accepted 2 to b@a.example
            0:00:01 permits
              a.example:25: keeps 0, wants 1 of 1
            0:00:01 granted a.example:25 1
            0:00:02 ended 1: 250 Ok
              settle 1: 1/b relayed (250 Ok)
              begin 2: 2/b on session 1
              forget 1
            0:00:02 limit a.example:25
            0:00:03 permits
              a.example:25: keeps 0, wants 0 of 0
            0:00:03 granted a.example:25 0
            0:00:04 permits
            """
        ) { $0.delivery.connections = 4 }
    }

    // MARK: the line

    /// Nodes that ask one after the other, of one site; their answers as text.
    private struct Line {
        var places: [PermitLine.Place] = []

        mutating func ask(_ node: UInt8, keeps kept: Int = 0, wants wanted: Int, of limit: Int) -> String {
            let request = PermitRequest(site: "a", limit: limit, kept: kept, wanted: wanted)
            let answer = PermitLine(self.places).answer(request, of: node)
            self.places.removeAll { $0.node == node }
            if let place = answer.place { self.places.append(place) }
            return "\(answer.grant.held)" + (answer.grant.isWaitedFor ? " waited for" : "")
                + (answer.concernsOthers ? ", others look" : "")
        }
    }

    @Test("each node has its turn, in the order in which they came, and who gives one back is the last")
    func line() {
        var line = Line()
        #expect(line.ask(1, wants: 1, of: 1) == "1")
        #expect(line.ask(2, wants: 1, of: 1) == "0, others look")
        #expect(line.ask(3, wants: 1, of: 1) == "0, others look")
        #expect(line.ask(2, wants: 1, of: 1) == "0")
        #expect(line.ask(1, keeps: 1, wants: 1, of: 1) == "1 waited for")
        #expect(line.ask(1, keeps: 0, wants: 1, of: 1) == "0, others look")
        // It is the second one's turn, whoever asks first.
        #expect(line.ask(3, wants: 1, of: 1) == "0")
        #expect(line.ask(2, wants: 1, of: 1) == "1 waited for")
        #expect(line.ask(2, wants: 0, of: 1) == "0, others look")
        #expect(line.ask(3, wants: 1, of: 1) == "1 waited for")
        #expect(line.ask(1, wants: 0, of: 1) == "0")
        #expect(line.ask(3, keeps: 1, wants: 1, of: 1) == "1")
        #expect(line.places.map(\.node) == [3])
    }

    @Test("of several each node may have more than one, as long as no other has fewer and waits")
    func several() {
        var line = Line()
        #expect(line.ask(1, wants: 2, of: 2) == "2")
        #expect(line.ask(2, wants: 1, of: 2) == "0, others look")
        #expect(line.ask(1, keeps: 1, wants: 2, of: 2) == "1, others look")
        #expect(line.ask(2, wants: 1, of: 2) == "1")
        #expect(line.ask(1, keeps: 1, wants: 2, of: 2) == "1")
        #expect(line.ask(3, wants: 1, of: 2) == "0, others look")
        #expect(line.ask(2, keeps: 1, wants: 1, of: 2) == "1 waited for")
        // Who has none goes before who has one.
        #expect(line.ask(2, wants: 0, of: 2) == "0, others look")
        #expect(line.ask(1, keeps: 1, wants: 2, of: 2) == "1")
        #expect(line.ask(3, wants: 1, of: 2) == "1")
    }

    @Test("one more than another node has is kept where both want more: it does not go to and fro")
    func unevenLimit() {
        var line = Line()
        #expect(line.ask(1, wants: 2, of: 3) == "2")
        #expect(line.ask(2, wants: 2, of: 3) == "1, others look")
        #expect(line.ask(1, keeps: 2, wants: 3, of: 3) == "2, others look")
        #expect(line.ask(2, keeps: 1, wants: 2, of: 3) == "1")
        // Who needs no more than it has gives one to who does.
        #expect(line.ask(1, keeps: 2, wants: 2, of: 3) == "2 waited for")
        // Who has none goes before both.
        #expect(line.ask(1, keeps: 2, wants: 3, of: 3) == "2, others look")
        #expect(line.ask(3, wants: 1, of: 3) == "0, others look")
        #expect(line.ask(1, keeps: 2, wants: 3, of: 3) == "2 waited for")
    }

    @Test("a limit that went down is told to those that came last")
    func lowerLimit() {
        var line = Line()
        #expect(line.ask(1, wants: 1, of: 2) == "1")
        #expect(line.ask(2, wants: 1, of: 2) == "1")
        #expect(line.ask(1, keeps: 1, wants: 1, of: 1) == "1")
        #expect(line.ask(2, keeps: 1, wants: 1, of: 1) == "1 waited for")
    }
}
