public import NIOCore

/// One SMTP client session as a value: octets in, actions out (RFC 5321 §3, §4.1.4).
///
/// The driver puts octets in with ``receive(_:)`` and pulls ``next()`` until that is `nil`. After ``Action/ready`` it
/// begins a transaction or quits; every transaction ends with one ``Action/finished(_:)``, whatever happens.
public struct ClientSession: Sendable {
    public struct Configuration: Sendable {
        public var hostname: String
        /// Whether to send commands in groups to a server that offers it (RFC 2920).
        public var pipelining: Bool
        public init(hostname: String, pipelining: Bool = true) {
            self.hostname = hostname
            self.pipelining = pipelining
        }
    }

    public struct Transaction: Equatable, Sendable {
        public var reversePath: ReversePath
        /// Of MAIL as it came in. What the server offers goes on: SIZE with `contentOctets`, and BODY.
        public var parameters: [Parameter]
        /// At least one.
        public var recipients: [ForwardPath]
        public var contentOctets: Int
        public init(
            reversePath: ReversePath, parameters: [Parameter] = [], recipients: [ForwardPath], contentOctets: Int
        ) {
            self.reversePath = reversePath
            self.parameters = parameters
            self.recipients = recipients
            self.contentOctets = contentOctets
        }
    }

    public enum Action: Equatable, Sendable {
        /// A command line, without CRLF.
        case send(String)
        /// A reply came in. Before what follows from it.
        case heard(Reply)
        /// Waits for ``ClientSession/begin(_:)`` or ``ClientSession/quit()``.
        case ready
        /// Waits for ``ClientSession/content(_:)`` with a chunk, ``ClientSession/contentEnded()`` or
        /// ``ClientSession/contentFailed()``.
        case readContent
        /// Mail data to write, dots stuffed. Pull again when there is room for more.
        case sendContent(ByteBuffer)
        /// Write a dot and CRLF: mail data is complete.
        case endContent
        /// What became of the transaction, in the order of its recipients.
        case finished([Outcome])
        /// The session never got ready, or broke between transactions; `.close` follows.
        /// `permanent` is the 5yz that says that another attempt is pointless.
        case unusable(DeferralCause, permanent: Reply?)
        case close
    }

    /// What the server said of itself.
    public struct Server: Equatable, Sendable {
        /// Out of its reply to EHLO or, before that, its greeting.
        public var name: String?
        /// Keywords in upper case.
        public var extensions: Set<String> = []
        /// `nil` when it announces no limit (RFC 1870).
        public var maximumMessageOctets: Int?
    }

    enum State: Sendable {
        case greeting  // The 220 is awaited. Next: hello.
        case hello(extended: Bool)  // EHLO is out, or HELO when that was refused. Next: ready.
        case ready(announced: Bool)  // Between transactions. Next: commands, quitting.
        case commands(Exchange)  // MAIL, RCPTs and DATA. Next: content, or resetting when nothing is accepted.
        case content(Exchange, Reading)  // 354 came. Next: finalReply.
        case finalReply(Exchange)  // The dot is out. Next: ready.
        case resetting  // RSET is out, after a transaction without content. Next: ready.
        case quitting  // QUIT is out. Next: closed.
        case closed
    }

    enum Reading: Sendable {
        case due  // A chunk is to be asked for. Next: asked.
        case asked  // The driver reads. Next: due, ended.
        case ended  // The dot is to be sent.
    }

    /// How the connection ended, found out between two replies.
    enum Ending: Sendable {
        case lost
        case timedOut
        case contentFailed
    }

    let configuration: Configuration
    var state = State.greeting
    public internal(set) var server = Server()
    var replies = ReplyParser()
    var encoder = ContentEncoder()
    /// To be pulled before the state is asked.
    var outbox: [Action] = []
    var ending: Ending?

    public init(_ configuration: Configuration) { self.configuration = configuration }

    /// Octets came from the server.
    public mutating func receive(_ buffer: ByteBuffer) {
        if case .closed = self.state { return }
        self.replies.append(buffer)
    }

    /// The next thing to do; `nil` until more octets, content or a transaction arrive.
    public mutating func next() -> Action? {
        while true {
            if !self.outbox.isEmpty { return self.outbox.removeFirst() }
            if case .closed = self.state { return nil }
            if self.ending == nil, let command = self.nextCommand() { return .send(command) }
            do {
                if let reply = try self.replies.next() {
                    self.outbox.append(.heard(reply))
                    self.received(reply)
                    continue
                }
            } catch {
                self.fail(.malformedReply(self.phase))
                continue
            }
            if let ending = self.ending {
                // Only now: replies that came before the end were said, and count.
                self.fail(ending.cause(in: self.phase))
                continue
            }
            guard self.proceed() else { return nil }
        }
    }

    /// Starts a transaction. The session has to be ready.
    public mutating func begin(_ transaction: Transaction) {
        guard case .ready(announced: true) = self.state else {
            preconditionFailure("a transaction was begun in a session that is not ready")
        }
        precondition(!transaction.recipients.isEmpty, "a transaction without recipients")
        if let limit = self.server.maximumMessageOctets, transaction.contentOctets > limit {
            let name = self.server.name ?? "the next hop"
            let text = "Message size exceeds the limit announced by \(name) (\(limit) octets)"
            let outcome = Outcome.bounced(Reply(552, "5.3.4", text))
            self.outbox.append(.finished(transaction.recipients.map { _ in outcome }))
            self.state = .ready(announced: false)
        } else {
            self.state = .commands(Exchange(transaction, pipelined: self.pipelines))
        }
    }

    /// Answers ``Action/readContent``; a chunk may end anywhere.
    public mutating func content(_ chunk: ByteBuffer) {
        guard let exchange = self.reading() else { return }
        let encoded = self.encoder.encode(chunk)
        if encoded.readableBytes > 0 { self.outbox.append(.sendContent(encoded)) }
        self.state = .content(exchange, .due)
    }

    /// Answers ``Action/readContent``: there is no more of it.
    public mutating func contentEnded() {
        guard let exchange = self.reading() else { return }
        if let lineEnd = self.encoder.finish() { self.outbox.append(.sendContent(lineEnd)) }
        self.state = .content(exchange, .ended)
    }

    /// Answers ``Action/readContent``: it cannot be read. The connection goes without a dot, so that the server forgets
    /// the message (RFC 5321 §4.1.1.10).
    public mutating func contentFailed() {
        guard self.reading() != nil else { return }
        self.ending = .contentFailed
    }

    /// Ends a session that is ready.
    public mutating func quit() {
        switch self.state {
        case .ready(announced: true):
            self.outbox.append(.send("QUIT"))
            self.state = .quitting
        case .closed: break
        case .greeting, .hello, .ready, .commands, .content, .finalReply, .resetting, .quitting:
            preconditionFailure("QUIT in a session that is not ready")
        }
    }

    /// The server was silent for too long (§4.5.3.2).
    public mutating func timedOut() { self.ending = self.ending ?? .timedOut }

    /// The connection is gone. What was received before still counts.
    public mutating func disconnected() { self.ending = self.ending ?? .lost }
}

extension ClientSession {
    /// What the session waits for, as timers and screens go by it.
    public var phase: SessionPhase {
        switch self.state {
        case .greeting: .greeting
        case .hello: .hello
        case .ready, .resetting: .idle
        case .commands(let exchange): exchange.phase
        case .content: .content
        case .finalReply: .finalReply
        case .quitting: .quit
        case .closed: .closed
        }
    }

    /// How many recipients of the transaction the server has answered; (0, 0) outside of one.
    public var recipientProgress: (answered: Int, total: Int) {
        switch self.state {
        case .commands(let exchange), .content(let exchange, _), .finalReply(let exchange):
            exchange.recipientProgress
        case .greeting, .hello, .ready, .resetting, .quitting, .closed: (0, 0)
        }
    }

    private var pipelines: Bool { self.configuration.pipelining && self.server.extensions.contains("PIPELINING") }

    /// The exchange that waits for the driver's content; `nil` when the session broke while the driver was reading.
    private func reading() -> Exchange? {
        switch self.state {
        case .content(let exchange, .asked): return exchange
        case .closed: return nil
        case .greeting, .hello, .ready, .commands, .content, .finalReply, .resetting, .quitting:
            preconditionFailure("content for a session that had not asked")
        }
    }

    private mutating func nextCommand() -> String? {
        guard case .commands(var exchange) = self.state, let command = exchange.nextCommand(for: self.server) else {
            return nil
        }
        self.state = .commands(exchange)
        return command
    }

    /// What comes next without the server.
    /// - Returns: whether anything does.
    private mutating func proceed() -> Bool {
        switch self.state {
        case .ready(announced: false):
            self.state = .ready(announced: true)
            self.outbox.append(.ready)
            return true
        case .content(let exchange, .due):
            self.state = .content(exchange, .asked)
            self.outbox.append(.readContent)
            return true
        case .content(let exchange, .ended):
            guard self.replies.isEmpty else {
                self.fail(.malformedReply(.content))  // It began to reply before the dot.
                return true
            }
            self.state = .finalReply(exchange)
            self.outbox.append(.endContent)
            return true
        case .greeting, .hello, .ready, .commands, .content, .finalReply, .resetting, .quitting, .closed:
            return false
        }
    }
}
