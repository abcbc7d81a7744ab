import DequeModule
public import NIOCore

/// One SMTP client session as a value: replies in, commands out (RFC 5321 §3.1, §3.3; RFC 2920).
///
/// The driver pulls `next()`; at `.ready` it calls `begin` or `quit`.
public struct ClientSession: Sendable {
    public struct Configuration: Sendable {
        public var hostname: String
        /// Use PIPELINING where it is offered.
        public var pipelining: Bool
        public init(hostname: String, pipelining: Bool = true) {
            self.hostname = hostname
            self.pipelining = pipelining
        }
    }

    public enum Action: Equatable, Sendable {
        /// A command line without its CRLF.
        case send(String)
        /// A reply came in; for transcripts.
        case heard(Reply)
        case ready
        /// Call `content` with a chunk, `contentEnded` or `contentFailed`.
        case readContent
        /// Encoded mail data.
        case sendContent(ByteBuffer)
        /// The lone dot is to be written, as given.
        case endContent(String)
        /// One outcome for each recipient, in order.
        case finished([Outcome])
        /// The session never got ready, or broke between transactions. `permanent`: a 5yz of the greeting or to HELO.
        case unusable(DeferralCause, permanent: Reply?)
        case close
    }

    /// What EHLO's reply told.
    public struct Server: Equatable, Sendable {
        public var name: String?
        /// In upper case.
        public var extensions: Set<String> = []
        public var maximumMessageOctets: Int?
    }

    /// A command whose reply is awaited.
    enum Awaited: Sendable {
        case mail, rcpt(Int), data, reset
        /// The final reply; `isWanted` is false for the dot behind a DATA that no recipient wanted (RFC 2920 §3.1).
        case final(isWanted: Bool)
    }

    private enum State: Sendable {
        case greeting
        case hello(extended: Bool)
        case idle
        case transaction(Exchange)
        case quitting
        case closed
    }

    struct Exchange: Sendable {
        var transaction: Transaction
        /// `nil`: not settled yet; accepted by RCPT counts as not settled.
        var outcomes: [Outcome?]
        var accepted = 0
        var awaited: Deque<Awaited> = []
        var encoder = ContentEncoder()
        var isSendingContent = false
        /// `finished` is out; only the reply to RSET is awaited.
        var isFinished = false
    }

    private let configuration: Configuration
    private var state = State.greeting
    private var replies = ReplyParser()
    private var outbox: Deque<Action> = []
    public private(set) var server = Server()

    public init(_ configuration: Configuration) { self.configuration = configuration }

    // MARK: what happened

    public mutating func receive(_ buffer: ByteBuffer) {
        if case .closed = self.state { return }
        self.replies.append(buffer)
    }

    /// Only at `.ready`.
    public mutating func begin(_ transaction: Transaction) {
        guard case .idle = self.state else {
            preconditionFailure("a transaction begins in a session that is not ready")
        }
        precondition(!transaction.recipients.isEmpty, "a transaction without recipients")
        var exchange = Exchange(
            transaction: transaction, outcomes: Array(repeating: nil, count: transaction.recipients.count))
        if let limit = self.server.maximumMessageOctets, limit > 0, transaction.contentOctets > limit {
            // Known to be refused, so it is not tried (RFC 1870 §5).
            let reply = Reply(
                552, "5.3.4", "Message of \(transaction.contentOctets) octets exceeds the server's limit of \(limit)")
            self.outbox.append(.finished(exchange.outcomes.map { _ in .bounced(reply) }))
            self.outbox.append(.ready)
            return
        }
        self.say(self.mailCommand(transaction), .mail, &exchange)
        if self.pipelines {
            for index in transaction.recipients.indices { self.sayRecipient(index, &exchange) }
            self.say("DATA", .data, &exchange)
        }
        self.state = .transaction(exchange)
    }

    public mutating func content(_ chunk: ByteBuffer) {
        self.withContent { exchange, outbox in
            outbox.append(.sendContent(exchange.encoder.encode(chunk)))
            outbox.append(.readContent)
        }
    }

    public mutating func contentEnded() {
        self.withContent { exchange, outbox in
            exchange.isSendingContent = false
            exchange.awaited.append(.final(isWanted: true))
            outbox.append(.endContent(exchange.encoder.end))
        }
    }

    /// Our own content cannot be read: without the dot the server must not take what it has.
    public mutating func contentFailed() { self.fail(.connectionLost(.content)) }

    private mutating func withContent(_ body: (inout Exchange, inout Deque<Action>) -> Void) {
        guard case .transaction(var exchange) = self.state, exchange.isSendingContent else {
            guard case .closed = self.state else { preconditionFailure("content that was not asked for") }
            return  // The connection broke meanwhile.
        }
        body(&exchange, &self.outbox)
        self.state = .transaction(exchange)
    }

    public mutating func quit() {
        guard case .idle = self.state else { return }
        self.outbox.append(.send("QUIT"))
        self.state = .quitting
    }

    public mutating func timedOut() { self.fail(.timedOut(self.phase)) }
    public mutating func disconnected() { self.fail(.connectionLost(self.phase)) }

    // MARK: what to do

    public mutating func next() -> Action? {
        while true {
            if let action = self.outbox.popFirst() { return action }
            if case .closed = self.state { return nil }
            do {
                guard let reply = try self.replies.next() else { return nil }
                self.outbox.append(.heard(reply))
                self.heard(reply)
            } catch {
                self.fail(.malformedReply(self.phase))
            }
        }
    }

    private mutating func heard(_ reply: Reply) {
        // 421 may answer any command (§3.8), so it comes before asking which command this answers.
        if reply.code == 421 { return self.fail(.reply(reply)) }
        switch self.state {
        case .greeting:
            guard reply.code.isCompletion else { return self.refuse(reply) }
            self.state = .hello(extended: true)
            self.outbox.append(.send("EHLO \(self.configuration.hostname)"))
        case .hello(let extended): self.answered(hello: reply, extended: extended)
        case .idle: self.fail(.malformedReply(.idle))  // Nobody asked.
        case .transaction(let exchange): self.answered(reply, exchange)
        case .quitting: self.close()
        case .closed: break
        }
    }

    private mutating func answered(hello reply: Reply, extended: Bool) {
        guard reply.code.isCompletion else {
            guard extended, reply.code.isPermanent else { return self.refuse(reply) }
            self.state = .hello(extended: false)  // §3.2: a server may know only HELO.
            return self.outbox.append(.send("HELO \(self.configuration.hostname)"))
        }
        self.server.name = reply.lines[0].split(separator: " ").first.map(String.init)
        for line in reply.lines.dropFirst() where extended {
            let words = line.split(separator: " ")
            guard let keyword = words.first?.uppercased() else { continue }
            self.server.extensions.insert(keyword)
            if keyword == "SIZE", words.count > 1 { self.server.maximumMessageOctets = Int(words[1]) }
        }
        self.becomeReady()
    }

    private mutating func answered(_ reply: Reply, _ before: Exchange) {
        var exchange = before
        guard let awaited = exchange.awaited.popFirst() else {
            // A verdict before the dot: a refusal can be believed, an acceptance cannot.
            return self.fail(reply.code.isPositive ? .malformedReply(.content) : .reply(reply))
        }
        switch awaited {
        case .mail:
            if !reply.code.isCompletion { exchange.settleOpen(reply) }
            if !self.pipelines, reply.code.isCompletion { self.sayRecipient(0, &exchange) }
        case .rcpt(let index):
            if reply.code.isCompletion {
                exchange.accepted += 1
            } else if exchange.outcomes[index] == nil {
                exchange.outcomes[index] = Outcome(refusal: reply)
            }
            if !self.pipelines {
                if index + 1 < exchange.outcomes.count {
                    self.sayRecipient(index + 1, &exchange)
                } else if exchange.isOpen {
                    self.say("DATA", .data, &exchange)
                }
            }
        case .data:
            if reply.code == 354 {
                if exchange.isOpen, exchange.accepted > 0 {
                    exchange.isSendingContent = true
                    self.outbox.append(.readContent)
                } else {
                    self.outbox.append(.endContent(".\r\n"))
                    exchange.awaited.append(.final(isWanted: false))
                }
            } else {
                exchange.settleOpen(reply)
            }
        case .final(let isWanted):
            if isWanted {
                for index in exchange.outcomes.indices where exchange.outcomes[index] == nil {
                    exchange.outcomes[index] = reply.code.isCompletion ? .relayed(reply) : Outcome(refusal: reply)
                }
                self.outbox.append(.finished(exchange.outcomes.compactMap { $0 }))
                return self.becomeReady()
            }
        case .reset: return self.becomeReady()
        }
        if exchange.awaited.isEmpty, !exchange.isSendingContent, !exchange.isFinished {
            // Every recipient is settled, and the server may still hold a transaction open.
            exchange.isFinished = true
            self.outbox.append(.finished(exchange.outcomes.compactMap { $0 }))
            self.say("RSET", .reset, &exchange)
        }
        self.state = .transaction(exchange)
    }

    // MARK: commands

    private var pipelines: Bool { self.configuration.pipelining && self.server.extensions.contains("PIPELINING") }

    private mutating func say(_ command: String, _ awaited: Awaited, _ exchange: inout Exchange) {
        self.outbox.append(.send(command))
        exchange.awaited.append(awaited)
    }

    private mutating func sayRecipient(_ index: Int, _ exchange: inout Exchange) {
        self.say("RCPT TO:\(exchange.transaction.recipients[index])", .rcpt(index), &exchange)
    }

    private func mailCommand(_ transaction: Transaction) -> String {
        var command = "MAIL FROM:\(transaction.reversePath)"
        if self.server.extensions.contains("SIZE") { command += " SIZE=\(transaction.contentOctets)" }
        if self.server.extensions.contains("8BITMIME"),
            let body = transaction.parameters.first(where: { $0.keyword == "BODY" })
        {
            command += " \(body)"
        }
        return command
    }

    // MARK: ends

    private mutating func becomeReady() {
        self.state = .idle
        self.outbox.append(.ready)
    }

    private mutating func refuse(_ reply: Reply) {
        self.outbox.append(.unusable(.reply(reply), permanent: reply.code.isPermanent ? reply : nil))
        self.close()
    }

    private mutating func fail(_ cause: DeferralCause) {
        switch self.state {
        case .closed: return
        case .quitting: break
        case .greeting, .hello, .idle: self.outbox.append(.unusable(cause, permanent: nil))
        case .transaction(let exchange):
            if !exchange.isFinished {
                // An early refusal of the content speaks for all whose fate is open.
                let open: Outcome =
                    if case .reply(let reply) = cause { Outcome(refusal: reply) } else { .deferred(cause) }
                self.outbox.append(.finished(exchange.outcomes.map { $0 ?? open }))
            }
        }
        self.close()
    }

    private mutating func close() {
        self.outbox.append(.close)
        self.state = .closed
    }

    // MARK: what can be asked

    public var phase: SessionPhase {
        switch self.state {
        case .greeting: .greeting
        case .hello: .hello
        case .idle: .idle
        case .transaction(let exchange):
            if exchange.isSendingContent {
                .content
            } else {
                switch exchange.awaited.first {
                case .mail, nil: .mail
                case .rcpt: .rcpt
                case .data: .data
                case .final: .finalReply
                case .reset: .idle
                }
            }
        case .quitting: .quit
        case .closed: .closed
        }
    }
}

extension ClientSession.Exchange {
    /// Some recipient's fate is open.
    fileprivate var isOpen: Bool { self.outcomes.contains { $0 == nil } }

    fileprivate mutating func settleOpen(_ reply: Reply) {
        for index in self.outcomes.indices where self.outcomes[index] == nil {
            self.outcomes[index] =
                reply.code.isPositive
                ? .deferred(.malformedReply(.data)) : ClientSession.Outcome(refusal: reply)
        }
    }
}
