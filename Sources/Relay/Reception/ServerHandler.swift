import Logging
import Mail
import Monitor
import NIOCore
import SMTP
import Spool

/// Carries octets between a channel and its `ServerSession`. It decides nothing about mail.
final class ServerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let reception: Reception
    private let admission: Admission
    private var session: ServerSession
    private var record: SessionRecord?
    private var client: String?
    private var writer: ContentWriter?
    private var output = ByteBuffer()
    private var isDraining = false
    private var isClosing = false
    private var remark: String?
    private var lastInput = NIODeadline.now()
    private var timer: Scheduled<Void>?

    init(_ reception: Reception) {
        self.reception = reception
        self.admission = reception.admission
        let configuration = self.admission.configuration
        self.session = ServerSession(
            ServerSession.Configuration(
                hostname: configuration.hostname, maximumMessageOctets: configuration.limits.messageOctets,
                maximumRecipients: configuration.limits.recipients, maximumErrors: configuration.limits.errors,
                maximumReceivedFields: 100))
    }

    // MARK: the channel's events

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        self.client = context.remoteAddress?.ipAddress
        self.record = self.reception.registry.open(
            .inbound, peer: context.remoteAddress.map(Self.text) ?? "?", client: self.client, at: self.now,
            hangUp: { channel.close(promise: nil) })
        self.reception.opened(channel)
        self.armTimer(context)
        self.drain(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        self.lastInput = .now()
        self.record?.update(at: self.now) { $0.octetsIn += buffer.readableBytes }
        self.session.receive(buffer)
        self.drain(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.timer?.cancel()
        if !self.isClosing { self.remark = self.remark ?? "client hung up in \(self.session.phase.rawValue)" }
        self.session.disconnected()
        self.writer?.discard()
        self.writer = nil
        self.reception.closed(context.channel)
        if let record = self.record {
            self.reception.registry.close(
                record, client: self.client, at: self.now, failed: self.remark != nil, remark: self.remark)
        }
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ShutDownEvent else { return context.fireUserInboundEventTriggered(event) }
        self.session.shutDown()
        self.drain(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.remark = self.remark ?? "\(error)"
        context.close(promise: nil)
    }

    // MARK: the session's actions

    private func drain(_ context: ChannelHandlerContext) {
        guard !self.isDraining else { return }  // `run` answered at once, and the loop below goes on by itself.
        self.isDraining = true
        while let action = self.session.next() { self.run(action, context) }
        self.isDraining = false
        if self.output.readableBytes > 0 {
            let octets = self.output.readableBytes
            self.record?.update(at: self.now) { $0.octetsOut += octets }
            context.writeAndFlush(self.wrapOutboundOut(self.output), promise: nil)
            self.output = context.channel.allocator.buffer(capacity: 256)
        }
        if self.isClosing {
            context.close(promise: nil)
        } else {
            let phase = self.session.phase
            if self.record?.row.phase != phase { self.record?.update(at: self.now) { $0.phase = phase } }
            if self.session.wantsInput { context.read() }
        }
    }

    private func run(_ action: ServerSession.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .heard(let line): self.record?.said(.client, line, at: self.now)
        case .send(let reply): self.send(reply)
        case .decide(let question): self.decide(question, context)
        case .store(let chunk): self.store(chunk, context)
        case .commit(let envelope): self.commit(envelope, context)
        case .discard: self.forgetContent()
        case .close: self.isClosing = true
        }
    }

    private func send(_ reply: Reply) {
        reply.encode(into: &self.output)
        self.record?.said(.server, reply, at: self.now)
        if reply.code == 421 { self.remark = reply.description }
    }

    private func decide(_ question: ServerSession.Question, _ context: ChannelHandlerContext) {
        switch question {
        case .greeting:
            let counts = self.reception.registry.counts(client: self.client)
            self.session.decided(
                self.admission.greeting(
                    context.remoteAddress, sessions: counts.inbound, fromClient: counts.ofClient))
        case .hello(let name, _):
            self.record?.update(at: self.now) { $0.name = name }
            self.session.decided(.accept)
        case .mail(_, let parameters):
            let declared = parameters.first { $0.keyword == "SIZE" }.flatMap { $0.value }.flatMap { Int($0) }
            self.record?.update(at: self.now) {
                $0.contentOctets = declared
                $0.contentOctetsDone = 0
                $0.recipientsDone = 0
            }
            self.session.decided(.accept)
        case .recipient(let path, _):
            let verdict = self.admission.recipient(path, from: context.remoteAddress)
            if case .accept = verdict { self.record?.update(at: self.now) { $0.recipientsDone += 1 } }
            self.session.decided(verdict)
        case .content(let envelope):
            self.beginContent(envelope, context)
            self.session.decided(.accept)
        }
    }

    private func beginContent(_ envelope: Envelope, _ context: ChannelHandlerContext) {
        let id = self.reception.spool.nextID(at: self.now)
        let trace = TraceField.received(
            hello: self.session.client?.name, peer: context.remoteAddress?.ipAddress,
            hostname: self.admission.configuration.hostname, with: self.protocolName, id: id,
            recipient: envelope.recipients.count == 1 ? envelope.recipients[0].forwardPath.description : nil,
            at: self.now)
        self.writer = ContentWriter(id: id, traceField: trace, allocator: context.channel.allocator)
        self.record?.update(at: self.now) { $0.message = id.description }
    }

    private func store(_ chunk: ByteBuffer, _ context: ChannelHandlerContext) {
        let octets = self.session.contentOctets
        self.record?.update(at: self.now) { $0.contentOctetsDone = octets }
        do {
            let waiting = try self.writer?.append(
                chunk, spool: self.reception.spool, threads: self.reception.threads, on: context.eventLoop)
            guard let waiting else { return self.session.stored() }
            waiting.assumeIsolated().whenComplete { result in
                switch result {
                case .success: self.session.stored()
                case .failure(let error): self.storeFailed(error)
                }
                self.drain(context)
            }
        } catch { self.storeFailed(error) }
    }

    private func storeFailed(_ error: any Error) {
        self.reception.log.error("content could not be stored", metadata: ["error": "\(error)"])
        self.forgetContent()
        self.session.storeFailed(Self.spoolRefusal(error))
    }

    /// Makes the message durable; the 250 waits for it, and so does what was pipelined behind the dot.
    private func commit(_ envelope: Envelope, _ context: ChannelHandlerContext) {
        guard let writer = self.writer else { preconditionFailure("content is committed before it began") }
        self.writer = nil
        let reception = self.reception
        let arrived = self.now
        self.record?.said(.client, "[content: \(self.session.contentOctets) octets] .", at: arrived)
        let address = context.remoteAddress
        let arrival = Arrival(
            peer: address.map(Self.text), hello: self.session.client?.name, with: self.protocolName,
            session: self.record?.ref.id)
        let recipients = envelope.recipients.enumerated().map { index, recipient in
            let queued = self.admission.queued(recipient.forwardPath, from: address)
            return SpooledRecipient(
                index: index, forwardPath: queued.path, parameters: recipient.parameters, moved: queued.moved,
                due: arrived)
        }
        let reversePath = self.admission.queued(envelope.reversePath, from: address)
        if reversePath != envelope.reversePath || zip(envelope.recipients, recipients).contains(where: Self.isRouted) {
            self.record?.said(
                .relay, "source route: \(self.admission.configuration.sourceRoutes.rawValue)", at: arrived)
        }
        let message = SpooledMessage(
            id: writer.id, generation: 0, arrived: arrived, reversePath: reversePath, parameters: envelope.parameters,
            arrival: arrival, contentOctets: writer.octets, recipients: recipients)
        let loop = context.eventLoop
        let accepted: EventLoopFuture<Void>
        if let inline = writer.inline {
            accepted = reception.spool.accept(NewMessage(message, content: inline), on: loop)
        } else if let file = writer.finish(threads: reception.threads, on: loop) {
            accepted = file.flatMap { reception.spool.accept(NewMessage(message, content: $0), on: loop) }
        } else {
            preconditionFailure("content is in memory or in a file")
        }
        accepted.assumeIsolated().whenComplete { result in
            switch result {
            case .success:
                reception.accepted(message)
                self.record?.update(at: self.now) {
                    $0.messages += 1
                    $0.message = nil
                }
                self.session.committed(
                    .all(Reply(250, EnhancedStatusCode(2, 0, 0), "Ok: queued as \(writer.id)")))
            case .failure(let error):
                writer.discard()
                reception.log.error("a message was refused", metadata: ["error": "\(error)"])
                self.record?.update(at: self.now) { $0.message = nil }
                self.session.committed(.all(Self.spoolRefusal(error)))
            }
            self.drain(context)
        }
    }

    private func forgetContent() {
        self.writer?.discard()
        self.writer = nil
        self.record?.update(at: self.now) { $0.message = nil }
    }

    // MARK: time

    /// One timer for the session's life: it looks when something was last heard and goes to sleep again.
    private func armTimer(_ context: ChannelHandlerContext) {
        let wait = self.lastInput + self.patience - .now()
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: max(wait, .milliseconds(100))) {
            guard context.channel.isActive else { return }
            let isOurTurn = !self.session.wantsInput || self.session.phase == .finalReply
            if isOurTurn { self.lastInput = .now() }
            if self.lastInput + self.patience <= .now() {
                self.session.timedOut()
                self.drain(context)
            }
            if context.channel.isActive { self.armTimer(context) }
        }
    }

    private var patience: TimeAmount {
        let timeouts = self.admission.configuration.timeouts
        return .milliseconds(self.session.phase == .content ? timeouts.data : timeouts.command)
    }

    private var now: Timestamp { self.reception.clock.now() }
    private var protocolName: String { self.session.client?.extended == true ? "ESMTP" : "SMTP" }

    private static func isRouted(_ given: Envelope.Recipient, _ queued: SpooledRecipient) -> Bool {
        guard case .path(let path) = given.forwardPath else { return false }
        return !path.route.isEmpty
    }

    /// Nothing is lost by a 4yz: the client keeps the message (DESIGN §8.3).
    private static func spoolRefusal(_ error: any Error) -> Reply {
        if let error = error as? SpoolError, error.code == .full {
            return Reply(452, EnhancedStatusCode(4, 3, 1), "Insufficient system storage")
        }
        return Reply(451, EnhancedStatusCode(4, 3, 0), "The message could not be stored, try again later")
    }

    static func text(_ address: SocketAddress) -> String {
        let host = address.ipAddress ?? "?"
        let port = address.port ?? 0
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
