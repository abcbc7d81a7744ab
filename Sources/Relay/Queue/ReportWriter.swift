import Logging
import Mail
import NIOCore
import SMTP
import Spool

/// Tells senders (RFC 3464) of a bounce or an expiry, and of a long delay. A report is settled in one transaction with what
/// it reports.
struct ReportWriter: Sendable {
    private static let headerOctets = 32 << 10
    /// A message that is larger comes back with its header only, whatever RET says, so that the report stays small
    /// enough for the spool's transaction.
    private static let returnedOctets = 64 << 10

    let spool: any Spool
    let rules: StandingRules
    let clock: Clock
    let loop: any EventLoop
    let log: Logger

    /// - Returns: reports for each kind of news that the sender wants, one for up to a hundred recipients; none where there is
    ///   nobody to tell: a null reverse-path is never answered (RFC 5321 §4.5.5).
    func reports(
        on outcomes: [Settlement.Outcome], of id: QueueID, _ configuration: RelayConfiguration
    ) -> EventLoopFuture<[NewMessage]> {
        let news = outcomes.filter { $0.news != nil }
        guard !news.isEmpty else { return self.loop.makeSucceededFuture([]) }
        return self.loop.makeFutureWithTask {
            guard let message = try await self.spool.message(id), case .path(let sender) = message.reversePath else {
                return []
            }
            let wanted = news.filter { message.wantsToKnow($0) }
            guard !wanted.isEmpty else { return [] }
            let parameters = (try? MailParameters(message.parameters)) ?? MailParameters()
            // Of what was to go under TLS only the header returns, whatever RET says (RFC 8689 §5).
            let wantsWhole = parameters.return == .full && !message.isForTLSOnly
            let beginning = try await self.beginning(of: message, isWhole: wantsWhole)
            let isWhole =
                wantsWhole && beginning.readableBytes == message.contentOctets && Self.travels(beginning)
            return [DeliveryStatusNotification.Action.failed, .delayed, .relayed].flatMap { action in
                let told = wanted.filter { $0.news == action }
                // Only a failure returns content (RFC 3461 §4.3).
                let returned: DeliveryStatusNotification.Returned =
                    action == .failed && isWhole
                    ? .full(beginning) : .header(Array(MessageHeader(beginning).headerOctets))
                // One transaction may have had more recipients than a report has.
                return stride(from: 0, to: told.count, by: Scheduler.recipientsInReport).map { start in
                    self.report(
                        on: told[start...].prefix(Scheduler.recipientsInReport), of: message, parameters, configuration,
                        to: sender, returned: returned)
                }
            }
        }
    }

    /// Whether content can be a part of a report as it is: binary content cannot, nor what a hop without 8BITMIME could not be
    /// given at all, such as 8-bit content under a signature. A report bounces to nobody, so it would be lost there.
    private static func travels(_ content: ByteBuffer) -> Bool {
        var survey = ContentSurvey()
        survey.receive(content)
        survey.finish()
        var inspection = SevenBitInspection()
        inspection.receive(content)
        return switch inspection.finish() {
        case .impossible(.signed), .impossible(.malformed), .impossible(.tooManyParts): false
        case .impossible(.header), .possible, .unneeded: !survey.isBinary
        }
    }

    /// A report without the original's header is better than none; but one that waits until the store is back has it.
    private func beginning(of message: SpooledMessage, isWhole: Bool) async throws -> ByteBuffer {
        let isSmall = message.contentOctets <= Self.returnedOctets
        let count = isWhole && isSmall ? message.contentOctets : Self.headerOctets
        do {
            return try await self.spool.content(of: message.id, on: self.loop)
                .flatMap { $0.read(from: 0, count: count, on: self.loop) }.get()
        } catch let error as SpoolError where error.isAway {
            throw error
        } catch {
            self.log.warning(
                "a report goes without the header", metadata: ["message": "\(message.id)", "error": "\(error)"])
            return ByteBuffer()
        }
    }

    private func report(
        on outcomes: ArraySlice<Settlement.Outcome>, of message: SpooledMessage, _ parameters: MailParameters,
        _ configuration: RelayConfiguration, to sender: Path, returned: DeliveryStatusNotification.Returned
    ) -> NewMessage {
        let now = self.clock.now()
        let id = self.spool.nextID(at: now)
        let recipients = outcomes.compactMap { outcome in
            message.recipients.first { $0.index == outcome.index }.map { ($0, outcome) }
        }
        var routes = RouteTable(configuration.routes)
        let giveUp = recipients.map { recipient, _ in
            let domain = RouteTable.routedDomain(of: recipient.forwardPath, hostname: configuration.hostname)
            return configuration.retry.changed(by: routes.nextHop(for: domain)?.retry ?? RouteRetry()).giveUp
        }.min()
        let notification = DeliveryStatusNotification(
            hostname: configuration.hostname, id: id, now: now, sender: sender.mailbox.description,
            original: message.id, arrived: message.arrived, envelopeID: parameters.envelopeID,
            receivedFrom: message.arrival.hello, recipients: recipients.map { self.reported($0, $1, at: now) },
            retriedUntil: message.arrived.adding(milliseconds: giveUp ?? configuration.retry.giveUp),
            returned: returned,
            isInternational: !sender.isASCII)
        let content = notification.content
        // A bounce returns along the reverse-path (RFC 821 §3.6), where source routes are walked at all.
        let path = Path(
            route: configuration.sourceRoutes == .honor ? sender.route : [], mailbox: sender.mailbox)
        var mail: [Parameter] = []
        if notification.isEightBit { mail.append(Parameter("BODY", "8BITMIME")) }
        if notification.isInternational { mail.append(Parameter("SMTPUTF8")) }
        // A report tells of what it is about, so it goes as safely where that is possible (RFC 8689 §5).
        if message.isForTLSOnly { mail.append(Parameter("REQUIRETLS")) }
        var report = SpooledMessage(
            id: id, arrived: now, reversePath: .null, parameters: mail, arrival: .report,
            contentOctets: content.readableBytes,
            recipients: [SpooledRecipient(index: 0, forwardPath: .path(path), due: now)])
        let holder = self.rules.hold(&report, at: now)
        return NewMessage(report, content: .buffer(content), heldBy: holder)
    }

    private func reported(
        _ recipient: SpooledRecipient, _ outcome: Settlement.Outcome, at now: Timestamp
    ) -> DeliveryStatusNotification.Recipient {
        let mailbox =
            switch outcome.forwardPath ?? recipient.forwardPath {
            case .postmaster: "postmaster"
            case .path(let path): path.mailbox.description
            }
        let code = outcome.reply.flatMap(Self.statusCode)
        // What we found out by ourselves no remote host is named for (RFC 3464 §2.3.5, §2.3.6).
        let isReply = outcome.notice == nil && outcome.author(after: recipient) == .nextHop
        let action = outcome.news ?? .failed
        let status: String =
            switch (action, outcome.notice) {
            case (.delayed, .noRoute): "4.4.4"
            case (.failed, .noRoute): "5.4.4"
            case (.delayed, _): "4.4.7"
            case (.relayed, _): code ?? "2.0.0"
            // An expiry is a permanent failure whatever the last reply was (RFC 3463 §3.5: delivery time expired).
            case (.failed, _): outcome.state == .expired ? "5.4.7" : code ?? "5.0.0"
            }
        return DeliveryStatusNotification.Recipient(
            mailbox: mailbox, action: action, status: status,
            remoteMTA: isReply ? outcome.nextHop ?? recipient.nextHop : nil,
            diagnostic: outcome.notice?.words(action) ?? outcome.reply ?? recipient.lastReply,
            isReply: isReply, original: (try? RecipientParameters(recipient.parameters))?.originalRecipient,
            lastAttempt: outcome.countsAsTry ? now : nil)
    }

    /// The enhanced status code of a reply in words, the other side's or ours, or the general one of its class; `nil` when
    /// it has no code.
    private static func statusCode(_ text: String) -> String? {
        let words = text.split(separator: " ", maxSplits: 2)
        guard let code = words.first.flatMap({ Int($0) }), (200..<600).contains(code) else { return nil }
        let enhanced = words.count > 1 ? words[1].split(separator: ".").compactMap { Int($0) } : []
        return enhanced.count == 3 ? String(words[1]) : "\(code / 100).0.0"
    }
}

extension Settlement.Notice {
    fileprivate func words(_ action: DeliveryStatusNotification.Action) -> String {
        switch self {
        case .noRoute(let domain): "mail for \(domain) cannot be sent from here"
        case .suspended where action == .failed: "mail for this domain was kept back until its time was over"
        case .suspended: "mail for this domain is kept back for now"
        case .late(let why, let notice): "\(why); \(notice.words(action))"
        }
    }
}

extension Settlement.Outcome {
    /// What a sender may want to be told; `nil`: nothing that reports are made of.
    var news: DeliveryStatusNotification.Action? {
        if self.delayNoticed { return .delayed }
        if self.relayNoticed { return .relayed }
        switch self.state {
        case .bounced, .expired: return .failed
        case .queued, .active, .deferred, .hold, .relayed, .dropped: return nil
        }
    }
}

extension SpooledMessage {
    fileprivate var isForTLSOnly: Bool { self.parameters.contains { $0.keyword == "REQUIRETLS" } }

    /// Whether NOTIFY asks for these news (RFC 3461 §4.1): without it, failures and delays are told.
    fileprivate func wantsToKnow(_ outcome: Settlement.Outcome) -> Bool {
        guard let recipient = self.recipients.first(where: { $0.index == outcome.index }) else { return false }
        let notify = (try? RecipientParameters(recipient.parameters))?.notify ?? [.failure, .delay]
        return switch outcome.news {
        case .failed: notify.contains(.failure)
        case .delayed: notify.contains(.delay)
        case .relayed: notify.contains(.success)
        case nil: false
        }
    }
}

extension SpooledRecipient {
    /// NOTIFY=SUCCESS (RFC 3461 §4.1).
    var wantsSuccess: Bool {
        !self.parameters.isEmpty && (try? RecipientParameters(self.parameters))?.notify?.contains(.success) == true
    }
}
