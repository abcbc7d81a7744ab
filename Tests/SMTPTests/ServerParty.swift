import NIOCore
import Testing

@testable import SMTP

/// A server session with a driver that answers at once, by rules that show in the names:
/// `nobody@` is unknown, `later@` is deferred, `evil@` may not send, `leave@` is disconnected; a HELO from `full.example`
/// may not store, one from `breaks.example` gets a disk that fails at the first chunk; LMTP mail for `over@` exceeds a
/// quota. Of the mechanisms PLAIN wants `ann` and `secret`, LOGIN asks, and X-LAST has more to say at the end.
struct ServerParty: Transcript.Party {
    let side: Character = "C"
    let events: Set<String> = [
        "timed out", "shut down", "cut short", "disconnected", "TLS is established", "store fails",
    ]
    var session: ServerSession
    var greeting = ServerSession.Verdict.accept
    var startTLS = ServerSession.Verdict.accept
    var showsQuestions = false
    /// With what it heard and what was remarked.
    var showsTranscript = false
    var showsContent = false
    private var user = ""
    var content = ByteBuffer()
    /// The machine must be silent while it waits.
    private var answersOwed = 0

    init(_ configuration: ServerSession.Configuration = .init(hostname: "mx.example.net")) {
        self.session = ServerSession(configuration)
    }

    /// The same, and what its transcript hears shows.
    var showing: ServerParty {
        var party = self
        party.showsTranscript = true
        return party
    }

    mutating func receive(_ octets: ByteBuffer) -> [String] {
        self.session.receive(octets)
        return self.drain()
    }

    mutating func happened(_ event: String) -> [String] {
        switch event {
        case "timed out": self.session.timedOut()
        case "shut down": self.session.shutDown()
        case "cut short": self.session.cutShort()
        case "disconnected": self.session.disconnected()
        case "TLS is established": self.session.tlsEstablished()
        case "store fails": self.session.storeFailed(Reply(452, "4.3.1", "Disk full"))
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
        case .heard(let line): return self.showsTranscript ? ["*: heard \(line)"] : []
        case .note(let remark): return self.showsTranscript ? ["*: note: \(remark)"] : []
        case .startTLS: return ["*: TLS starts"]
        case .authenticate(let step):
            let silence = self.session.next()
            #expect(silence == nil)
            self.session.answered(self.verdict(on: step))
            return []
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
            let lines = self.showsContent ? ["*: \(Transcript.escape(self.content))"] : []
            self.content.clear()
            let queued = Reply(250, "2.0.0", "Ok: queued as 4Q7K")
            if self.session.configuration.role == .lmtp {
                self.session.committed(
                    .each(
                        envelope.recipients.map {
                            $0.forwardPath.description.hasPrefix("<over@") ? Reply(452, "4.2.2", "Over quota") : queued
                        }))
            } else {
                self.session.committed(.all(queued))
            }
            let recipients = envelope.recipients.map(\.forwardPath.description).joined(separator: " ")
            return ["*: commit \(envelope.reversePath) -> \(recipients), \(octets) octets"] + lines
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
        case .startTLS: return self.startTLS
        case .etrn(let request):
            switch request {
            case .domain: return .accept
            case .subdomains: return .answer(Reply(253, "2.0.0", "7 pending messages started"))
            case .queue: return .refuse(Reply(459, "4.7.1", "Not for you"))
            }
        case .xclient(let attributes):
            switch attributes.name {
            case .known("evil.example"): return .disconnect(Reply(421, "4.7.0", "Not you"))
            case .known("bad.example"): return .refuse(Reply(550, "5.7.0", "Not this name"))
            case .known, .unavailable, .temporarilyUnavailable, nil: return .accept
            }
        case .xforward: return .accept
        }
    }

    private mutating func verdict(on step: SASLStep) -> SASLVerdict {
        switch step {
        case .begin("PLAIN", let response?): return self.plain(response)
        case .begin("X-LAST", let response):
            return .succeeded(user: "ann", finalData: response ?? ByteBuffer(string: "v=1"))
        case .begin("LOGIN", nil): return .challenge(ByteBuffer(string: "Username:"))
        case .begin: return .challenge(ByteBuffer())
        case .response(let response) where response.getInteger(at: response.readerIndex) == UInt8(0):
            return self.plain(response)
        case .response(let response):
            guard !self.user.isEmpty else {
                self.user = String(buffer: response)
                return self.user.isEmpty
                    ? .failed(Reply(535, "5.7.8", "Who?")) : .challenge(ByteBuffer(string: "Password:"))
            }
            defer { self.user = "" }
            return self.password(of: self.user, is: String(buffer: response))
        }
    }

    private func plain(_ response: ByteBuffer) -> SASLVerdict {
        let parts = String(buffer: response).split(separator: "\0", omittingEmptySubsequences: false)
        return parts.count == 3
            ? self.password(of: String(parts[1]), is: String(parts[2])) : .failed(Reply(501, "5.5.2", "Malformed"))
    }

    private func password(of user: String, is password: String) -> SASLVerdict {
        user == "ann" && password == "secret"
            ? .succeeded(user: user) : .failed(Reply(535, "5.7.8", "Authentication failed"))
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

extension ServerSession.Configuration {
    static func sample(_ change: (inout Self) -> Void) -> Self {
        var configuration = ServerSession.Configuration(hostname: "mx.example.net")
        change(&configuration)
        return configuration
    }

    static let withTLS = Self.sample {
        $0.extensions.formUnion([.startTLS, .auth, .requireTLS])
        $0.mechanisms = ["PLAIN", "LOGIN", "X-LAST"]
    }
    static let withAUTH = Self.sample {
        $0.extensions.insert(.auth)
        $0.mechanisms = ["PLAIN", "LOGIN", "X-LAST"]
        $0.allowsAuthenticationWithoutTLS = true
    }
    static let submission = Self.sample {
        $0.extensions.insert(.auth)
        $0.mechanisms = ["PLAIN"]
        $0.isSecured = true
        $0.role = .submission
    }
}
