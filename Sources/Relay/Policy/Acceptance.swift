import Mail
import Monitor
import SMTP
import Spool

/// What policy makes of mail that is taken in: the message as the queue keeps it, and what is to be told of that.
struct Acceptance: Sendable {
    private(set) var message: SpooledMessage
    /// Who has recipients of it on hold from the start; `nil`: nobody.
    private(set) var heldBy: String?
    /// For the transcript.
    private(set) var remarks: [String] = []

    /// - Parameters:
    ///   - mail: as its content came in.
    ///   - arrival: how it came to us.
    ///   - release: until when its client wants it held back (RFC 4865).
    init(
        _ mail: IncomingMail, from peer: Peer, arrival: Arrival, release: MailParameters.FutureRelease?,
        by admission: Admission, _ rules: StandingRules, at arrived: Timestamp
    ) {
        let envelope = mail.envelope
        var recipients = Self.recipients(
            of: envelope, from: peer, heldBackUntil: release.map { Self.time(of: $0, arrived) }, by: admission,
            at: arrived)
        if recipients.count < envelope.recipients.count {
            self.remarks.append("recipients named twice: \(envelope.recipients.count - recipients.count)")
        }
        if let hold = mail.hold {
            for place in recipients.indices { recipients[place].comesInOnHold(hold.reason, at: arrived) }
        }
        let reversePath = admission.queued(envelope.reversePath, from: peer)
        if reversePath != envelope.reversePath || envelope.recipients.contains(where: Self.isRouted) {
            self.remarks.append("source route: \(admission.configuration.sourceRoutes.rawValue)")
        }
        self.message = SpooledMessage(
            id: mail.id, generation: 0, arrived: arrived, reversePath: reversePath, parameters: envelope.parameters,
            arrival: arrival, contentOctets: mail.octets, recipients: recipients)
        // What a filter holds is held by no rule, whose end would release it.
        let holder = rules.hold(&self.message, at: arrived)
        if let holder { self.remarks.append("on hold by a rule of \(holder)") }
        self.heldBy = mail.hold?.by ?? holder
    }

    /// When mail that the client wants held back goes out.
    private static func time(of release: MailParameters.FutureRelease, _ now: Timestamp) -> Timestamp {
        switch release {
        case .after(let seconds): now.adding(milliseconds: Int64(seconds) * 1000)
        case .at(let milliseconds): Timestamp(milliseconds: max(milliseconds, now.milliseconds))
        }
    }

    /// Recipients as the queue keeps them. One named twice gets one copy, on the terms that were given first; whether two paths
    /// are one shows only when policy has rewritten them.
    private static func recipients(
        of envelope: Envelope, from peer: Peer, heldBackUntil release: Timestamp?, by admission: Admission,
        at arrived: Timestamp
    ) -> [SpooledRecipient] {
        var recipients: [SpooledRecipient] = []
        recipients.reserveCapacity(envelope.recipients.count)
        // A set costs more than a single recipient, and most messages have no more.
        let isOnlyOne = envelope.recipients.count == 1
        var known = Set<ForwardPath>(minimumCapacity: isOnlyOne ? 0 : envelope.recipients.count)
        for recipient in envelope.recipients {
            let queued = admission.queued(recipient.forwardPath, from: peer, at: arrived)
            guard isOnlyOne || known.insert(self.knownAs(queued.path)).inserted else { continue }
            var spooled = SpooledRecipient(
                index: recipients.count, forwardPath: queued.path, parameters: recipient.parameters,
                moved: queued.moved, due: arrived)
            if let release { spooled.heldBack(until: release, from: arrived) }
            recipients.append(spooled)
        }
        return recipients
    }

    /// The path with its domain as DNS knows it: beyond ASCII a name has two spellings (RFC 5890 §2.3.2.1).
    private static func knownAs(_ path: ForwardPath) -> ForwardPath {
        guard !path.isASCII, case .path(var known) = path else { return path }
        known.mailbox.domain = DomainName.ascii(known.mailbox.domain.text).map { Domain($0) } ?? known.mailbox.domain
        return .path(known)
    }

    private static func isRouted(_ given: Envelope.Recipient) -> Bool {
        guard case .path(let path) = given.forwardPath else { return false }
        return !path.route.isEmpty
    }
}

extension SpooledRecipient {
    /// The sender wants it to wait, which counts neither to retry nor to expiry.
    fileprivate mutating func heldBack(until release: Timestamp, from now: Timestamp) {
        guard release > now else { return }
        self.putOff(to: release, at: now)
        self.lastReply = "held back until \(release.rfc5322), as the sender asked (FUTURERELEASE)"
    }
}
