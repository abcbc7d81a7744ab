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

/// A server session with a driver that answers at once, by rules that show in the names:
/// `nobody@` is unknown, `later@` is deferred, `evil@` may not send, `leave@` is disconnected; a HELO from `full.example`
/// may not store, one from `breaks.example` gets a disk that fails at the first chunk.
struct ServerParty: Transcript.Party {
    let side: Character = "C"
    let events: Set<String> = ["timed out", "shut down", "disconnected"]
    var session: ServerSession
    var greeting = ServerSession.Verdict.accept
    var showsQuestions = false
    var content = ByteBuffer()
    /// The machine must be silent while it waits.
    private var answersOwed = 0

    init(_ configuration: ServerSession.Configuration = .init(hostname: "mx.example.net")) {
        self.session = ServerSession(configuration)
    }

    mutating func receive(_ octets: ByteBuffer) -> [String] {
        self.session.receive(octets)
        return self.drain()
    }

    mutating func happened(_ event: String) -> [String] {
        switch event {
        case "timed out": self.session.timedOut()
        case "shut down": self.session.shutDown()
        case "disconnected": self.session.disconnected()
        default: break
        }
        return self.drain()
    }

    mutating func drain() -> [String] {
        var written: [String] = []
        while let action = self.session.next() { written += self.run(action) }
        return written
    }

    private mutating func run(_ action: ServerSession.Action) -> [String] {
        switch action {
        case .heard: return []
        case .send(let reply): return reply.wireLines.map { "S: \($0)" }
        case .decide(let question):
            let silence = self.session.next()
            #expect(silence == nil)
            self.session.decided(self.verdict(on: question))
            return self.showsQuestions ? ["*: decide \(question)"] : []
        case .store(let chunk):
            let silence = self.session.next()
            #expect(silence == nil)
            self.content.writeImmutableBuffer(chunk)
            if self.session.client?.name == "breaks.example" {
                self.session.storeFailed(Reply(452, "4.3.1", "Disk full"))
            } else {
                self.session.stored()
            }
            return []
        case .commit(let envelope):
            let silence = self.session.next()
            #expect(silence == nil)
            #expect(self.session.phase == .finalReply)
            #expect(self.content.readableBytes == self.session.contentOctets)
            let octets = self.content.readableBytes
            self.content.clear()
            self.session.committed(.all(Reply(250, "2.0.0", "Ok: queued as 4Q7K")))
            let recipients = envelope.recipients.map(\.forwardPath.description).joined(separator: " ")
            return ["*: commit \(envelope.reversePath) -> \(recipients), \(octets) octets"]
        case .discard:
            self.content.clear()
            return ["*: discard"]
        case .close: return ["*: close"]
        }
    }

    private func verdict(on question: ServerSession.Question) -> ServerSession.Verdict {
        switch question {
        case .greeting: return self.greeting
        case .hello(let name, _):
            return name == "bad.example" ? .refuse(Reply(550, "5.7.1", "Not this name")) : .accept
        case .mail(let reversePath, _):
            if reversePath.description.hasPrefix("<evil@") { return .refuse(Reply(550, "5.7.1", "Not you")) }
            if reversePath.description.hasPrefix("<leave@") {
                return .disconnect(Reply(421, "4.7.0", "Come back later"))
            }
            return .accept
        case .recipient(let forwardPath, _):
            if forwardPath.description.hasPrefix("<nobody@") { return .refuse(Reply(550, "5.1.1", "Unknown")) }
            if forwardPath.description.hasPrefix("<later@") { return .refuse(Reply(450, "4.2.0", "Greylisted")) }
            return .accept
        case .content:
            return self.session.client?.name == "full.example"
                ? .refuse(Reply(452, "4.3.1", "Insufficient storage")) : .accept
        }
    }

    /// Where most transcripts start.
    enum Start: String {
        case connected = ""
        case greeted = "EHLO client.example\r\n"
        case transaction = "EHLO client.example\r\nMAIL FROM:<ann@example.net>\r\n"
        case recipient = "EHLO client.example\r\nMAIL FROM:<ann@example.net>\r\nRCPT TO:<bob@example.org>\r\n"
        case dataAccepted =
            "EHLO client.example\r\nMAIL FROM:<ann@example.net>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"
    }

    func started(_ start: Start) -> ServerParty {
        guard start != .connected else { return self }
        var party = self
        _ = party.drain()
        _ = party.receive(ByteBuffer(string: start.rawValue))
        return party
    }

    func expect(
        after start: Start = .greeted, _ text: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for pace in Transcript.Pace.allCases {
            var party = self.started(start)
            let opening = start == .connected ? party.drain().map { $0 + "\n" }.joined() : ""
            let played = opening + Transcript.play(text, to: party, pace: pace)
            #expect(played == Transcript.strip(text), "\(pace)", sourceLocation: sourceLocation)
        }
    }
}

/// A client session with a driver that begins the given transactions in order, then quits.
struct ClientParty: Transcript.Party {
    let side: Character = "S"
    let events: Set<String> = ["timed out", "disconnected", "content comes", "content fails"]
    var session: ClientSession
    var transactions: [ClientSession.Transaction]
    /// Given in chunks of this many octets.
    var content = "Subject: hi\r\n\r\n.dotted\r\n"
    var chunkOctets = 7
    /// Content comes when the transcript says so.
    var contentWaits = false
    private var given = 0
    private var recipients: [ForwardPath] = []
    private var written = ByteBuffer()

    init(
        _ transactions: [ClientSession.Transaction] = [.sample()], pipelining: Bool = true, contentWaits: Bool = false
    ) {
        self.session = ClientSession(.init(hostname: "a.example.net", pipelining: pipelining))
        self.transactions = transactions
        self.contentWaits = contentWaits
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
        case .send(let line): return ["C: \(line)"]
        case .heard: return []
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
        case .readContent:
            if self.contentWaits { return ["*: content is read"] }
            self.giveContent()
            return []
        case .sendContent(let chunk):
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
                case .relayed(let reply): "*: \(recipient) relayed: \(reply)"
                case .deferred(let cause): "*: \(recipient) deferred: \(cause)"
                case .bounced(let reply): "*: \(recipient) bounced: \(reply)"
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
        to recipients: [String] = ["bob@example.org"], parameters: [Parameter] = [], contentOctets: Int = 24
    ) -> Self {
        Self(
            reversePath: .path(Path(mailbox: Mailbox(localPart: "ann", domain: Domain("example.net")))),
            parameters: parameters,
            recipients: recipients.map { text in
                let parts = text.split(separator: "@").map(String.init)
                return .path(Path(mailbox: Mailbox(localPart: parts[0], domain: Domain(parts[1]))))
            }, contentOctets: contentOctets)
    }
}
