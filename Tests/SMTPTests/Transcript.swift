import NIOCore
import Testing

@testable import SMTP

/// A conversation as text, for either machine.
///
/// A test gives the lines of the other side and what happens around the session; the harness plays them in bursts,
/// writes what really happened in the same notation, and compares the two texts:
/// ```
/// C: a line of the client, S: a line of the server (CRLF is added)
/// C| octets without CRLF, with \r \n \0 and \xNN
/// *: what the driver was asked to do, or what happened to it
/// # a comment
/// ```
/// Everything is played whole and once more an octet at a time.
struct Transcript {
    enum Pace: CaseIterable { case bursts, octets }

    enum Line {
        case octets([UInt8])
        case event(String)
        case output
    }

    /// What a transcript is played to.
    protocol Party {
        /// `C` or `S`: whose lines are fed in.
        var side: Character { get }
        var events: Set<String> { get }
        /// Feeds octets, then does whatever the machine asks for.
        mutating func receive(_ octets: ByteBuffer) -> [String]
        mutating func happened(_ event: String) -> [String]
    }

    static func play(_ text: String, to party: some Party, pace: Pace) -> String {
        var party = party
        var written: [String] = []
        var burst: [UInt8] = []
        func feed() {
            guard !burst.isEmpty else { return }
            switch pace {
            case .bursts: written += party.receive(ByteBuffer(bytes: burst))
            case .octets: for octet in burst { written += party.receive(ByteBuffer(bytes: [octet])) }
            }
            burst = []
        }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            switch self.read(line, for: party) {
            case .octets(let octets):
                written.append(line)
                burst += octets
            case .event(let event):
                feed()
                written.append(line)
                written += party.happened(event)
            case .output: feed()
            }
        }
        feed()
        return written.joined(separator: "\n")
    }

    /// Without the comments, which say nothing that happens.
    static func strip(_ text: String) -> String {
        text.split(separator: "\n").filter { !$0.hasPrefix("#") }.joined(separator: "\n")
    }

    private static func read(_ line: String, for party: some Party) -> Line {
        let text = String(line.dropFirst(3))
        if line.first == party.side, line.hasPrefix("\(party.side)|") { return .octets(self.unescape(text)) }
        if line.first == party.side { return .octets(Array(text.utf8) + [13, 10]) }
        if line.hasPrefix("*: "), party.events.contains(text) { return .event(text) }
        return .output
    }

    static func escape(_ buffer: ByteBuffer) -> String {
        buffer.readableBytesView.map { octet in
            switch octet {
            case 13: "\\r"
            case 10: "\\n"
            case 0: "\\0"
            case 0x20..<0x7F: String(UnicodeScalar(octet))
            default: "\\x" + String(octet, radix: 16)
            }
        }.joined()
    }

    static func unescape(_ text: String) -> [UInt8] {
        var octets: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "\\"), let kind = rest.popFirst() else {
                octets.append(octet)
                continue
            }
            switch kind {
            case UInt8(ascii: "r"): octets.append(13)
            case UInt8(ascii: "n"): octets.append(10)
            case UInt8(ascii: "0"): octets.append(0)
            case UInt8(ascii: "x"):
                octets.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            default: octets.append(kind)
            }
        }
        return octets
    }
}

extension Reply {
    /// Its lines as they go over the wire.
    var wireLines: [String] {
        var buffer = ByteBuffer()
        self.encode(into: &buffer)
        return String(buffer: buffer).split(separator: "\r\n", omittingEmptySubsequences: false).dropLast().map(
            String.init)
    }
}

/// A client session with a driver that begins the given transactions in order, then quits.
struct ClientParty: Transcript.Party {
    let side: Character = "S"
    let events: Set<String> = [
        "timed out", "disconnected", "content comes", "content fails", "TLS established", "TLS verified", "TLS fails",
    ]
    var session: ClientSession
    var transactions: [ClientSession.Transaction]
    var credentials: (any SASLClient)?
    /// Writes what transcripts may hold of an AUTH exchange, not what goes to the server.
    var hidesSecrets = false
    /// Given in chunks of this many octets.
    var content = "Subject: hi\r\n\r\n.dotted\r\n"
    var chunkOctets = 7
    /// Content comes when the transcript says so.
    var contentWaits = false
    private var given = 0
    private var recipients: [ForwardPath] = []
    private var written = ByteBuffer()
    private var isInChunk = false

    init(
        _ transactions: [ClientSession.Transaction] = [.sample()], pipelining: Bool = true, contentWaits: Bool = false
    ) {
        self.init(.init(hostname: "a.example.net", pipelining: pipelining), transactions)
        self.contentWaits = contentWaits
    }

    init(
        _ configuration: ClientSession.Configuration, _ transactions: [ClientSession.Transaction] = [.sample()],
        credentials: (any SASLClient)? = nil
    ) {
        self.session = ClientSession(configuration)
        self.transactions = transactions
        self.credentials = credentials
    }

    mutating func receive(_ octets: ByteBuffer) -> [String] {
        self.session.receive(octets)
        return self.drain()
    }

    mutating func happened(_ event: String) -> [String] {
        switch event {
        case "timed out": self.session.timedOut()
        case "disconnected": self.session.disconnected()
        case "content comes":
            self.contentWaits = false
            if self.session.phase == .content { self.giveContent() }
        case "content fails": self.session.contentFailed()
        case "TLS established": self.session.tlsEstablished()
        case "TLS verified": self.session.tlsEstablished(verified: true)
        case "TLS fails": self.session.tlsFailed("no shared cipher")
        default: break
        }
        return self.drain()
    }

    mutating func drain() -> [String] {
        var written: [String] = []
        while let action = self.session.next() { written += self.run(action) }
        return written
    }

    private mutating func giveContent() {
        let octets = Array(self.content.utf8).dropFirst(self.given).prefix(self.chunkOctets)
        self.given += octets.count
        if octets.isEmpty { self.session.contentEnded() } else { self.session.content(ByteBuffer(bytes: octets)) }
    }

    private mutating func run(_ action: ClientSession.Action) -> [String] {
        switch action {
        case .send(let line):
            self.isInChunk = line.hasPrefix("BDAT ")
            return ["C: \(line)"]
        case .sendSecret(let line, let shown): return ["C: \(self.hidesSecrets ? shown : line)"]
        case .heard(let reply): return self.hidesSecrets ? reply.wireLines.map { "*: heard \($0)" } : []
        case .startTLS: return []
        case .authenticate(let mechanisms):
            if let credentials = self.credentials, mechanisms.contains(credentials.mechanism) {
                self.session.authenticate(with: credentials)
            } else {
                self.session.giveUpAuthentication("no credentials for \(mechanisms.joined(separator: ", "))")
            }
            return []
        case .answer(let challenge):
            do {
                let response = try self.credentials?.answer(to: challenge)
                self.session.answer(response ?? [], believesSuccess: self.credentials?.believesSuccess ?? false)
            } catch {
                self.session.giveUpAuthentication("\(error)")
            }
            return []
        case .ready:
            let silence = self.session.next()
            #expect(silence == nil)
            guard !self.transactions.isEmpty else {
                self.session.quit()
                return []
            }
            let transaction = self.transactions.removeFirst()
            self.recipients = transaction.recipients
            self.given = 0
            self.session.begin(transaction)
            return []
        case .spent: return ["*: spent"]
        case .readContent:
            if self.contentWaits { return ["*: content is read"] }
            self.giveContent()
            return []
        case .sendContent(let chunk):
            if self.isInChunk { return ["C| \(Transcript.escape(chunk))"] }
            self.written.writeImmutableBuffer(chunk)
            return []
        case .endContent:
            let lines = String(buffer: self.written).split(separator: "\r\n", omittingEmptySubsequences: false)
            self.written.clear()
            return lines.dropLast().map { $0.isEmpty ? "C:" : "C: \($0)" } + ["C: ."]
        case .finished(let outcomes):
            #expect(outcomes.count == self.recipients.count)
            return zip(self.recipients, outcomes).map { recipient, outcome in
                switch outcome {
                case .relayed(let reply, let dsn): "*: \(recipient) relayed\(dsn ? " with DSN" : ""): \(reply)"
                case .deferred(let cause): "*: \(recipient) deferred: \(cause)"
                case .bounced(let reply, let author):
                    "*: \(recipient) bounced\(author == .relay ? " unasked" : ""): \(reply)"
                }
            }
        case .unusable(let cause, let permanent):
            return ["*: unusable\(permanent == nil ? "" : " for good"): \(cause)"]
        case .close: return ["*: close"]
        }
    }

    func expect(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
        for pace in Transcript.Pace.allCases {
            let played = Transcript.play(text, to: self, pace: pace)
            #expect(played == Transcript.strip(text), "\(pace)", sourceLocation: sourceLocation)
        }
    }
}

extension ClientSession.Transaction {
    static func sample(
        to recipients: [String] = ["bob@example.org"], parameters: [Parameter] = [],
        recipientParameters: [[Parameter]] = [], contentOctets: Int = 24
    ) -> Self {
        Self(
            reversePath: .path(Path(mailbox: Mailbox(localPart: "ann", domain: Domain("example.net")))),
            parameters: parameters,
            recipients: recipients.map { text in
                let parts = text.split(separator: "@").map(String.init)
                return .path(Path(mailbox: Mailbox(localPart: parts[0], domain: Domain(parts[1]))))
            }, recipientParameters: recipientParameters, contentOctets: contentOctets)
    }
}
