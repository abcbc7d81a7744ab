import Logging
import Mail
import NIOCore
import NIOPosix
import SMTP
import Spool
import SpoolTesting
import Testing

@testable import Relay

@Suite("what a sender is told")
struct ReportTests {
    private let now = Timestamp(milliseconds: 1_800_000_000_000)
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    /// The one report on what became of a message's recipient.
    private func report(
        on outcome: Settlement.Outcome, of content: String = "Subject: hi\r\n\r\nhello\r\n",
        _ parameters: [Parameter] = [], from sender: String = "<ann@a.example>",
        before: (reply: String, by: ReplyAuthor, host: String)? = nil
    ) async throws -> (content: String, octets: [UInt8], message: SpooledMessage) {
        let spool = try MemorySpool()
        var recipient = SpooledRecipient(
            index: 0, forwardPath: try ForwardPath(parsing: "<bob@b.example>"), due: self.now)
        recipient.lastReply = before?.reply
        recipient.lastSaidBy = before?.by
        recipient.nextHop = before?.host
        let message = SpooledMessage(
            id: spool.nextID(at: self.now), arrived: self.now,
            reversePath: try ReversePath(parsing: sender, utf8: true), parameters: parameters,
            arrival: Arrival(with: "ESMTP"), contentOctets: content.utf8.count, recipients: [recipient])
        try await spool.accept(
            NewMessage(message, content: .buffer(ByteBuffer(string: content))), expectingMore: false, on: self.loop
        ).get()
        let writer = ReportWriter(
            spool: spool, rules: StandingRules(), clock: .system, loop: self.loop,
            log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "")
        let reports = try await writer.reports(on: [outcome], of: message.id, configuration).get()
        let report = try #require(reports.first)
        guard reports.count == 1, case .buffer(let buffer) = report.content else {
            throw SpoolError(.damaged, "\(reports.count) reports")
        }
        return (String(buffer: buffer), Array(buffer.readableBytesView), report.message)
    }

    private func bounced(_ reply: String, by author: ReplyAuthor?, at host: String? = "mx.b.example:25")
        -> Settlement.Outcome
    {
        Settlement.Outcome(index: 0, generation: 0, state: .bounced, nextHop: host, reply: reply, saidBy: author)
    }

    @Test("of many recipients that bounce in one transaction each is in a report, a hundred in each")
    func many() async throws {
        let spool = try MemorySpool()
        let message = SpooledMessage(
            id: spool.nextID(at: self.now), arrived: self.now,
            reversePath: try ReversePath(parsing: "<ann@a.example>", utf8: true),
            arrival: Arrival(with: "ESMTP"), contentOctets: 2,
            recipients: try (0..<250).map {
                SpooledRecipient(index: $0, forwardPath: try ForwardPath(parsing: "<u\($0)@b.example>"), due: self.now)
            })
        try await spool.accept(
            NewMessage(message, content: .buffer(ByteBuffer(string: "hi"))), expectingMore: false, on: self.loop
        ).get()
        let writer = ReportWriter(
            spool: spool, rules: StandingRules(), clock: .system, loop: self.loop,
            log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let outcomes = (0..<250).map {
            Settlement.Outcome(index: $0, generation: 0, state: .bounced, reply: "550 no such user")
        }
        let configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "")
        let reports = try await writer.reports(on: outcomes, of: message.id, configuration).get()
        let told = reports.map { report -> [String] in
            guard case .buffer(let buffer) = report.content else { return [] }
            return String(buffer: buffer).split(separator: "\r\n").map(String.init)
                .filter { $0.hasPrefix("Final-Recipient:") }
        }
        #expect(told.map(\.count) == [100, 100, 50])
        #expect(Set(told.joined()).count == 250)
    }

    // MARK: who said it

    @Test("a reply of the next hop is told as its own, with its status")
    func reply() async throws {
        let report = try await self.report(on: self.bounced("550 5.1.1 no such user", by: .nextHop)).content
        #expect(report.contains("\r\n    mx.b.example:25 said: 550 5.1.1 no such user\r\n"))
        #expect(
            report.contains("\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.b.example\r\nDiagnostic-Code: smtp; 550 5.1.1 "))
    }

    @Test(
        "what the relay found out by itself is no host's word (RFC 3464 §2.3.6)", arguments: [ReplyAuthor.relay, nil])
    func unasked(_ author: ReplyAuthor?) async throws {
        let outcome = self.bounced("554 5.6.3 mx.b.example does not take 8-bit content", by: author)
        let report = try await self.report(on: outcome).content
        #expect(report.contains("\r\n    554 5.6.3 mx.b.example does not take 8-bit content\r\n"))
        #expect(report.contains("\r\nStatus: 5.6.3\r\nDiagnostic-Code: X-Hoptop; 554 5.6.3 "))
        #expect(!report.contains("Remote-MTA"))
    }

    @Test(
        "who gives up tells what was said last, as the word of whoever said it",
        arguments: [ReplyAuthor.nextHop, .relay])
    func last(_ author: ReplyAuthor) async throws {
        let outcome = Settlement.Outcome(
            index: 0, generation: 0, state: .expired, countsAsTry: false, reply: "451 4.7.1 greylisted")
        let report = try await self.report(on: outcome, before: ("451 4.7.1 greylisted", author, "mx.b.example:25"))
            .content
        #expect(report.contains("\r\nStatus: 5.4.7\r\n"))
        #expect(report.contains("said: ") == (author == .nextHop))
        #expect(report.contains("Remote-MTA: dns; mx.b.example\r\n") == (author == .nextHop))
        #expect(
            report.contains("Diagnostic-Code: \(author == .nextHop ? "smtp" : "X-Hoptop"); 451 4.7.1 greylisted\r\n"))
    }

    // MARK: what is for the sender

    @Test("a sender is given no advice that is the operator's, and no operator's name")
    func discreet() async throws {
        var outcome = Settlement.Outcome(
            index: 0, generation: 0, state: .queued, countsAsTry: false, reply: RouteTable.missingRoute("b.example"),
            delayNoticed: true)
        outcome.notice = .noRoute("b.example")
        for (state, isDelay, status) in [(RecipientState.queued, true, "4.4.4"), (.expired, false, "5.4.4")] {
            outcome.state = state
            outcome.delayNoticed = isDelay
            let report = try await self.report(on: outcome).content
            #expect(report.contains("\r\n    mail for b.example cannot be sent from here\r\n"))
            #expect(report.contains("\r\nStatus: \(status)\r\nDiagnostic-Code: X-Hoptop; mail for b.example cannot"))
            #expect(!report.contains("[[route]]"))
        }
        outcome.notice = .suspended
        outcome.reply = "suspended by root: they are down"
        let suspended = try await self.report(on: outcome).content
        #expect(!suspended.contains("root") && !suspended.contains("they are down"))
        #expect(suspended.contains("mail for this domain was kept back until its time was over"))
        // The time that the sender set is why it is over.
        outcome.notice = .late("time is over", .noRoute("b.example"))
        let late = try await self.report(on: outcome).content
        #expect(
            late.contains(
                "\r\nStatus: 5.4.7\r\nDiagnostic-Code: X-Hoptop; time is over; mail for b.example cannot be sent"))
    }

    // MARK: how it goes

    @Test("a report on mail with REQUIRETLS has it too (RFC 8689 §5)", arguments: [true, false])
    func requireTLS(_ isRequired: Bool) async throws {
        let parameters = isRequired ? [Parameter("REQUIRETLS")] : []
        let report = try await self.report(on: self.bounced("550 no", by: .nextHop), parameters)
        #expect(report.message.parameters == parameters)
        let full = try await self.report(
            on: self.bounced("550 no", by: .nextHop), of: "Subject: hi\r\n\r\nsecret\r\n",
            parameters + [Parameter("RET", "FULL")])
        #expect(full.content.contains("secret") == !isRequired)
        #expect(full.content.contains("Subject: hi\r\n"))
    }

    // MARK: what comes back

    @Test("RET=FULL returns 8-bit mail as it came, also where its header is 8-bit")
    func full() async throws {
        let content = "Subject: grün\r\nFrom: ann@a.example\r\n\r\nschöne Grüße\r\n"
        let parameters = [Parameter("BODY", "8BITMIME"), Parameter("RET", "FULL")]
        let report = try await self.report(on: self.bounced("550 no", by: .nextHop), of: content, parameters)
        #expect(
            report.content.contains("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\(content)")
        )
        #expect(report.message.parameters == [Parameter("BODY", "8BITMIME")])
        let global = try await self.report(
            on: self.bounced("550 no", by: .nextHop), of: content, parameters + [Parameter("SMTPUTF8")],
            from: "<jörg@a.example>")
        #expect(
            global.content.contains("Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\(content)")
        )
        #expect(global.message.parameters == [Parameter("BODY", "8BITMIME"), Parameter("SMTPUTF8")])
    }

    @Test("what no hop without 8BITMIME could be given comes back as its header, so that the report is not lost there")
    func signed() async throws {
        let content =
            "Content-Type: multipart/signed; boundary=b; protocol=\"application/pgp-signature\"\r\n\r\n--b\r\n"
            + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nschön\r\n--b--\r\n"
        let parameters = [Parameter("BODY", "8BITMIME"), Parameter("RET", "FULL")]
        let report = try await self.report(on: self.bounced("550 no", by: .nextHop), of: content, parameters)
        #expect(report.content.contains("Content-Type: text/rfc822-headers\r\n\r\nContent-Type: multipart/signed;"))
        #expect(report.message.parameters.isEmpty)
    }

    @Test("a header comes back octet for octet, and the report says that it is 8-bit")
    func header() async throws {
        let report = try await self.report(
            on: self.bounced("550 no", by: .nextHop), of: "Subject: grün\r\n\r\nhello\r\n")
        #expect(
            report.content.contains(
                "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: grün\r\n\r\n--"))
        #expect(report.message.parameters == [Parameter("BODY", "8BITMIME")])
        let plain = try await self.report(on: self.bounced("550 no", by: .nextHop))
        #expect(plain.message.parameters.isEmpty && plain.octets.allSatisfy { $0 < 0x80 })
    }
}
