import Mail
import Monitor
import NIOCore
import SMTP

/// What the machine asks of policy.
extension ServerHandler {
    func decide(_ question: ServerSession.Question, _ context: ChannelHandlerContext) {
        switch question {
        case .greeting:
            self.decided(self.greeting, unlessFiltersObjectTo: .connect, context)
        case .hello(let name, _):
            self.record?.update(at: self.now) { $0.name = name }
            self.decided(.accept, unlessFiltersObjectTo: .hello(name), context)
        case .mail(let path, let parameters):
            self.sender = path
            let declared = self.session.mailParameters?.size
            self.record?.update(at: self.now) {
                $0.contentOctets = declared
                $0.contentOctetsDone = 0
                $0.recipientsDone = 0
            }
            let refusal = self.reception.spoolWatch.refusal(of: declared)
            self.decided(
                (refusal ?? self.ruledOut(path)).map { .refuse($0) } ?? .accept,
                unlessFiltersObjectTo: .mail(path, parameters), context)
        case .recipient(let path, let parameters):
            var verdict = self.admission.recipient(
                path, from: self.peer, user: self.session.user, at: self.now)
            if verdict == .accept, let refusal = self.ruledOut(path) { verdict = .refuse(refusal) }
            self.decided(verdict, unlessFiltersObjectTo: .recipient(path, parameters), context)
        case .content(let envelope):
            if self.filters == nil { self.beginContent(envelope, context) }
            self.decided(.accept, unlessFiltersObjectTo: .data(envelope), context)
        case .startTLS: self.session.decided(.accept)
        case .etrn(let request): self.giveQueue(to: request, context)
        case .xclient(let attributes):
            self.peer = self.peer.overridden(by: attributes)
            self.showPeer()
            self.closeFilters()
            self.filters = self.makeFilters(context)
            self.session.decided(.accept)
        case .xforward(let attributes):
            self.peer = self.peer.forwarding(attributes)
            self.showPeer()
            self.session.decided(.accept)
        }
    }

    /// Whether the client may be served at all.
    var greeting: ServerSession.Verdict {
        let counts = self.reception.registry.counts(self.countedAs)
        return self.admission.greeting(self.peer, sessions: counts.inbound, fromClient: counts.ofClient)
    }

    // MARK: standing rules

    private func ruledOut(_ path: ReversePath) -> Reply? {
        self.reception.rules.refusal(of: path, user: self.session.user, client: self.peer, at: self.now)
            .map { self.note($0.rule, $0.refusal) }
    }
    private func ruledOut(_ path: ForwardPath) -> Reply? {
        self.reception.rules.refusal(of: path, at: self.now).map { self.note($0.rule, $0.refusal, of: path) }
    }
    private func note(_ rule: StandingRule, _ refusal: Refusal, of path: ForwardPath? = nil) -> Reply {
        self.record?.said(.relay, "refused by \(rule)", at: self.now)
        self.reception.refused(
            RefusedCommand(
                rule: rule, reply: refusal.reply, from: self.sender ?? .null, to: path, arrival: self.arrival,
                at: self.now))
        return refusal.reply
    }

    private func showPeer() {
        let peer = self.peer
        self.record?.update(at: self.now) { row in
            row.peer = peer.text
            row.address = peer.client
            if let name = peer.name { row.name = name }
        }
    }

    /// RFC 1985 §5.3: mail for that domain is tried now.
    private func giveQueue(to request: QueueRequest, _ context: ChannelHandlerContext) {
        guard request != .all || self.peer.isLocal else {
            return self.session.decided(.refuse(Reply(458, "4.3.0", "Unable to queue messages for \(request)")))
        }
        self.reception.requested(request).hop(to: context.eventLoop).assumeIsolated().whenComplete { result in
            switch result {
            case .success(0): self.session.decided(.answer(Reply(251, "2.0.0", "No messages waiting for \(request)")))
            case .success(let count):
                self.session.decided(
                    .answer(Reply(253, "2.0.0", "\(count) pending messages for \(request) started")))
            case .failure:
                self.session.decided(.refuse(Reply(458, "4.3.0", "Unable to queue messages for \(request)")))
            }
            self.drain(context)
        }
    }
}
