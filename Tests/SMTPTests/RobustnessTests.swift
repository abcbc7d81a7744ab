import NIOCore
import SeededRandom
import Testing

@testable import SMTP

/// Octets of the network never trap a machine whose driver keeps to the rules.
struct RobustnessTests {
    private static let commands = [
        "EHLO c.example\r\n", "HELO c\n", "MAIL FROM:<a@b>\r\n", "MAIL FROM:<> SIZE=9 BODY=7BIT\r\n",
        "RCPT TO:<c@d>\r\n",
        "RCPT TO:<nobody@d>\r\n", "RCPT TO:<@A,@B:u@[IPv6:::1]>\r\n", "DATA\r\n", "RSET\r\n", ".\r\n", "\r\n.\r\n",
        "\n.\n", ".", "\r", "\n", "\0", "Received: x\r\n", "VRFY x\r\n", "\u{FF}", "<", ">", "\"", "NOOP\r\n",
    ]
    private static let extensions = [
        "LHLO c.example\r\n", "STARTTLS\r\n", "AUTH PLAIN AGFubgBzZWNyZXQ=\r\n", "AUTH PLAIN\r\n", "AUTH LOGIN\r\n",
        "AUTH X-LAST =\r\n", "YW5u\r\n", "c2VjcmV0\r\n", "*\r\n", "=\r\n", "BDAT 5\r\n", "BDAT 5\r\nRSET\r",
        "BDAT 0 LAST\r\n",
        "BDAT 7 LAST\r\n", "BDAT 99999999999999999999\r\n", "BDAT x\r\n", "a\nb\rc", "ETRN #q\r\n",
        "ETRN @a.example\r\n",
        "XCLIENT NAME=a LOGIN=ann\r\n", "XFORWARD NAME=[UNAVAILABLE]\r\n",
        "MAIL FROM:<ö@ü> SMTPUTF8 BODY=BINARYMIME RET=HDRS ENVID=a BY=90;R MT-PRIORITY=-2 AUTH=<>\r\n",
        "MAIL FROM:<a@b> HOLDFOR=5 REQUIRETLS\r\n", "RCPT TO:<ö@d> NOTIFY=NEVER ORCPT=utf-8;\\x{F6}@d\r\n",
        "RCPT TO:<over@d>\r\n", String(repeating: "long ", count: 300), "EHLO c.example\r\n", "LHLO c.example\r\n",
        "RCPT TO:<c@d>\r\n", "MAIL FROM:<a@b> BODY=BINARYMIME\r\n",
    ]
    private static let replies = [
        "220 mx\r\n", "250 Ok\r\n", "250-mx\r\n250-PIPELINING\r\n250 SIZE 30\r\n", "250 2.1.0 Ok\r\n", "354 Go\r\n",
        "354 Go\r\n", "250 Ok\r\n", "450 4.2.0 no\r\n", "550 5.1.1 no\r\n", "421 bye\r\n", "251-", "\r\n", "\n", "\0",
        "25", "250", " ", "-", "\u{FF}", "552 x\r\n", "221 Bye\r\n",
    ]

    @Test("a server session takes anything")
    func server() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("server robustness seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            var party = ServerParty(
                .init(hostname: "mx.example.net", maximumMessageOctets: 60, maximumReceivedFields: 1))
            _ = party.drain()
            for _ in 0..<Int.random(in: 1...60, using: &random) {
                _ = party.receive(Self.burst(of: Self.commands, using: &random))
                if Int.random(in: 0..<200, using: &random) == 0 {
                    _ = party.happened(["timed out", "shut down", "disconnected"].randomElement(using: &random)!)
                }
            }
        }
    }

    @Test("a server session with everything on takes anything, from a driver that answers as it likes")
    func extendedServer() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("extended server robustness seed \(seed)")
        var random = SeededGenerator(seed: seed)
        var seen: Set<String> = []
        for _ in 0..<4000 {
            var driver = RandomDriver(seed: random.next(), Self.configuration(using: &random))
            for _ in 0..<Int.random(in: 1...60, using: &random) {
                driver.session.receive(Self.burst(of: Self.commands + Self.extensions, using: &random))
                driver.drain()
            }
            seen.formUnion(driver.seen)
            if driver.problem != nil {
                Issue.record("seed \(seed): \(driver.problem ?? "")")
                return
            }
        }
        // Randomness that never comes to a state proves nothing about it.
        #expect(
            seen.isSuperset(of: [
                "startTLS", "authenticate", "chunk", "commit", "discard", "note", "etrn", "xclient", "xforward",
                "close",
            ]), "seed \(seed)")
    }

    private static func configuration(using random: inout SeededGenerator) -> ServerSession.Configuration {
        .sample {
            $0.extensions = Set(ServiceExtension.allCases.filter { _ in Int.random(in: 0..<8, using: &random) > 0 })
            $0.role = [.relay, .submission, .lmtp].randomElement(using: &random)!
            if $0.role == .submission, Bool.random(using: &random) { $0.user = "ann" }
            $0.isSecured = Bool.random(using: &random)
            $0.trustsClient = Bool.random(using: &random)
            $0.mechanisms = ["PLAIN", "LOGIN", "X-LAST"]
            $0.allowsAuthenticationWithoutTLS = Bool.random(using: &random)
            $0.bareLineEnds = Bool.random(using: &random) ? .normalize : .reject
            $0.longLines = Bool.random(using: &random) ? .fold : .reject
            $0.earlyTalkers = Int.random(in: 0..<10, using: &random) == 0 ? .refuse : .note
            $0.holdLimit = .init(seconds: 60, until: 1_795_615_200_000)
            $0.maximumMessageOctets = [0, 60, 5000].randomElement(using: &random)!
            $0.maximumErrors = 50
        }
    }

    @Test("a PROXY header is read, awaited or refused, whatever comes")
    func proxyHeader() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("PROXY robustness seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let version2 = "\r\n\r\n\0\r\nQUIT\n"
        let pieces = [
            "PROXY ", "TCP4 ", "TCP6 ", "UNKNOWN", "1.2.3.4 ", "::1 ", "25", " ", "\r\n", version2, version2 + "!",
            "!\u{11}\0\u{0C}",
            "\0\0\0\0", " \0\0\0",
        ]
        for _ in 0..<20_000 {
            let input = Self.burst(of: pieces, using: &random)
            if let header = try? ProxyHeader.parse(input.readableBytesView) {
                #expect((1...input.readableBytes).contains(header.octets), "seed \(seed)")
            }
        }
    }

    @Test("a client session takes anything, and settles every transaction once")
    func client() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("client robustness seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<4000 {
            let transactions = (0..<3).map { _ in
                ClientSession.Transaction.sample(
                    to: (0..<Int.random(in: 1...3, using: &random)).map { "r\($0)@b" },
                    contentOctets: Int.random(in: 20...31, using: &random))
            }
            var party = ClientParty(transactions)
            var written = party.receive(ByteBuffer(string: "220 mx\r\n"))
            for _ in 0..<Int.random(in: 1...40, using: &random) {
                written += party.receive(Self.burst(of: Self.replies, using: &random))
            }
            written += party.happened("disconnected")
            #expect(party.session.phase == .closed)
            #expect(written.count { $0 == "*: close" } == 1)
            let begun = transactions.prefix(3 - party.transactions.count).reduce(0) { $0 + $1.recipients.count }
            let settled = written.count { $0.hasPrefix("*: <") }
            #expect(begun == settled, "seed \(seed)")
            // Nobody is relayed without a dot that went out before.
            if let relayed = written.firstIndex(where: { $0.contains("relayed") }) {
                #expect(written[..<relayed].contains("C: ."), "seed \(seed)")
            }
        }
    }

    /// Plausible pieces or plain noise, cut anywhere.
    private static func burst(of pieces: [String], using random: inout SeededGenerator) -> ByteBuffer {
        if Int.random(in: 0..<10, using: &random) == 0 {
            let count = Int.random(in: 0...20, using: &random)
            return ByteBuffer(bytes: (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
        let text = (0..<Int.random(in: 1...4, using: &random)).map { _ in pieces.randomElement(using: &random)! }
            .joined()
        let octets = Array(text.utf8)
        let cut = Int.random(in: 0..<4, using: &random) == 0
        return ByteBuffer(bytes: cut ? Array(octets.dropLast(Int.random(in: 0...3, using: &random))) : octets)
    }
}

/// Answers as its randomness says, late or at once, and watches that the session keeps its word.
private struct RandomDriver {
    var session: ServerSession
    private(set) var problem: String?
    private(set) var seen: Set<String> = []
    private var random: SeededGenerator
    private var isOwed: ServerSession.Action?
    private var isClosed = false
    /// Content was accepted, and neither committed nor discarded.
    private var isContentOpen = false

    init(seed: UInt64, _ configuration: ServerSession.Configuration) {
        self.session = ServerSession(configuration)
        self.random = SeededGenerator(seed: seed)
        self.drain()
    }

    mutating func drain() {
        while self.problem == nil {
            if let owed = self.isOwed {
                if self.chance(3) {
                    self.disturb()
                    return
                }
                self.isOwed = nil
                self.answer(owed)
            }
            guard let action = self.session.next() else { break }
            self.take(action)
        }
        if self.isContentOpen, self.session.phase == .idle { self.problem = "content was forgotten" }
    }

    private mutating func take(_ action: ServerSession.Action) {
        if self.isClosed { self.problem = "\(action) after the end" }
        switch action {
        case .heard: break
        case .note: self.seen.insert("note")
        case .send(let reply):
            if reply.code == 250, reply.lines[0].hasSuffix("octets received") { self.seen.insert("chunk") }
        case .decide, .startTLS, .authenticate, .store: self.isOwed = action
        case .commit:
            self.seen.insert("commit")
            if !self.isContentOpen { self.problem = "a commit of nothing" }
            self.isContentOpen = false
            self.isOwed = action
        case .discard:
            self.seen.insert("discard")
            if !self.isContentOpen { self.problem = "nothing to discard" }
            self.isContentOpen = false
        case .close:
            self.seen.insert("close")
            self.isClosed = true
            if self.isContentOpen { self.problem = "closed with content" }
        }
    }

    private mutating func answer(_ action: ServerSession.Action) {
        switch action {
        case .decide(let question):
            self.seen.insert("\(question)".split(separator: "(").first.map(String.init) ?? "")
            if self.chance(12) { return self.session.decided(.refuse(Reply(450, "4.0.0", "No"))) }
            if self.chance(200) { return self.session.decided(.disconnect(Reply(421, "4.0.0", "Go"))) }
            // A session that ended meanwhile does not hear the answer.
            if case .content = question { self.isContentOpen = self.session.phase != .closed }
            self.session.decided(self.chance(4) ? .answer(Reply(250, nil, "Fine")) : .accept)
        case .startTLS:
            self.seen.insert("startTLS")
            if self.chance(10) { self.session.disconnected() } else { self.session.tlsEstablished() }
        case .authenticate:
            self.seen.insert("authenticate")
            switch Int.random(in: 0..<4, using: &self.random) {
            case 0: self.session.answered(.challenge(ByteBuffer(string: "?")))
            case 1: self.session.answered(.succeeded(user: "ann"))
            case 2: self.session.answered(.succeeded(user: "ann", finalData: ByteBuffer(string: "!")))
            default: self.session.answered(.failed(Reply(535, "5.7.8", "No")))
            }
        case .store:
            if self.chance(10) { self.session.storeFailed(Reply(452, "4.3.1", "Full")) } else { self.session.stored() }
        case .commit(let envelope):
            let replies = envelope.recipients.map { _ in Reply(250, nil, "Ok") }
            self.session.committed(self.chance(2) ? .each(replies) : .all(Reply(451, "4.3.0", "Later")))
        case .heard, .note, .send, .discard, .close: break
        }
    }

    /// Something happens around the session while it waits.
    private mutating func disturb() {
        if self.chance(100) { self.session.shutDown() }
        if self.chance(100) { self.session.cutShort() }
        if self.chance(100) { self.session.timedOut() }
        if self.chance(100) { self.session.disconnected() }
    }

    private mutating func chance(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &self.random) == 0 }
}
