public import NIOCore

/// One SMTP server session as a value: octets in, actions out (RFC 5321 §3, §4.1.4).
///
/// It opens no socket, reads no clock and starts no task. The driver puts octets in with ``receive(_:)`` and pulls
/// ``next()`` until that is `nil`; some actions are questions, and nothing more comes out until they are answered. What
/// the client pipelined stays unread meanwhile, so replies keep the order of the commands (RFC 2920 §3.2).
public struct ServerSession: Sendable {
    /// What the machine does not know by itself: policy, DNS, the disk.
    public enum Question: Equatable, Sendable {
        /// May the client be served at all?
        case greeting
        case hello(name: String, extended: Bool)
        case mail(ReversePath, [Parameter])
        case recipient(ForwardPath, [Parameter])
        /// DATA or the first BDAT came: may a message be stored now?
        case content(Envelope)
        /// May TLS start now? Where it may not, the reply is a 454 (RFC 3207 §4).
        case startTLS
        /// Mail is asked for (RFC 1985 §5.2); the reply says what became of that: 250 to 253, or 458, 459.
        case etrn(QueueRequest)
        /// The session starts again, as one with another client. Refused, the session goes on as it was.
        indirect case xclient(ClientAttributes)
        /// What follows comes from another client, for the log and for Received.
        indirect case xforward(ClientAttributes)
    }

    public enum Verdict: Equatable, Sendable {
        case accept
        /// Accepted, with a positive reply of the driver's own.
        case answer(Reply)
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
        /// A command line came in: its first 1000 octets, as hostile as they were. Before the replies to it. What a
        /// client says in an AUTH exchange is no part of it, only how long it was.
        case heard(String)
        /// A remark for the transcript.
        case note(String)
        case send(Reply)
        /// Waits for ``ServerSession/decided(_:)``.
        case decide(Question)
        /// The reply before this is the last in plaintext. Waits for ``ServerSession/tlsEstablished()``; octets that come
        /// before that end the session.
        case startTLS
        /// Waits for ``ServerSession/answered(_:)``.
        case authenticate(SASLStep)
        /// Content, dots unstuffed, lines ending with CRLF (but for BODY=BINARYMIME, where it is as the client sent it).
        /// Waits for ``ServerSession/stored()``, so that a slow disk holds the client back.
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

    struct Transaction: Sendable {
        var envelope: Envelope
        let parameters: MailParameters
        /// Some RCPT was wrong or refused.
        var refusedRecipients = false
        /// BDAT has begun; the decoder holds what came.
        var isChunked = false
        /// Chunks could not be stored: what the next of them is answered.
        var failure: Reply?

        init(_ envelope: Envelope, _ parameters: MailParameters) {
            self.envelope = envelope
            self.parameters = parameters
        }
    }

    /// What the next command finds.
    enum Standing: Sendable {
        case unserved  // The greeting refused service, and only QUIT is welcome (§3.1).
        case stranger  // 220 is out, no EHLO yet. Next: client.
        // Between transactions. Next: transaction, on MAIL. After a MAIL or a chunk that was refused, what was
        // pipelined behind it is no mistake.
        case client(afterRefusedMail: Bool)
        case transaction  // Recipients collect, then chunks. Next: content, on DATA or BDAT.
    }

    /// Where the session is. Who said EHLO, the transaction and its content are beside it, so that they are changed in place
    /// and not moved with each step.
    enum State: Sendable {
        case connected  // Nothing was said or asked yet. Next: asking.
        case waiting(Standing)  // For a command line.
        case asking(Question, Standing)  // For a verdict on a command. A MAIL has its transaction already.
        case securing  // TLS is being negotiated. Next: waiting, as a stranger.
        case authenticating  // A SASL step is with the driver. Next: responding, waiting.
        // 334 is out, and the client's line is awaited. With a user the mechanism is content, and the line is empty.
        case responding(user: String?)
        case content  // Mail data until the lone dot or the end of a chunk. Next: committing, waiting.
        case storing  // A piece of it is with the driver. Next: content.
        // Nobody wants the mail data; the replies follow its end.
        case sinking(Standing, [Reply])
        case committing  // The verdict on the message is awaited. Next: waiting.
        case closed
    }

    /// §4.5.3.1.4 says 512, and each extension adds to it.
    static let lineLimit = 2048
    /// RFC 4954 §4.
    static let authLineLimit = 12288
    static let inputLimit = 64 * 1024
    /// While an answer is awaited, this much input keeps the session busy after it.
    static let waitingInputLimit = 16 * 1024

    /// Its extensions are those whose commands are understood.
    let configuration: Configuration
    /// What the EHLO reply names.
    var offered: Set<ServiceExtension> = []
    var state = State.connected
    var input: LineBuffer
    /// Who the client is, as EHLO or HELO told.
    var knownClient: Client?
    /// The open one, or the one whose MAIL is being decided.
    var transaction: Transaction?
    var decoder = ContentDecoder()
    /// Actions to be pulled before the state is asked.
    var outbox = CircularBuffer<Action>(initialCapacity: 2)
    var errors = 0
    var isShuttingDown = false
    /// Content was begun, and neither committed nor discarded.
    var isContentOpen = false
    var mask = CommandMask()
    var hasTalkedEarly = false
    /// TLS protects the session.
    public internal(set) var isSecured: Bool
    /// Who authenticated, or is known without.
    public internal(set) var user: String?

    public init(_ configuration: consuming Configuration) {
        configuration.forgetUnknown()
        self.isSecured = configuration.isSecured
        self.user = configuration.user
        self.input = LineBuffer(limit: configuration.extensions.contains(.auth) ? Self.authLineLimit : Self.lineLimit)
        self.configuration = configuration
        self.refreshOffer()
    }

    /// Octets came from the client.
    public mutating func receive(_ buffer: ByteBuffer) {
        switch self.state {
        case .closed: break
        case .securing: self.receivedBehindStartTLS()
        case .connected, .waiting, .asking, .authenticating, .responding, .content, .storing, .sinking, .committing:
            self.input.append(buffer)
        }
    }

    /// The next thing to do; `nil` until more octets or an answer arrive.
    public mutating func next() -> Action? {
        while true {
            if let action = self.outbox.popFirst() { return action }
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
                    let heard = self.mask.shown(line.octets, mechanisms: self.configuration.mechanisms)
                    self.answer(line, standing)
                    return .heard(heard)
                } else {
                    return nil
                }
            case .responding(let user):
                if self.isShuttingDown {
                    self.close(saying: self.shutDownReply)
                } else if let line = self.input.nextLine() {
                    self.responded(line, user)
                    return .heard(CommandMask.redacted(line.octets))
                } else {
                    return nil
                }
            case .content:
                guard let action = self.nextContent() else { return nil }
                return action
            case .sinking(let standing, let replies):
                self.input.withOctets { self.decoder.decode(&$0) }
                self.decoder.drop()
                guard self.decoder.isAtEnd else { return nil }
                self.finish(standing, with: replies)
            case .asking, .securing, .authenticating, .storing, .committing, .closed: return nil
            }
        }
    }

    /// Answers ``Action/decide(_:)``.
    public mutating func decided(_ verdict: Verdict) {
        switch self.state {
        case .asking(let question, let standing):
            switch verdict {
            case .accept: self.accepted(question, standing, nil)
            case .answer(let reply): self.accepted(question, standing, reply)
            case .refuse(let reply): self.refused(question, standing, with: reply)
            case .disconnect(let reply): self.close(saying: reply)
            }
        case .closed: break  // The client left while the answer was looked for.
        case .connected, .waiting, .securing, .authenticating, .responding, .content, .storing, .sinking, .committing:
            preconditionFailure("a verdict for a session that had not asked")
        }
    }

    /// Answers ``Action/store(_:)``: the chunk is safe, or as safe as the driver wants it before the next.
    public mutating func stored() {
        switch self.state {
        case .storing: self.state = .content
        case .closed: break
        case .connected, .waiting, .asking, .securing, .authenticating, .responding, .content, .sinking, .committing:
            preconditionFailure("a session was told of a chunk that it had not given")
        }
    }

    /// Answers ``Action/commit(_:)``: the message is durable and ours, or nothing of it remains (RFC 5321 §4.2.5).
    public mutating func committed(_ verdict: CommitVerdict) {
        switch self.state {
        case .committing: self.finish(with: verdict)
        case .closed: break  // The client left while the disk was busy; the message is safe and goes out.
        case .connected, .waiting, .asking, .securing, .authenticating, .responding, .content, .storing, .sinking:
            preconditionFailure("a session was told of a commit that it had not asked for")
        }
    }

    /// The client was silent for too long (§4.5.3.2.7).
    public mutating func timedOut() {
        self.breakOff(saying: Reply(421, "4.4.2", "\(self.configuration.hostname) Timeout, closing the connection"))
    }

    /// The server stops. A message whose content flows is finished first; otherwise the next thing said is 421 (§3.8).
    public mutating func shutDown() { self.isShuttingDown = true }

    /// The server waits no longer for a message to be finished: it stays the client's.
    public mutating func cutShort() {
        self.isShuttingDown = true
        self.breakOff(saying: self.shutDownReply)
    }

    /// The client is gone: nothing more comes out of ``next()``, and an answer that is outstanding is ignored.
    public mutating func disconnected() {
        self.state = .closed
        self.transaction = nil
        self.outbox = []
        self.input.clear()
        self.decoder = ContentDecoder()
    }

    // MARK: replies

    private var shutDownReply: Reply {
        Reply(421, "4.3.2", "\(self.configuration.hostname) Service shutting down, closing the connection")
    }

    /// Ends the session in whatever it does, but not what the disk does for it: the message may be durable.
    private mutating func breakOff(saying reply: Reply) {
        switch self.state {
        case .closed, .committing: return
        case .connected, .waiting, .asking, .securing, .authenticating, .responding, .content, .storing, .sinking: break
        }
        self.close(saying: reply)
    }

    /// The last words of a session.
    mutating func close(saying reply: Reply) {
        self.abandonContent()
        self.outbox.append(.send(reply))
        self.outbox.append(.close)
        self.state = .closed
        self.transaction = nil
        self.input.clear()
    }

    /// The transaction is over, whatever became of it.
    mutating func endTransaction(afterRefusedMail: Bool = false) -> Standing {
        self.transaction = nil
        return .client(afterRefusedMail: afterRefusedMail)
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

    /// A command that was wrong in itself. The state is where it is.
    mutating func fail(_ reply: Reply) {
        if self.countError() { self.outbox.append(.send(reply)) }
    }

    /// - Returns: `false` when it was one too many, and the session is closed.
    mutating func countError() -> Bool {
        self.errors += 1
        guard self.errors > self.configuration.maximumErrors else { return true }
        self.close(
            saying: Reply(421, "4.7.0", "\(self.configuration.hostname) Too many errors, closing the connection"))
        return false
    }

    mutating func ask(_ question: Question, _ standing: Standing) {
        self.outbox.append(.decide(question))
        self.state = .asking(question, standing)
    }

    /// The client said something where it had to wait.
    ///
    /// - Returns: whether the session goes on.
    mutating func talkedEarly(_ remark: String) -> Bool {
        if !self.hasTalkedEarly { self.outbox.append(.note(remark)) }
        self.hasTalkedEarly = true
        switch self.configuration.earlyTalkers {
        case .note: return true
        case .refuse:
            self.close(saying: Reply(554, "5.5.1", "The client has to wait for replies: \(remark)"))
            return false
        }
    }
}
