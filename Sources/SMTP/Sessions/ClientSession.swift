public import NIOCore

/// One SMTP client session as a value: octets in, actions out (RFC 5321 §3, §4.1.4).
///
/// The driver puts octets in with ``receive(_:)`` and pulls ``next()`` until that is `nil`. After ``Action/ready`` it
/// begins a transaction or quits; every transaction ends with one ``Action/finished(_:)``, whatever happens.
public struct ClientSession: Sendable {
    public enum Action: Equatable, Sendable {
        /// A command line, without CRLF.
        case send(String)
        /// A line with credentials in it, without CRLF: for the server alone. `shown` is what a transcript may hold.
        case sendSecret(String, shown: String)
        /// A reply came in. Before what follows from it.
        case heard(Reply)
        /// Begin the TLS handshake. Waits for ``ClientSession/tlsEstablished(verified:)`` or
        /// ``ClientSession/tlsFailed(_:)``; what is received before is a forgery.
        case startTLS
        /// Authenticate with one of these mechanisms, the best first. Waits for ``ClientSession/authenticate(with:)``
        /// or ``ClientSession/giveUpAuthentication(_:)``.
        case authenticate(mechanisms: [String])
        /// Waits for ``ClientSession/answer(_:believesSuccess:)`` or ``ClientSession/giveUpAuthentication(_:)``.
        case answer(challenge: [UInt8])
        /// Waits for ``ClientSession/begin(_:)`` or ``ClientSession/quit()``.
        case ready
        /// The server takes no more transactions in this session (RFC 9422 §4). QUIT follows by itself.
        case spent
        /// Waits for ``ClientSession/content(_:)`` with a chunk, ``ClientSession/contentEnded()`` or
        /// ``ClientSession/contentFailed()``.
        case readContent
        /// Mail data to write, dots stuffed; behind a BDAT, the chunk as it is. Pull again when there is room for more.
        case sendContent(ByteBuffer)
        /// Write a dot and CRLF: mail data is complete. Chunks end with `BDAT n LAST` instead.
        case endContent
        /// What became of the transaction, in the order of its recipients.
        case finished([Outcome])
        /// The session never got ready, or broke between transactions; `.close` follows, perhaps behind a QUIT.
        /// `permanent` is the 5yz that says that another attempt is pointless.
        case unusable(DeferralCause, permanent: Reply?)
        case close
    }

    /// Where the session is. The transaction is beside it, so that it is changed in place and not moved with each step.
    enum State: Sendable {
        case greeting  // The 220 is awaited. Next: hello.
        case hello(extended: Bool)  // EHLO is out, or HELO when that was refused. Next: startingTLS, choosing, ready.
        case startingTLS  // STARTTLS is out. Next: handshake; choosing or ready when it is refused.
        case handshake  // The driver makes TLS. Next: hello.
        case choosing([String])  // The driver picks one of these mechanisms. Next: authenticating.
        case authenticating(Authentication)  // AUTH is out. Next: ready.
        case ready(announced: Bool)  // Between transactions. Next: commands, quitting.
        case commands  // MAIL, RCPTs and DATA. Next: content, chunks; resetting when nothing is accepted.
        case content(Reading)  // 354 came. Next: finalReply.
        case finalReply  // The dot is out. Next: ready.
        case chunks(Chunks)  // BDATs go out. Next: ready, or resetting when one is refused.
        case resetting(awaited: Int)  // RSET is out, and so many replies are to come. Next: ready.
        case quitting  // QUIT is out. Next: closed.
        case closed
    }

    enum Reading: Sendable {
        case due  // A chunk is to be asked for. Next: asked.
        case asked  // The driver reads. Next: due, ended.
        case ended  // The dot, or the last chunk, is to be sent.
    }

    /// How the connection ended, found out between two replies.
    enum Ending: Sendable {
        case lost
        case timedOut
        case contentFailed
    }

    /// Replies of that many octets are read ahead of a driver that pulls nothing.
    static let inputLimit = 16 * 1024

    let configuration: Configuration
    var state = State.greeting
    /// The transaction under way.
    var exchange: Exchange?
    public internal(set) var server = Server()
    /// What protects the connection now.
    public internal(set) var security: Security
    public internal(set) var isAuthenticated = false
    /// STARTTLS was refused, and the session goes on without.
    var goesWithoutTLS = false
    /// Transactions so far, and the domains of their recipients where the server limits them.
    var transactions = 0
    var domains: Set<String> = []
    var isSpent = false
    var replies = ReplyParser()
    var encoder = ContentEncoder()
    /// Actions to be pulled before the state is asked.
    var outbox = CircularBuffer<Action>(initialCapacity: 4)
    var ending: Ending?

    public init(_ configuration: Configuration) {
        self.configuration = configuration
        self.security = configuration.securedAtStart
    }

    /// Octets came from the server.
    public mutating func receive(_ buffer: ByteBuffer) {
        switch self.state {
        case .closed: break
        // Not protected yet, and to be taken for protected if it were kept (CVE-2011-0411 the other way round).
        case .handshake: self.fail(.malformedReply(.tls))
        case .greeting, .hello, .startingTLS, .choosing, .authenticating, .ready, .commands, .content, .finalReply,
            .chunks, .resetting, .quitting:
            self.replies.append(buffer)
        }
    }

    /// The next thing to do; `nil` until more octets, content or a transaction arrive.
    public mutating func next() -> Action? {
        while true {
            if let action = self.outbox.popFirst() { return action }
            if case .closed = self.state { return nil }
            if self.ending == nil, let command = self.nextCommand() { return .send(command) }
            do {
                if let reply = try self.replies.next() {
                    let heard = self.shown(reply)  // As the session was when it was said.
                    self.received(reply)
                    return .heard(heard)
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
    ///
    /// What the server cannot take is not tried: ``conversion(neededFor:)`` tells what can be done about content before,
    /// and recipients beyond ``Server/limits`` are deferred to the next transaction or session.
    public mutating func begin(_ transaction: Transaction) {
        guard case .ready(announced: true) = self.state else {
            preconditionFailure("a transaction was begun in a session that is not ready")
        }
        precondition(!transaction.recipients.isEmpty, "a transaction without recipients")
        let verdicts = self.verdicts(on: transaction)
        let tried = zip(transaction.recipients, verdicts).filter { $1 == nil }.map(\.0)
        guard !tried.isEmpty else {
            self.isSpent = verdicts.contains { if case .deferred(.beyondLimit) = $0 { true } else { false } }
            self.outbox.append(.finished(verdicts.compactMap { $0 }))
            self.state = .ready(announced: false)
            return
        }
        self.transactions += 1
        if self.server.limits.domains != nil { self.domains.formUnion(tried.compactMap(\.domainName)) }
        let smtpUTF8 =
            self.server.offers(.smtpUTF8)
            && (transaction.has("SMTPUTF8") || transaction.isInternational || !tried.allSatisfy(\.isASCII))
        let means = Exchange.Means(
            pipelining: self.pipelines, chunks: self.chunks, dsn: self.server.offers(.dsn), smtpUTF8: smtpUTF8)
        let mailLine = self.mailLine(for: transaction, smtpUTF8: smtpUTF8)
        self.exchange = Exchange(transaction, verdicts: verdicts, mailLine: mailLine, means)
        self.state = .commands
    }

    /// Whether a transaction may begin, or the session be quit.
    public var isReady: Bool { if case .ready(announced: true) = self.state { true } else { false } }

    /// Ends a session that is ready.
    public mutating func quit() {
        switch self.state {
        case .ready(announced: true):
            self.outbox.append(.send("QUIT"))
            self.state = .quitting
        case .closed: break
        case .greeting, .hello, .startingTLS, .handshake, .choosing, .authenticating, .ready, .commands, .content,
            .finalReply, .chunks, .resetting, .quitting:
            preconditionFailure("QUIT in a session that is not ready")
        }
    }

    private var wantsInput: Bool { self.replies.readableOctets < Self.inputLimit }
    private var isEnding: Bool {
        if case .closed = self.state { true } else { self.ending != nil }
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
        case .startingTLS, .handshake: .tls
        case .choosing, .authenticating: .auth
        case .ready, .resetting: .idle
        case .commands: self.exchange?.phase ?? .mail
        case .content: .content
        case .finalReply: .finalReply
        case .chunks(let chunks): chunks.phase
        case .quitting: .quit
        case .closed: .closed
        }
    }

    /// What a driver asks for after each of its turns.
    public struct Look: Sendable {
        public let phase: SessionPhase
        /// Recipients of the transaction that the server has answered.
        public let recipientsAnswered: Int
        /// Whether there is an end to what is to be pulled, whatever the server does.
        public let isEnding: Bool
        /// Whether the driver should read on: not when what came before waits to be pulled.
        public let wantsInput: Bool
    }

    /// Mutating, though nothing changes, as in ``ServerSession/look()``.
    public mutating func look() -> Look {
        Look(
            phase: self.phase, recipientsAnswered: self.recipientProgress.answered, isEnding: self.isEnding,
            wantsInput: self.wantsInput)
    }

    /// How many recipients of the transaction the server has answered; (0, 0) outside of one.
    public var recipientProgress: (answered: Int, total: Int) { self.exchange?.recipientProgress ?? (0, 0) }

    private var pipelines: Bool { self.configuration.pipelining && self.server.offers(.pipelining) }

    private mutating func nextCommand() -> String? {
        guard case .commands = self.state else { return nil }
        return self.exchange?.nextCommand()
    }

    /// What comes next without the server.
    /// - Returns: whether anything does.
    private mutating func proceed() -> Bool {
        switch self.state {
        case .ready(announced: false):
            if self.isSpent || self.transactions >= self.server.limits.transactions ?? .max {
                self.outbox += [.spent, .send("QUIT")]
                self.state = .quitting
            } else {
                self.outbox.append(.ready)
                self.state = .ready(announced: true)
            }
            return true
        case .content(let reading): return self.proceed(reading)
        case .chunks(let chunks): return self.proceed(chunks)
        case .greeting, .hello, .startingTLS, .handshake, .choosing, .authenticating, .ready, .commands, .finalReply,
            .resetting, .quitting, .closed:
            return false
        }
    }
}
