import Logging
import Mail
import Milter
import Monitor
import NIOCore
import SMTP
import Spool

/// The filters of a session, and what they are to know of it.
final class SessionFilters {
    let chain: MilterChain
    /// The address that the client connected to.
    let local: SocketAddress?
    /// Of the last login that was begun.
    var mechanism: String?
    /// Of the message whose MAIL they were told; without filters a message has none before its content.
    var announcedID: QueueID?
    /// An answer is awaited, and the client waits for us.
    var isAsked = false

    init(_ chain: MilterChain, local: SocketAddress?) {
        self.chain = chain
        self.local = local
    }
}

/// What filters are asked, and what they say.
extension ServerHandler {
    /// A step of the session that filters may object to, as the machine names it.
    enum FilteredStep {
        case connect
        case hello(String)
        case mail(ReversePath, [Parameter])
        case recipient(ForwardPath, [Parameter])
        case data(Envelope)

        fileprivate func step(of peer: Peer) -> MilterStep {
            switch self {
            case .connect: .connect(from: peer)
            case .hello(let name): .hello(name)
            case .mail(let path, let parameters): .mail(path.description, parameters.map(\.description))
            case .recipient(let path, let parameters): .recipient(path.description, parameters.map(\.description))
            case .data: .data
            }
        }
    }

    func makeFilters(_ context: ChannelHandlerContext) -> SessionFilters? {
        guard !self.admission.configuration.milters.isEmpty else { return nil }
        let milters = self.admission.milters(on: self.listener, from: self.peer)
        guard !milters.isEmpty else { return nil }
        let chain = MilterChain(
            milters, hostname: self.admission.configuration.hostname, on: context.eventLoop, log: self.reception.log)
        return SessionFilters(chain, local: context.localAddress)
    }

    func closeFilters() {
        guard let filters = self.filters.take() else { return }
        Task { [chain = filters.chain] in await chain.close() }
    }

    private func client(_ filters: SessionFilters) -> MilterChain.Client {
        MilterChain.Client(
            peer: self.peer, local: filters.local, role: self.listener.role, hello: self.session.client?.name,
            tls: self.tls, user: self.session.user, mechanism: filters.mechanism)
    }

    /// Policy has spoken. Where it accepts, filters have their say; the client waits meanwhile.
    func decided(
        _ verdict: ServerSession.Verdict, unlessFiltersObjectTo step: @autoclosure () -> FilteredStep,
        _ context: ChannelHandlerContext
    ) {
        guard let filters = self.filters, case .accept = verdict else { return self.session.decided(verdict) }
        let step = step()
        if case .mail = step { filters.announcedID = self.reception.spool.nextID(at: self.now) }
        filters.isAsked = true
        let promise = context.eventLoop.makePromise(of: MilterChain.Verdict.self)
        let (client, told, id) = (self.client(filters), step.step(of: self.peer), filters.announcedID)
        promise.completeWithTask { [chain = filters.chain] in await chain.tell(told, of: client, id: id) }
        promise.futureResult.assumeIsolated().whenSuccess { filtered in
            filters.isAsked = false
            for remark in filtered.remarks { self.record?.said(.relay, remark, at: self.now) }
            switch filtered.answer {
            case .goOn:
                if case .data(let envelope) = step, context.channel.isActive { self.beginContent(envelope, context) }
                self.session.decided(.accept)
            case .refuse(let reply): self.session.decided(.refuse(reply))
            case .disconnect(let reply): self.session.decided(.disconnect(reply))
            }
            self.drain(context)
        }
    }

    /// Content is complete, and filters see it before it is made durable.
    ///
    /// - Parameter content: as it came in.
    func filter(
        _ content: EventLoopFuture<StoredContent>, _ mail: IncomingMail, traceOctets: Int, by filters: SessionFilters,
        _ context: ChannelHandlerContext
    ) {
        let reception = self.reception
        let place = FilteredContent.Place(
            id: mail.id, spool: reception.spool, threads: reception.threads,
            bodyLimit: self.admission.configuration.limits.messageOctets)
        filters.isAsked = true
        let loop = context.eventLoop
        let chain = filters.chain
        let filtered = content.flatMap { content in
            let promise = loop.makePromise(of: MilterChain.Outcome.self)
            promise.completeWithTask {
                do {
                    return try await chain.filter(
                        content, traceOctets: traceOctets, octets: mail.octets, envelope: mail.envelope, in: place)
                } catch {
                    reception.discard(content)
                    throw error
                }
            }
            return promise.futureResult
        }
        filtered.assumeIsolated().whenComplete { result in
            filters.isAsked = false
            switch result {
            case .success(let outcome): self.filtered(mail, outcome, context)
            case .failure(is FilteredContent.HeaderTooLarge):
                self.finish(mail, Reply(552, "5.3.4", "The header is larger than filters take"), context)
            case .failure(let error): self.failed(mail, error, context)
            }
        }
    }

    private func filtered(_ mail: IncomingMail, _ outcome: MilterChain.Outcome, _ context: ChannelHandlerContext) {
        for remark in outcome.remarks { self.record?.said(.relay, remark, at: self.now) }
        switch outcome.fate {
        // A client that did not wait sends it again.
        case .accept where context.channel.isActive:
            var mail = mail
            mail.envelope = outcome.envelope
            mail.octets = outcome.octets
            mail.hold = outcome.hold
            self.accept(mail, outcome.content, context)
        case .accept: self.reception.discard(outcome.content)
        case .refuse(let reply):
            self.reception.discard(outcome.content)
            self.finish(mail, reply, context)
        case .discard(let filter):
            self.reception.discard(outcome.content)
            self.reception.log.info(
                "discarded",
                metadata: [
                    "message": "\(mail.id)", "from": "\(mail.envelope.reversePath)", "client": "\(self.peer.text)",
                    "by": "\(filter)",
                ])
            // Whoever sent it is not to know (libmilter, SMFIS_DISCARD).
            self.finish(mail, mail.confirmation, context)
        }
    }
}
