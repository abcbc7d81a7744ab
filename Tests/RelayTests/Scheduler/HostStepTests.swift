import SMTP
import Testing

@testable import Relay

/// One round through a list of hosts: `host, then host host: outcome | outcome`, one line for each attempt at its first recipient's
/// mail, and what each recipient has passed then.
@Suite("a step in the list of hosts of a next hop")
struct HostStepTests {
    @Test("what is put off passes the host, what is settled passes nothing")
    func passes() {
        Self.expect(
            """
            a, then b c: 450 greylisted | 250 Ok | 550 no
              goes on: past a | past none | past none
            b, then c: 451 later
              goes on: past a b
            """)
    }

    @Test("at the last host the round is over, and the next one begins at the first")
    func lastHost() {
        Self.expect(
            """
            a, then b: 450 busy
              goes on: past a
            b: 450 busy
              ends, as the site has answered: past none
            """)
    }

    @Test("hosts that broke, or ended the session, say nothing of the site; one that answered does")
    func broken() {
        Self.expect(
            """
            a, then b c d: lost
              goes on: past a
            b, then c d: 421 closing
              goes on: past a b
            c, then d: 450 busy
              goes on: past a b c
            d: lost
              ends, as the site has answered: past none
            """)
        Self.expect(
            """
            a, then b: lost
              goes on: past a
            b: lost
              ends: past none
            """)
    }

    @Test("what broke behind the final dot is tried at no other host, which would send it twice")
    func behindTheDot() {
        Self.expect(
            """
            a, then b: lost behind the dot
              ends: past none
            """)
    }

    @Test("recipients beyond what a transaction takes stay where they are in the list")
    func beyondLimit() {
        Self.expect(
            """
            a, then b c: 450 busy
              goes on: past a
            b, then c: 450 busy | too many
              goes on: past a b | past a
            """)
    }

    @Test("five hosts are tried in a round")
    func limit() {
        Self.expect(
            """
            a, then b c d e f: 450 busy
              goes on: past a
            b, then c d e f: 450 busy
              goes on: past a b
            c, then d e f: 450 busy
              goes on: past a b c
            d, then e f: 450 busy
              goes on: past a b c d
            e, then f: 450 busy
              ends, as the site has answered: past none
            """)
    }

    @Test("a suspended host is no host to go on to")
    func suspended() {
        var orders = DestinationOrders()
        orders.suspensions["b:25"] = Suspension(by: "ops")
        Self.expect(
            """
            a, then b: 450 busy
              ends: past none
            a, then b c: 450 busy
              goes on: past a
            """, orders: orders)
    }

    @Test("an attempt that told nothing of its recipients begins the list anew")
    func noOutcomes() {
        Self.expect(
            """
            a, then b: 450 busy
              goes on: past a
            b, then c: unreachable
              ends, as the site has answered: past none
            """)
    }

    // MARK: notation

    private static func expect(
        _ text: String, orders: DestinationOrders = DestinationOrders(),
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var passed: PassedHosts?
        var lines: [String] = []
        for line in text.split(separator: "\n").map(String.init) where !line.hasPrefix(" ") {
            let result = Self.result(line)
            let step = HostStep(from: passed, by: result, orders: orders)
            #expect(step.isFirst == (passed == nil), sourceLocation: sourceLocation)
            var recipients: [ClientSession.Outcome?] = [nil]
            if case .outcomes(let outcomes) = result.verdict { recipients = outcomes }
            let after = recipients.map { step.passed(with: $0) }
            let end = step.siteHasAnswered ? "ends, as the site has answered" : "ends"
            lines.append(line)
            let words = after.map { "past \(Self.names($0))" }.joined(separator: " | ")
            lines.append("  \(step.goesOn ? "goes on" : end): \(words)")
            passed = after[0]
        }
        #expect(lines.joined(separator: "\n") == text, sourceLocation: sourceLocation)
    }

    private static func names(_ passed: PassedHosts?) -> String {
        passed?.hosts.map(\.host).sorted().joined(separator: " ") ?? "none"
    }

    private static func result(_ line: String) -> JobResult {
        let parts = line.split(separator: ":", maxSplits: 1)
        let hosts = parts[0].split { $0 == " " || $0 == "," }.filter { $0 != "then" }
            .map { SocketEndpoint(host: String($0), port: 25) }
        let words = parts[1].split(separator: "|").map { String($0).trimmed }
        let verdict: JobResult.Verdict =
            words == ["unreachable"] ? .unreachable("timed out") : .outcomes(words.map(Self.outcome))
        return JobResult(
            job: 1, verdict: verdict, host: hosts[0], session: nil, milliseconds: 1, tried: [hosts[0]],
            untried: Array(hosts.dropFirst()))
    }

    private static func outcome(_ words: String) -> ClientSession.Outcome {
        switch words {
        case "lost": return .deferred(.connectionLost(.content))
        case "lost behind the dot": return .deferred(.connectionLost(.finalReply))
        case "too many": return .deferred(.beyondLimit(.recipients, 1))
        default:
            let reply = Reply(ReplyCode(rawValue: UInt16(words.prefix(3)) ?? 0), nil, String(words.dropFirst(4)))
            if reply.code.isPositive { return .relayed(reply, dsn: false) }
            return words.hasPrefix("5") ? .bounced(reply) : .deferred(.reply(reply))
        }
    }
}

extension String {
    fileprivate var trimmed: String { String(self.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
}
