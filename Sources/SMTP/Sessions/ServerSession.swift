public import NIOCore

/// One SMTP server session as a value: octets in, actions out (RFC 5321 §3, §4.1.4).
///
/// It opens no socket, reads no clock and starts no task. The driver puts octets in with ``receive(_:)`` and pulls
/// ``next()`` until that is `nil`; some actions are questions, and nothing more comes out until they are answered. What
/// the client pipelined stays unread meanwhile, so replies keep the order of the commands (RFC 2920 §3.2).
public struct ServerSession: Sendable {
    public struct Configuration: Sendable {
        public var hostname: String
        /// Advertised as SIZE (RFC 1870). 0: no fixed limit.
        public var maximumMessageOctets: Int
        public var maximumRecipients: Int
        /// So many commands of a session may be wrong; the next wrong one ends it.
        public var maximumErrors: Int
        /// A message with more Received fields is taken to be in a loop (RFC 5321 §6.3).
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

    /// What the machine does not know by itself: policy, DNS, the disk.
    public enum Question: Equatable, Sendable {
        /// May the client be served at all?
        case greeting
        case hello(name: String, extended: Bool)
        case mail(ReversePath, [Parameter])
        case recipient(ForwardPath, [Parameter])
        /// DATA came: may a message be stored now?
        case content(Envelope)
    }

    public enum Verdict: Equatable, Sendable {
        case accept
        /// Sent in place of the positive reply; the session is where it was before the command.
        case refuse(Reply)
        /// Sent, then the connection is closed.
        case disconnect(Reply)
    }

    public enum CommitVerdict: Equatable, Sendable {
        case all(Reply)
        /// One for each recipient, which is LMTP's way (RFC 2033 §4.2); SMTP sends the first.
        case each([Reply])
    }

    public enum Action: Equatable, Sendable {
        /// A command line came in: its first 1000 octets, as hostile as they were. Before the replies to it.
        case heard(String)
        case send(Reply)
        /// Waits for ``ServerSession/decided(_:)``.
        case decide(Question)
        /// Content, dots unstuffed, lines ending with CRLF. Waits for ``ServerSession/stored()``, so that a slow disk
        /// holds the client back.
        case store(ByteBuffer)
        /// All content was stored. Waits for ``ServerSession/committed(_:)``.
        case commit(Envelope)
        /// The content stored so far is not wanted after all.
        case discard
        case close
    }

    struct Client: Sendable {
        var name: String
        var extended: Bool
    }

    /// What the next command finds.
    enum Standing: Sendable {
        case unserved  // The greeting refused service, and only QUIT is welcome (§3.1).
        case stranger  // 220 is out, no EHLO yet. Next: client.
        case client(Client, afterRefusedMail: Bool)  // Between transactions. Next: transaction, on MAIL.
        case transaction(Client, Envelope, refusedRecipients: Bool)  // Recipients collect. Next: content, on DATA.
    }

    enum State: Sendable {
        case connected  // Nothing was said or asked yet. Next: asking.
        case waiting(Standing)  // For a command line.
        case asking(Question, Standing)  // For a verdict on a command.
        case content(Client, Envelope)  // 354 is out; mail data until the lone dot. Next: committing.
        case storing(Client, Envelope)  // A chunk is with the driver. Next: content.
        case sinking(Client, Reply)  // Nobody wants the mail data any more; the reply follows the lone dot.
        case committing(Client, Envelope)  // The verdict on the message is awaited. Next: waiting.
        case closed
    }

    /// §4.5.3.1.4 says 512, and each extension adds to it.
    static let lineLimit = 2048
    static let heardLimit = 1000
    static let inputLimit = 64 * 1024
    /// While an answer is awaited, this much input keeps the session busy after it.
    static let waitingInputLimit = 16 * 1024

    let configuration: Configuration
    var state = State.connected
    var input = LineBuffer(limit: Self.lineLimit)
    /// Of the content in `state`; beside it, so that it is changed in place and not copied with each chunk.
    var decoder = ContentDecoder()
    /// To be pulled before the state is asked.
    var outbox: [Action] = []
    var errors = 0
    var isShuttingDown = false

    public init(_ configuration: Configuration) { self.configuration = configuration }

    /// Octets came from the client.
    public mutating func receive(_ buffer: ByteBuffer) {
        if case .closed = self.state { return }
        self.input.append(buffer)
    }

    /// The next thing to do; `nil` until more octets or an answer arrive.
    public mutating func next() -> Action? {
        while true {
            if !self.outbox.isEmpty { return self.outbox.removeFirst() }
            switch self.state {
            case .connected:
                if self.isShuttingDown {
                    self.close(saying: self.shutDownReply)
                } else {
                    self.state = .asking(.greeting, .stranger)
                    return .decide(.greeting)
                }
            case .waiting(let standing):
                if self.isShuttingDown {
                    self.close(saying: self.shutDownReply)
                } else if let line = self.input.nextLine() {
                    self.outbox.append(.heard(Self.transcript(of: line)))
                    self.answer(line, standing)
                } else {
                    return nil
                }
            case .content(let client, let envelope):
                guard let action = self.nextContent(client, envelope) else { return nil }
                return action
            case .sinking(let client, let reply):
                self.input.withOctets { self.decoder.decode(&$0) }
                self.decoder.drop()
                guard self.decoder.isComplete else { return nil }
                self.finish(client, with: reply)
            case .asking, .storing, .committing, .closed: return nil
            }
        }
    }

    /// Answers ``Action/decide(_:)``.
    public mutating func decided(_ verdict: Verdict) {
        switch self.state {
        case .asking(let question, let standing):
            self.state = .closed  // Lets go of the envelope, so that a recipient is added in place.
            switch verdict {
            case .accept: self.accepted(question, standing)
            case .refuse(let reply): self.refused(question, standing, with: reply)
            case .disconnect(let reply): self.close(saying: reply)
            }
        case .closed: break  // The client left while the answer was looked for.
        case .connected, .waiting, .content, .storing, .sinking, .committing:
            preconditionFailure("a verdict for a session that had not asked")
        }
    }

    /// Answers ``Action/store(_:)``: the chunk is safe, or as safe as the driver wants it before the next.
    public mutating func stored() {
        switch self.state {
        case .storing(let client, let envelope): self.state = .content(client, envelope)
        case .closed: break
        case .connected, .waiting, .asking, .content, .sinking, .committing:
            preconditionFailure("a session was told of a chunk that it had not given")
        }
    }

    /// Content cannot be stored, at ``Action/store(_:)`` or since: the rest of it is passed over, then `reply` is sent
    /// and nothing is committed.
    public mutating func storeFailed(_ reply: Reply) {
        switch self.state {
        case .storing(let client, _), .content(let client, _): self.sink(client, reply)
        case .sinking, .closed: break  // Nobody wants this content any more.
        case .connected, .waiting, .asking, .committing:
            preconditionFailure("a session without content was told that storing it failed")
        }
    }

    /// Answers ``Action/commit(_:)``: the message is durable and ours, or nothing of it remains (RFC 5321 §4.2.5).
    public mutating func committed(_ verdict: CommitVerdict) {
        switch self.state {
        case .committing(let client, _):
            switch verdict {
            case .all(let reply): self.finish(client, with: reply)
            case .each(let replies):
                guard let first = replies.first else { preconditionFailure("a commit without a verdict") }
                self.finish(client, with: first)
            }
        case .closed: break  // The client left while the disk was busy; the message is safe and goes out.
        case .connected, .waiting, .asking, .content, .storing, .sinking:
            preconditionFailure("a session was told of a commit that it had not asked for")
        }
    }

    /// The client was silent for too long (§4.5.3.2.7).
    public mutating func timedOut() {
        switch self.state {
        case .closed, .committing: return  // The disk takes its time, and the message may be durable.
        case .content, .storing: self.outbox.append(.discard)
        case .connected, .waiting, .asking, .sinking: break
        }
        self.close(saying: Reply(421, "4.4.2", "\(self.configuration.hostname) Timeout, closing the connection"))
    }

    /// The server stops. A message whose content flows is finished first; otherwise the next thing said is 421 (§3.8).
    public mutating func shutDown() { self.isShuttingDown = true }

    /// The client is gone: nothing more comes out of ``next()``, and an answer that is outstanding is ignored.
    public mutating func disconnected() {
        self.state = .closed
        self.outbox = []
        self.input.clear()
        self.decoder = ContentDecoder()
    }
}

extension ServerSession {
    public var phase: SessionPhase {
        switch self.state {
        case .connected: .greeting
        case .waiting(let standing): self.phase(of: standing)
        case .asking(let question, _):
            switch question {
            case .greeting: .greeting
            case .hello: .hello
            case .mail: .mail
            case .recipient: .rcpt
            case .content: .data
            }
        case .content, .storing, .sinking: .content
        case .committing: .finalReply
        case .closed: .closed
        }
    }

    /// Whether the driver should read on: not when an answer is awaited that has enough behind it, or a client sends
    /// faster than it is served.
    public var wantsInput: Bool {
        switch self.state {
        case .connected, .asking, .storing, .committing: self.input.readableOctets < Self.waitingInputLimit
        case .waiting, .content, .sinking: self.input.readableOctets <= Self.inputLimit
        case .closed: false
        }
    }

    /// Who the client says it is; `nil` before EHLO or HELO.
    public var client: (name: String, extended: Bool)? {
        switch self.state {
        case .waiting(.client(let client, _)), .waiting(.transaction(let client, _, _)),
            .asking(_, .client(let client, _)), .asking(_, .transaction(let client, _, _)),
            .content(let client, _), .storing(let client, _), .sinking(let client, _), .committing(let client, _):
            (client.name, client.extended)
        case .connected, .waiting(.unserved), .waiting(.stranger), .asking(_, .unserved), .asking(_, .stranger),
            .closed:
            nil
        }
    }

    /// Octets of the current content, decoded; 0 when none flows.
    public var contentOctets: Int {
        switch self.state {
        case .content, .storing, .sinking, .committing: self.decoder.octets
        case .connected, .waiting, .asking, .closed: 0
        }
    }

    /// Of the open transaction; `nil` also once its content is refused.
    public var envelope: Envelope? {
        switch self.state {
        case .waiting(.transaction(_, let envelope, _)), .asking(_, .transaction(_, let envelope, _)),
            .content(_, let envelope), .storing(_, let envelope), .committing(_, let envelope):
            envelope
        case .connected, .waiting, .asking, .sinking, .closed: nil
        }
    }

    private func phase(of standing: Standing) -> SessionPhase {
        switch standing {
        case .unserved: .greeting
        case .stranger: .hello
        case .client: .idle
        case .transaction(_, let envelope, _): envelope.recipients.isEmpty ? .mail : .rcpt
        }
    }

    private var shutDownReply: Reply {
        Reply(421, "4.3.2", "\(self.configuration.hostname) Service shutting down, closing the connection")
    }

    private static func transcript(of line: LineBuffer.Line) -> String {
        String(decoding: line.octets.readableBytesView.prefix(Self.heardLimit), as: UTF8.self)
    }

    /// The last words of a session.
    mutating func close(saying reply: Reply) {
        self.outbox.append(.send(reply))
        self.outbox.append(.close)
        self.state = .closed
        self.input.clear()
    }

    /// Sends `reply` and waits for the next command, unless the reply is one that ends a session (§3.8).
    mutating func reply(_ reply: Reply, then standing: Standing) {
        if reply.code == 421 {
            self.close(saying: reply)
        } else {
            self.outbox.append(.send(reply))
            self.state = .waiting(standing)
        }
    }
}
