import Mail
import Monitor
import SMTP

extension ScriptedFeed {
    /// A node with a bit of everything.
    static var busy: ScriptedFeed { self.busy() }
    static func busy(_ node: String = "mx1") -> ScriptedFeed {
        let feed = ScriptedFeed(node: node)
        let session = SessionRef(node: node, id: "out#9")
        let progress = DeliveryProgress(
            session: session, phase: .content, contentOctetsSent: 2560, contentOctets: 4096, phases: Self.phases)
        let sending = feed.queued(
            "4Q7K", from: "ann@example.net", to: "bob@example.org", state: .active, progress: progress)
        let deferred = feed.queued(
            "4Q6A", from: "cat@example.net", to: "dan@example.com", state: .deferred, age: 20, octets: 220_000,
            reply: "450 4.2.0 greylisted", next: 900)
        let held = feed.queued("4Q5B", from: "", to: "eve@example.net", state: .hold, age: 300, octets: 1500)
        feed.said(
            session, before: 12,
            [
                (.relay, "connected 192.0.2.9:40000 -> 192.0.2.1:25"), (.server, "220 mx.example.org ESMTP"),
                (.client, "EHLO mx1"), (.server, "250 mx.example.org"), (.client, "MAIL FROM:<ann@example.net>"),
                (.server, "250 2.1.0 Ok"),
            ])
        let over = SessionRef(node: node, id: "out#8")
        feed.said(
            over, before: 700,
            [
                (.relay, "connected 192.0.2.9:40001 -> 192.0.2.1:25"), (.server, "220 mx.example.org ESMTP"),
                (.client, "EHLO mx1"), (.server, "250 mx.example.org"), (.client, "MAIL FROM:<fay@example.net>"),
                (.server, "250 2.1.0 Ok"), (.client, "RCPT TO:<gus@example.com>"), (.server, "550 5.1.1 no such user"),
                (.client, "RSET"), (.server, "250 2.0.0 Ok"), (.client, "MAIL FROM:<cat@example.net>"),
                (.server, "250 2.1.0 Ok"), (.client, "RCPT TO:<dan@example.com>"), (.server, "450 4.2.0 greylisted"),
                (.client, "QUIT"), (.server, "221 2.0.0 Bye"),
            ])
        let attempt = AttemptRow(
            recipientIndex: 0, at: Self.now.adding(milliseconds: -600_000), milliseconds: 320,
            nextHop: "mx.example.org:25", outcome: .deferred, reply: "450 4.2.0 greylisted", session: over,
            security: SessionSecurity(
                tls: "TLSv1.3", isVerified: true,
                policy: "DANE: TLSA 3 1 1 0a1b2c3d… at _25._tcp.mx.example.org"))
        let details = [
            feed.detail(sending, [.active], progress: progress),
            feed.detail(deferred, [.deferred], attempts: [attempt]), feed.detail(held, [.hold]),
        ]
        feed.write { script in
            for detail in details { script.details[detail.ref.id] = detail }
            var row = ConnectionRow(
                ref: session, direction: .outbound, peer: "192.0.2.1:25", name: "mx.example.org:25", phase: .content,
                started: Self.now.adding(milliseconds: -12_000), lastActivity: Self.now, message: "4Q7K",
                contentOctetsDone: 2560, contentOctets: 4096)
            row.messages = 3
            row.phases = Self.phases
            script.connections = [
                row,
                ConnectionRow(
                    ref: SessionRef(node: node, id: "in#41"), direction: .inbound, peer: "192.0.2.7:40112",
                    name: "client.example", phase: .rcpt, started: Self.now.adding(milliseconds: -3000),
                    lastActivity: Self.now.adding(milliseconds: -1000), messages: 0),
                ConnectionRow(
                    ref: over, direction: .outbound, peer: "192.0.2.1:25", name: "mx.example.org:25", phase: .closed,
                    started: Self.now.adding(milliseconds: -700_000), ended: Self.now.adding(milliseconds: -600_000),
                    lastActivity: Self.now.adding(milliseconds: -600_000), messages: 0),
            ]
            script.destinations = Self.nextHops(node)
            script.overview.attention = [
                Attention(
                    .warning, .backoff(destination: "mx.example.org:25", reason: "connection refused", until: nil),
                    count: 1, door: FilterExpression(.dest, is: "mx.example.org:25"))
            ]
            script.overview.destinations = [
                DestinationAges(
                    destination: "mx.example.org:25", condition: .backoff, reason: "connection refused",
                    until: Self.now.adding(milliseconds: 120_000), total: 3,
                    ages: AgeCounts([1, 0, 0, 1, 0, 0, 1, 0, 0, 0]))
            ]
            script.overview.durability = Overview.Durability(
                syncs: 12.4, changes: 42, replyP50: 3, replyP99: 21, pendingOctets: 6144, freeOctets: 31 << 30)
            script.overview.receiveP50 = 3
            script.overview.receiveP95 = 12
            script.overview.relayP50 = 80
            script.overview.relayP95 = 1400
            var domain = DestinationAges(
                destination: "example.org", condition: .backoff, until: Self.now.adding(milliseconds: 120_000),
                total: 2, ages: AgeCounts([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
            domain.via = "mx.example.org:25"
            var other = domain
            other.destination = "example.com"
            other.total = 1
            other.ages = AgeCounts([0, 0, 0, 0, 0, 0, 1, 0, 0, 0])
            script.overview.domains = [domain, other]
            script.overview.received = (0..<60).map { $0 % 7 }
            script.overview.relayed = (0..<60).map { $0 % 5 }
            script.overview.totals = Overview.Totals(received: 325, relayed: 318, bounced: 2)
            script.facts = [
                FactRow(
                    at: Self.now.adding(milliseconds: -1000), kind: .accepted, message: "4Q7K",
                    from: "<ann@example.net>", text: "192.0.2.7:40112", contentOctets: 4096),
                FactRow(
                    at: Self.now.adding(milliseconds: -800), kind: .relayed, message: "4Q4C",
                    to: "<hal@example.org>", nextHop: "mx.example.org:25", text: "250 2.0.0 Ok: queued as 7T",
                    milliseconds: 81),
                FactRow(
                    at: Self.now.adding(milliseconds: -600), kind: .bounced, message: "4Q4D",
                    to: "<gus@example.com>", nextHop: "mx.example.org:25", text: "550 5.1.1 no such user"),
            ]
        }
        return feed
    }
}

extension ScriptedFeed {
    /// Content has flowed for two seconds.
    private static var phases: PhaseTimes {
        var at = Self.now.adding(milliseconds: -3000)
        var phases = PhaseTimes(.connect, since: at)
        let way: [(SessionPhase, Int64)] = [
            (.greeting, 12), (.hello, 31), (.tls, 20), (.mail, 700), (.rcpt, 9), (.data, 140), (.content, 88),
        ]
        for (phase, milliseconds) in way {
            at = at.adding(milliseconds: milliseconds)
            phases.enter(phase, at: at)
        }
        return phases
    }

    /// One of each condition, and two of one name.
    private static func nextHops(_ node: String) -> [DestinationRow] {
        func row(_ name: String, _ condition: DestinationAges.Condition, number: String = "") -> DestinationRow {
            DestinationRow(
                ref: DestinationRef(node: node, id: name + number), name: name,
                terms: DestinationTerms(tls: "opportunistic"), condition: condition, connectionLimit: 20)
        }
        var failing = row("mx.example.org:25", .backoff)
        failing.reason = "connection refused"
        failing.lastReply = "connection refused"
        failing.until = Self.now.adding(milliseconds: 120_000)
        failing.failures = 3
        failing.recipients = RecipientCounts([.active: 1, .deferred: 1, .hold: 1])
        failing.oldest = Self.now.adding(milliseconds: -18_000_000)
        failing.window = 2
        failing.otherHosts = ["mx2.example.org:25"]
        var other = row("mx.example.org:25", .ok, number: "#2")
        other.terms = DestinationTerms(
            tls: "verified", user: "relay", rate: .init(messages: 100, milliseconds: 3_600_000))
        other.connections = 2
        other.connectionLimit = 2
        other.isLimited = true
        other.window = 5
        other.recipients = RecipientCounts([.queued: 40])
        other.oldest = Self.now.adding(milliseconds: -61_000)
        other.remaining = 1_440_000
        var suspended = row("corp.example", .suspended)
        suspended.by = "ops"
        suspended.reason = "a new disk"
        suspended.until = Self.now.adding(milliseconds: 5_400_000)
        suspended.recipients = RecipientCounts([.queued: 1904])
        suspended.oldest = Self.now.adding(milliseconds: -300_000)
        var slow = row("example.net", .deferring)
        slow.recipients = RecipientCounts([.deferred: 8410, .queued: 12])
        slow.oldest = Self.now.adding(milliseconds: -86_400_000)
        slow.connections = 1
        slow.lastReply = "421 4.7.0 \u{202E}slow down"
        slow.reason = slow.lastReply
        var unrouted = row(noRoute, .unrouted)
        unrouted.terms = nil
        unrouted.connectionLimit = 0
        unrouted.reason = "example.test"
        unrouted.recipients = RecipientCounts([.queued: 7])
        return [failing, other, suspended, slow, unrouted, row("smarthost.example:587", .ok)]
    }
}
