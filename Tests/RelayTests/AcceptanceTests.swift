import Mail
import Monitor
import NIOCore
import SMTP
import Spool
import Testing

@testable import Relay

@Suite("mail that is taken in, as the queue keeps it")
struct AcceptanceTests {
    private static let now = Timestamp(milliseconds: 1_800_000_000_000)

    @Test("a recipient named twice gets one copy, on the terms that were given first")
    func namedTwice() throws {
        try Self.expect(
            """
            from <s@c.example> to <a@x.example> <b@x.example> <a@X.example>
              from <s@c.example>
              <a@x.example> queued
              <b@x.example> queued
              recipients named twice: 1
            """)
    }

    @Test("a domain beyond ASCII is one, in either spelling")
    func internationalDomain() throws {
        try Self.expect(
            """
            from <> to <a@bücher.example> <a@xn--bcher-kva.example>
              from <>
              <a@bücher.example> queued
              recipients named twice: 1
            """)
    }

    @Test(
        "source routes are taken off, unless they are honoured",
        arguments: [RelayConfiguration.SourceRoutes.strip, .honor])
    func sourceRoutes(_ mode: RelayConfiguration.SourceRoutes) throws {
        let stripped = """
            from <@d.example:s@c.example> to <@mx.example.net,@p.example:u@z.example>
              from <s@c.example>
              <u@z.example> queued
              source route: strip
            """
        let honored = """
            from <@d.example:s@c.example> to <@mx.example.net,@p.example:u@z.example>
              from <@d.example:s@c.example>
              <@p.example:u@z.example> queued, moved
              source route: honor
            """
        try Self.expect(mode == .honor ? honored : stripped) { $0.sourceRoutes = mode }
    }

    @Test("what the sender wants held back waits, and what is past does not")
    func futureRelease() throws {
        try Self.expect(
            """
            from <s@c.example> to <a@x.example>
              from <s@c.example>
              <a@x.example> deferred for 60 s (held back until Fri, 15 Jan 2027 08:01:00 +0000, as the \
            sender asked (FUTURERELEASE))
            """, release: .after(seconds: 60))
        try Self.expect(
            """
            from <s@c.example> to <a@x.example>
              from <s@c.example>
              <a@x.example> queued
            """, release: .at(milliseconds: Self.now.milliseconds - 1))
    }

    @Test("a rule holds those that it is about, and says whose it is")
    func rule() throws {
        let rules = StandingRules()
        let terms = StandingRule.Terms(.hold(mail: .recipient(pattern: "x.example")))
        try rules.add(StandingRule(id: 1, terms, at: Self.now, by: "ops"))
        try Self.expect(
            """
            from <s@c.example> to <a@x.example> <b@y.example>
              from <s@c.example>
              <a@x.example> hold (rule 1 of ops)
              <b@y.example> queued
              on hold by a rule of ops
              held by ops
            """, rules: rules)
    }

    @Test("what a filter holds is the filter's, and no rule's")
    func filter() throws {
        let rules = StandingRules()
        let terms = StandingRule.Terms(.hold(mail: .recipient(pattern: "x.example")))
        try rules.add(StandingRule(id: 1, terms, at: Self.now, by: "ops"))
        try Self.expect(
            """
            from <s@c.example> to <a@x.example>
              from <s@c.example>
              <a@x.example> hold (virus)
              held by clamav
            """, hold: ("virus", "clamav"), rules: rules)
    }

    // MARK: notation

    private static func expect(
        _ text: String, release: MailParameters.FutureRelease? = nil, hold: (reason: String, by: String)? = nil,
        rules: StandingRules = StandingRules(), sourceLocation: SourceLocation = #_sourceLocation,
        _ change: (inout RelayConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "/nowhere")
        configuration.networks = Network.loopback
        change(&configuration)
        let admission = Admission(configuration: configuration, keyring: try Keyring(configuration))
        var peer = Peer()
        peer.address = try SocketAddress(ipAddress: "127.0.0.1", port: 40112)
        let words = text.prefix { $0 != "\n" }.split(separator: " ").map(String.init)
        var envelope = Envelope(reversePath: try ReversePath(parsing: words[1], utf8: true), parameters: [])
        envelope.recipients = try words.dropFirst(3).map {
            Envelope.Recipient(try ForwardPath(parsing: $0, utf8: true), parameters: [])
        }
        var mail = IncomingMail(
            id: QueueID(rawValue: 1), envelope: envelope, octets: 100, share: ContentMemory().share())
        mail.hold = hold
        let acceptance = Acceptance(
            mail, from: peer, arrival: Arrival(with: "ESMTP"), release: release, by: admission, rules, at: self.now)
        var lines = [words.joined(separator: " "), "  from \(acceptance.message.reversePath)"]
        lines += acceptance.message.recipients.map { "  \(self.words(for: $0))" }
        lines += acceptance.remarks.map { "  \($0)" }
        if let holder = acceptance.heldBy { lines.append("  held by \(holder)") }
        #expect(lines.joined(separator: "\n") == text, sourceLocation: sourceLocation)
    }

    private static func words(for recipient: SpooledRecipient) -> String {
        var words = "\(recipient.forwardPath) \(recipient.state.word)"
        if recipient.state == .deferred { words += " for \(recipient.due.since(self.now) / 1000) s" }
        if recipient.moved { words += ", moved" }
        if let reply = recipient.lastReply { words += " (\(reply))" }
        return words
    }
}
