public import NIOCore

/// One SMTP server session as a value: octets in, actions out (RFC 5321 §3.3, §4.1.4).
///
/// It opens no socket, reads no clock and starts no task. The driver pulls `next()`, so what is pipelined behind a question
/// or the final dot stays unread until the answer is there, and replies keep the order of the commands (RFC 2920 §3.1).
public struct ServerSession: Sendable {
    public struct Configuration: Sendable {
        public var hostname: String
        /// Announced with SIZE (RFC 1870); 0: no fixed limit.
        public var maximumMessageOctets: Int
        public var maximumRecipients: Int
        /// Command errors in a session before it is closed.
        public var maximumErrors: Int
        /// More Received fields than these are a loop (RFC 5321 §6.3).
        public var maximumReceivedFields: Int

        public init(
            hostname: String, maximumMessageOctets: Int = 50_000_000, maximumRecipients: Int = 1000,
            maximumErrors: Int = 20, maximumReceivedFields: Int = 100
        ) {
            self.hostname = hostname
            self.maximumMessageOctets = maximumMessageOctets
            self.maximumRecipients = maximumRecipients
            self.maximumErrors = maximumErrors
            self.maximumReceivedFields = maximumReceivedFields
        }
    }

    /// What the session does not decide by itself.
    public enum Question: Equatable, Sendable {
        /// May the client be served at all?
        case greeting
        case hello(name: String, extended: Bool)
        case mail(ReversePath, [Parameter])
        case recipient(ForwardPath, [Parameter])
        /// May a message be stored now?
        case content(Envelope)
    }

    public enum Verdict: Equatable, Sendable {
        case accept
        /// Sent in place of the positive reply.
        case refuse(Reply)
        /// Sent, then the session ends.
        case disconnect(Reply)
    }

    public enum CommitVerdict: Equatable, Sendable {
        case all(Reply)
        /// One for each recipient in order (LMTP, RFC 2033 §4.2); SMTP sends the first.
        case each([Reply])
    }

    public enum Action: Equatable, Sendable {
        /// A command line came in, at most 1,000 octets of it; for transcripts, before the replies to it.
        case heard(String)
        case send(Reply)
        /// Waits for `decided`.
        case decide(Question)
        /// Decoded mail data: dots unstuffed, every line end CRLF. Waits for `stored` or `storeFailed`.
        case store(ByteBuffer)
        /// The content is whole. Waits for `committed`.
        case commit(Envelope)
        /// Forget the content stored so far.
        case discard
        case close
    }

    struct Client: Sendable {
        var name: String
        var extended: Bool
    }

    enum State: Sendable {
        case connected  // Nothing is said yet. Next: judging the greeting.
        case ready(Client?)  // Between transactions; without a client there was no EHLO yet.
        case transaction(Client, Envelope)  // Recipients collect. Next: content, on DATA.
        case judging(Judged)  // Waits for a verdict.
        case content(Client, Envelope)  // 354 is out; mail data until the lone dot. Next: committing.
        case storing(Client, Envelope, isEnd: Bool)  // The driver stores a chunk.
        case sinking(Client, Reply)  // The message is refused already; its data passes until the dot.
        case committing(Client, Envelope)  // The 250 waits for the disk.
        case closing  // `close` is to be pulled.
        case closed
    }

    /// What is asked about, and so what a positive verdict leads to.
    enum Judged: Sendable {
        case greeting
        case hello(Client)
        case mail(Client, Envelope)
        case recipient(Client, Envelope, Envelope.Recipient)
        case content(Client, Envelope)
    }

    static let longestLine = 2048
    static let longestShownLine = 1000

    let configuration: Configuration
    var state = State.connected
    var input = LineBuffer(limit: ServerSession.longestLine)
    private var decoder = ContentDecoder()
    private var received = ReceivedCounter()
    /// Ready to be pulled before the state is asked.
    private var outbox: [Action] = []
    private var errors = 0
    private var isShuttingDown = false
    /// Decoded octets of the current content.
    public private(set) var contentOctets = 0

    public init(_ configuration: Configuration) { self.configuration = configuration }

    // MARK: what happened

    /// Octets from the client.
    public mutating func receive(_ buffer: ByteBuffer) {
        switch self.state {
        case .closing, .closed: break
        case .connected, .ready, .transaction, .judging, .content, .storing, .sinking, .committing:
            self.input.append(buffer)
        }
    }

    public mutating func decided(_ verdict: Verdict) {
        guard case .judging(let judged) = self.state else {
            guard case .closed = self.state else { preconditionFailure("a verdict that nobody asked for") }
            return
        }
        switch verdict {
        case .accept: self.accepted(judged)
        case .refuse(let reply): self.refused(judged, reply)
        case .disconnect(let reply): self.end(reply)
        }
    }

    /// The chunk is stored.
    public mutating func stored() {
        switch self.state {
        case .storing(let client, let envelope, let isEnd):
            self.state = isEnd ? .committing(client, envelope) : .content(client, envelope)
            if isEnd { self.outbox.append(.commit(envelope)) }
        case .closed: break
        case .connected, .ready, .transaction, .judging, .content, .sinking, .committing, .closing:
            preconditionFailure("a chunk is stored that was not given")
        }
    }

    /// The chunk could not be stored, and the driver has forgotten the rest: the data passes, then `reply` is sent.
    public mutating func storeFailed(_ reply: Reply) {
        switch self.state {
        case .storing(let client, _, let isEnd):
            if isEnd { self.finish(client, reply) } else { self.state = .sinking(client, reply) }
        case .closed: break
        case .connected, .ready, .transaction, .judging, .content, .sinking, .committing, .closing:
            preconditionFailure("a chunk failed that was not given")
        }
    }

    public mutating func committed(_ verdict: CommitVerdict) {
        switch self.state {
        case .committing(let client, _):
            switch verdict {
            case .all(let reply): self.finish(client, reply)
            case .each(let replies):
                guard let first = replies.first else { preconditionFailure("a commit without a verdict") }
                self.finish(client, first)
            }
        case .closed: break  // The client left while the disk was busy; the message is safe and goes out.
        case .connected, .ready, .transaction, .judging, .content, .storing, .sinking, .closing:
            preconditionFailure("the spool answered a session that had not asked")
        }
    }

    /// The client was silent for too long (§4.5.3.2).
    public mutating func timedOut() {
        switch self.state {
        case .closing, .closed: return
        case .content, .storing, .sinking: self.outbox.append(.discard)
        case .connected, .ready, .transaction, .judging, .committing: break
        }
        self.end(Reply(421, "4.4.2", "\(self.configuration.hostname) Timeout, closing the connection"))
    }

    /// The server is going down: 421 (§3.8) at the next good moment, which is after the message under way.
    public mutating func shutDown() { self.isShuttingDown = true }

    /// The client is gone; nothing more comes out, and answers outstanding are ignored.
    public mutating func disconnected() {
        self.state = .closed
        self.outbox = []
        self.input.clear()
    }

    // MARK: what to do

    /// The next thing to do, or `nil` until more octets or an answer arrive.
    public mutating func next() -> Action? {
        while true {
            if !self.outbox.isEmpty { return self.outbox.removeFirst() }
            switch self.state {
            case .judging, .storing, .committing, .closed: return nil
            case .closing:
                self.state = .closed
                return .close
            case .connected: self.ask(.greeting, .greeting)
            case .ready, .transaction:
                if self.isShuttingDown {
                    self.end(Reply(421, "4.3.2", "\(self.configuration.hostname) Service going down, try again later"))
                } else {
                    guard let line = self.input.nextLine() else { return nil }
                    self.heard(line)
                }
            case .content(let client, let envelope):
                guard self.readContent(client, envelope) else { return nil }
            case .sinking(let client, let reply):
                guard !self.input.isEmpty else { return nil }
                let decoder = self.decode()
                if decoder.isEnd { self.finish(client, reply) }
            }
        }
    }

    private mutating func decode() -> (content: ByteBuffer, isEnd: Bool) {
        self.input.withOctets { octets in self.decoder.decode(&octets) }
    }

    /// - Returns: false when more octets are needed.
    private mutating func readContent(_ client: Client, _ envelope: Envelope) -> Bool {
        guard !self.input.isEmpty else { return false }
        let (content, isEnd) = self.decode()
        self.contentOctets += content.readableBytes
        self.received.pass(content)
        let limit = self.configuration.maximumMessageOctets
        if limit > 0, self.contentOctets > limit {
            self.refuseContent(client, Reply(552, "5.3.4", "Message exceeds \(limit) octets"), isEnd)
        } else if self.received.count > self.configuration.maximumReceivedFields {
            self.refuseContent(client, Reply(554, "5.4.6", "Too many hops, the message is looping"), isEnd)
        } else if content.readableBytes > 0 {
            self.state = .storing(client, envelope, isEnd: isEnd)
            self.outbox.append(.store(content))
        } else if isEnd {
            self.state = .committing(client, envelope)
            self.outbox.append(.commit(envelope))
        }
        return true
    }

    private mutating func refuseContent(_ client: Client, _ reply: Reply, _ isEnd: Bool) {
        self.outbox.append(.discard)
        if isEnd { self.finish(client, reply) } else { self.state = .sinking(client, reply) }
    }

    /// The transaction is over, whatever its end (§4.1.1.4).
    private mutating func finish(_ client: Client, _ reply: Reply) {
        self.outbox.append(.send(reply))
        self.state = .ready(client)
    }

    mutating func ask(_ question: Question, _ judged: Judged) {
        self.state = .judging(judged)
        self.outbox.append(.decide(question))
    }

    mutating func send(_ reply: Reply) { self.outbox.append(.send(reply)) }

    mutating func end(_ reply: Reply) {
        self.outbox.append(.send(reply))
        self.state = .closing
    }

    /// The client's mistake: too many of them end the session.
    mutating func mistake(_ reply: Reply) {
        self.errors += 1
        guard self.errors < self.configuration.maximumErrors else {
            return self.end(Reply(421, "4.7.0", "\(self.configuration.hostname) Too many errors"))
        }
        self.send(reply)
    }

    private mutating func heard(_ line: LineBuffer.Line) {
        let shown = line.octets.readableBytesView.prefix(Self.longestShownLine)
        self.outbox.append(.heard(String(decoding: shown, as: UTF8.self)))
        if line.isCut { return self.mistake(CommandSyntaxError.lineTooLong(limit: Self.longestLine).reply) }
        do { self.answer(try Command.parse(line.octets.readableBytesView)) } catch { self.mistake(error.reply) }
    }

    mutating func beginContent(_ client: Client, _ envelope: Envelope) {
        self.state = .content(client, envelope)
        self.decoder = ContentDecoder()
        self.received = ReceivedCounter()
        self.contentOctets = 0
    }

    // MARK: what can be asked

    public var phase: SessionPhase {
        switch self.state {
        case .connected, .judging(.greeting): .greeting
        case .ready(nil), .judging(.hello): .hello
        case .ready: .idle
        case .judging(.mail): .mail
        case .transaction(_, let envelope): envelope.recipients.isEmpty ? .mail : .rcpt
        case .judging(.recipient): .rcpt
        case .judging(.content): .data
        case .content, .storing, .sinking: .content
        case .committing: .finalReply
        case .closing: .quit
        case .closed: .closed
        }
    }

    /// False while an answer is awaited and octets are unread: the driver then stops reading the socket.
    public var wantsInput: Bool {
        switch self.state {
        case .connected, .judging, .storing, .committing: self.input.readableOctets == 0
        case .ready, .transaction, .content, .sinking: true
        case .closing, .closed: false
        }
    }

    public var client: (name: String, extended: Bool)? {
        switch self.state {
        case .ready(let client): client.map { ($0.name, $0.extended) }
        case .transaction(let client, _), .content(let client, _), .storing(let client, _, _), .sinking(let client, _),
            .committing(let client, _), .judging(.hello(let client)), .judging(.mail(let client, _)),
            .judging(.recipient(let client, _, _)), .judging(.content(let client, _)):
            (client.name, client.extended)
        case .connected, .judging(.greeting), .closing, .closed: nil
        }
    }

    /// Of the open transaction.
    public var envelope: Envelope? {
        switch self.state {
        case .transaction(_, let envelope), .content(_, let envelope), .storing(_, let envelope, _),
            .committing(_, let envelope), .judging(.mail(_, let envelope)), .judging(.recipient(_, let envelope, _)),
            .judging(.content(_, let envelope)):
            envelope
        case .connected, .ready, .judging(.greeting), .judging(.hello), .sinking, .closing, .closed: nil
        }
    }
}
