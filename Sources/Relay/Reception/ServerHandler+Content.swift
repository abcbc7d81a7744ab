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
        let acceptance = Acceptance(
            mail, from: self.peer, arrival: self.arrival, release: self.session.mailParameters?.futureRelease,
            by: self.admission, reception.rules, at: arrived)
        for remark in acceptance.remarks { self.record?.said(.relay, remark, at: arrived) }
        self.countMail(isUnderWay: false)
        let begun = NIODeadline.now()
        reception.store(acceptance.message, content, heldBy: acceptance.heldBy, on: context.eventLoop)
            .assumeIsolated().whenComplete { result in
                switch result {
                case .success:
                    reception.measures.accepted(after: .now() - begun)
                    reception.accepted(acceptance.message)
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
}
