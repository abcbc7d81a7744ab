import Mail
import Monitor
import NIOCore
import SMTP
import Spool

/// Mail data on its way from the machine into the spool.
extension ServerHandler {
    func beginContent(_ envelope: Envelope, _ context: ChannelHandlerContext) {
        let id = self.filters?.announcedID.take() ?? self.reception.spool.nextID(at: self.now)
        let client = self.session.introduction()
        let trace = TraceField.received(
            hello: client.hello, peer: self.peer.client, user: self.peer.user,
            hostname: self.admission.configuration.hostname, with: client.transferProtocol, tls: self.tls,
            id: id, recipient: envelope.recipients.count == 1 ? envelope.recipients[0].forwardPath.description : nil,
            at: self.now)
        let fields =
            self.listener.role == .submission
            ? SubmissionFields(hostname: self.admission.configuration.hostname, id: id, now: self.now) : nil
        self.writer = ContentWriter(
            id: id, traceField: trace, adding: fields, share: self.reception.memory.share(),
            allocator: context.channel.allocator)
        self.record?.update(at: self.now) { $0.message = id.description }
    }

    func store(_ chunk: ByteBuffer, _ context: ChannelHandlerContext) {
        if self.writer?.isFile == true,
            let refusal = self.reception.spoolWatch.refusal(ofPiece: chunk.readableBytes)
        {
            self.forgetContent()
            return self.session.storeFailed(refusal)
        }
        let waiting = self.writer?.append(
            chunk, spool: self.reception.spool, threads: self.reception.threads, on: context.eventLoop)
        guard let waiting else { return self.session.stored() }
        waiting.assumeIsolated().whenComplete { result in
            switch result {
            case .success: self.session.stored()
            case .failure(let error): self.storeFailed(error)
            }
            self.drain(context)
        }
    }

    private func storeFailed(_ error: any Error) {
        self.reception.spoolWatch.failed(error)
        self.forgetContent()
        self.session.storeFailed(SpoolWatch.refusal(after: error))
    }

    /// Content is complete, and is made durable, unless filters object to it; the 250 waits for it, and so does what was
    /// pipelined behind the dot.
    func commit(_ envelope: Envelope, _ context: ChannelHandlerContext) {
        guard var writer = self.writer else { preconditionFailure("content is committed before it began") }
        self.writer = nil
        writer.end()
        let inline = writer.inline()
        let mail = IncomingMail(id: writer.id, envelope: envelope, octets: writer.octets, share: writer.share)
        self.record?.said(.client, "[content: \(self.session.contentOctets) octets] .", at: self.now)
        if let filters = self.filters {
            let loop = context.eventLoop
            let content = inline.map { loop.makeSucceededFuture($0) } ?? self.finish(writer, on: loop)
            return self.filter(content, mail, traceOctets: writer.traceOctets, by: filters, context)
        }
        if let inline { return self.accept(mail, inline, context) }
        self.finish(writer, on: context.eventLoop).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let file): self.accept(mail, file, context)
            case .failure(let error): self.failed(mail, error, context)
            }
        }
    }

    /// A file that cannot be finished is discarded.
    private func finish(_ writer: ContentWriter, on loop: any EventLoop) -> EventLoopFuture<StoredContent> {
        guard let file = writer.finish(threads: self.reception.threads, on: loop) else {
            preconditionFailure("content is in memory or in a file")
        }
        let threads = self.reception.threads
        return file.flatMapErrorThrowing { error in
            writer.discard(threads: threads)
            throw error
        }
    }

    /// A message whose content is complete.
    struct IncomingMail: Sendable {
        let id: QueueID
        var envelope: Envelope
        /// Of the content, our trace field among them.
        var octets: Int
        /// Why its recipients are on hold from the start, and who wants that.
        var hold: (reason: String, by: String)?
        /// The memory for its content is in use as long as this is there.
        let share: ContentMemory.Share

        var confirmation: Reply { Reply(250, EnhancedStatusCode(2, 0, 0), "Ok: queued as \(self.id)") }
    }

    /// How what it brings comes to us.
    var arrival: Arrival {
        let client = self.session.introduction()
        return Arrival(
            peer: self.peer.text, hello: client.hello, with: client.transferProtocol,
            session: self.record?.ref.id, tls: self.tls, user: client.user)
    }

    /// Makes the message durable.
    func accept(_ mail: IncomingMail, _ content: StoredContent, _ context: ChannelHandlerContext) {
        let reception = self.reception
        let arrived = self.now
        let peer = self.peer
        let release = self.session.mailParameters?.futureRelease.map { Self.release($0, arrived) }
        var recipients = self.recipients(of: mail.envelope, heldBackUntil: release, at: arrived)
        if let hold = mail.hold {
            for place in recipients.indices { recipients[place].comesInOnHold(hold.reason, at: arrived) }
        }
        let reversePath = self.admission.queued(mail.envelope.reversePath, from: peer)
        if reversePath != mail.envelope.reversePath || mail.envelope.recipients.contains(where: Self.isRouted) {
            self.record?.said(
                .relay, "source route: \(self.admission.configuration.sourceRoutes.rawValue)", at: arrived)
        }
        var message = SpooledMessage(
            id: mail.id, generation: 0, arrived: arrived, reversePath: reversePath,
            parameters: mail.envelope.parameters, arrival: self.arrival, contentOctets: mail.octets,
            recipients: recipients)
        // What a filter holds is held by no rule, whose end would release it.
        let holder = reception.rules.hold(&message, at: arrived)
        if let holder { self.record?.said(.relay, "on hold by a rule of \(holder)", at: arrived) }
        self.countMail(isUnderWay: false)
        let begun = NIODeadline.now()
        reception.store(message, content, heldBy: mail.hold?.by ?? holder, on: context.eventLoop)
            .assumeIsolated().whenComplete { [message] result in
                switch result {
                case .success:
                    reception.measures.accepted(after: .now() - begun)
                    reception.accepted(message)
                    self.record?.update(at: self.now) { $0.messages += 1 }
                    self.finish(mail, mail.confirmation, context)
                case .failure(let error):
                    reception.discard(content)
                    self.failed(mail, error, context)
                }
            }
    }

    /// The spool did not take it.
    func failed(_ mail: IncomingMail, _ error: any Error, _ context: ChannelHandlerContext) {
        self.reception.spoolWatch.failed(error)
        self.finish(mail, SpoolWatch.refusal(after: error), context)
    }

    /// Whatever became of the message, the client is told.
    func finish(_ mail: IncomingMail, _ reply: Reply, _ context: ChannelHandlerContext) {
        self.record?.update(at: self.now) { $0.message = nil }
        self.session.committed(.all(reply))  // LMTP's recipients share one fate here (RFC 2033 §4.2).
        self.drain(context)
    }

    func forgetContent() {
        self.writer?.discard(threads: self.reception.threads)
        self.writer = nil
        self.record?.update(at: self.now) { $0.message = nil }
    }

    /// When mail that the client wants held back goes out (RFC 4865).
    private static func release(_ release: MailParameters.FutureRelease, _ now: Timestamp) -> Timestamp {
        switch release {
        case .after(let seconds): now.adding(milliseconds: Int64(seconds) * 1000)
        case .at(let milliseconds): Timestamp(milliseconds: max(milliseconds, now.milliseconds))
        }
    }

    /// Recipients as the queue keeps them. One named twice gets one copy, on the terms that were given first; whether two paths
    /// are one shows only when policy has rewritten them.
    private func recipients(
        of envelope: Envelope, heldBackUntil release: Timestamp?, at arrived: Timestamp
    ) -> [SpooledRecipient] {
        var recipients: [SpooledRecipient] = []
        recipients.reserveCapacity(envelope.recipients.count)
        // A set costs more than a single recipient, and most messages have no more.
        let isOnlyOne = envelope.recipients.count == 1
        var known = Set<ForwardPath>(minimumCapacity: isOnlyOne ? 0 : envelope.recipients.count)
        let (admission, peer) = (self.admission, self.peer)
        for recipient in envelope.recipients {
            let queued = admission.queued(recipient.forwardPath, from: peer, at: arrived)
            guard isOnlyOne || known.insert(Self.knownAs(queued.path)).inserted else { continue }
            var spooled = SpooledRecipient(
                index: recipients.count, forwardPath: queued.path, parameters: recipient.parameters,
                moved: queued.moved, due: arrived)
            if let release { spooled.heldBack(until: release, from: arrived) }
            recipients.append(spooled)
        }
        if recipients.count < envelope.recipients.count {
            let count = envelope.recipients.count - recipients.count
            self.record?.said(.relay, "recipients named twice: \(count)", at: arrived)
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
