import NIOCore
import SeededRandom
import Testing

@testable import SMTP

/// Random replies reach every state of a client session, and each transaction ends once.
struct ClientRobustnessTests {
    private static let hellos = [
        "250-mx\r\n250-STARTTLS\r\n250-AUTH LOGIN\r\n250-CHUNKING\r\n250 LIMITS RCPTMAX=2 MAILMAX=2 RCPTDOMAINMAX=1\r\n",
        "250-mx\r\n250-AUTH LOGIN PLAIN\r\n250-STARTTLS\r\n250-BINARYMIME\r\n250-DSN\r\n250 CHUNKING\r\n",
        "250-mx\r\n250-PIPELINING\r\n250-BINARYMIME\r\n250 CHUNKING\r\n", "250-mx\r\n250 PIPELINING\r\n", "250 mx\r\n",
    ]
    private static let replies =
        Self.hellos + [
            "250 Ok\r\n", "250 Ok\r\n", "250 Ok\r\n", "220 go\r\n", "334 VXNlcm5hbWU6\r\n", "235 Ok\r\n", "334 ?\r\n",
            "354 Go\r\n", "450 4.2.0 no\r\n", "550 5.1.1 no\r\n", "454 no TLS\r\n", "421 bye\r\n", "251-", "\r\n", "\0",
            "25", "\u{FF}", "552 x\r\n",
        ]
    private static let events = [
        "TLS established", "TLS verified", "TLS fails", "content comes", "content fails", "timed out", "disconnected",
    ]

    @Test("TLS, AUTH and chunks take anything, and every transaction is settled once")
    func client() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("client robustness seed \(seed)")
        var random = SeededGenerator(seed: seed)
        var reached: Set<SessionPhase> = []
        var relayed = 0
        for _ in 0..<4000 {
            let transactions = (0..<3).map { _ in Self.transaction(using: &random) }
            var party = Self.party(transactions, using: &random)
            var written = party.receive(ByteBuffer(string: "220 mx\r\n"))
            for _ in 0..<Int.random(in: 1...40, using: &random) {
                if Int.random(in: 0..<6, using: &random) == 0 {
                    written += Self.happen(to: &party, using: &random)
                } else {
                    written += party.receive(Self.burst(in: party.session.phase, using: &random))
                }
                reached.insert(party.session.phase)
            }
            written += party.happened("disconnected")
            #expect(party.session.phase == .closed, "seed \(seed)")
            #expect(written.count { $0 == "*: close" } == 1, "seed \(seed)")
            let begun = transactions.prefix(3 - party.transactions.count).reduce(0) { $0 + $1.recipients.count }
            #expect(begun == written.count { $0.hasPrefix("*: <") }, "seed \(seed)")
            // Nobody is relayed without an end of content that went out before.
            if let first = written.firstIndex(where: { $0.contains("> relayed") }) {
                #expect(written[..<first].contains { $0 == "C: ." || $0.hasSuffix(" LAST") }, "seed \(seed)")
                relayed += 1
            }
        }
        let states: Set<SessionPhase> = [.hello, .tls, .auth, .mail, .rcpt, .data, .content, .finalReply]
        #expect(reached.isSuperset(of: states), "seed \(seed)")
        #expect(relayed > 0, "seed \(seed)")
    }

    private static func transaction(using random: inout SeededGenerator) -> ClientSession.Transaction {
        .sample(
            to: (0..<Int.random(in: 1...4, using: &random)).map { "r\($0)@\(["b", "c"][$0 % 2])" },
            parameters: Bool.random(using: &random) ? [] : [Parameter("BODY", "BINARYMIME")])
    }

    private static func party(
        _ transactions: [ClientSession.Transaction], using random: inout SeededGenerator
    ) -> ClientParty {
        let policies: [ClientSession.TLSPolicy] = [.never, .ifOffered, .always]
        let authenticates = Int.random(in: 0..<3, using: &random) == 0
        var party = ClientParty(
            .init(
                hostname: "a.example.net", tls: policies.randomElement(using: &random) ?? .never,
                mechanisms: authenticates ? ["LOGIN"] : [], allowsPlaintextPasswords: true),
            transactions, credentials: LoginClient(user: "u", password: "p"))
        party.contentWaits = Bool.random(using: &random)
        party.chunkOctets = Int.random(in: 3...30, using: &random)
        return party
    }

    /// What a driver may say at this point; it keeps to the rules.
    private static func happen(to party: inout ClientParty, using random: inout SeededGenerator) -> [String] {
        guard let event = Self.events.randomElement(using: &random) else { return [] }
        switch event {
        case "content comes", "content fails": return party.isReading ? party.happened(event) : []
        case "timed out", "disconnected":
            return Int.random(in: 0..<10, using: &random) == 0 ? party.happened(event) : []
        default:
            if case .handshake = party.session.state { return party.happened(event) }
            return []
        }
    }

    /// Mostly what a server would say, so that the later states are reached; else any pieces, cut anywhere.
    private static func burst(in phase: SessionPhase, using random: inout SeededGenerator) -> ByteBuffer {
        if Int.random(in: 0..<5, using: &random) > 0 {
            switch phase {
            case .hello: return ByteBuffer(string: Self.hellos.randomElement(using: &random) ?? "250 mx\r\n")
            case .tls: return ByteBuffer(string: "220 go\r\n")
            case .auth: return ByteBuffer(string: Bool.random(using: &random) ? "334 eA==\r\n" : "235 Ok\r\n")
            case .data: return ByteBuffer(string: "354 Go\r\n")
            case .mail, .rcpt, .finalReply: return ByteBuffer(string: "250 Ok\r\n")
            case .connect, .greeting, .idle, .content, .quit, .closed: break
            }
        }
        let pieces = (0..<Int.random(in: 1...2, using: &random)).compactMap { _ in
            Self.replies.randomElement(using: &random)
        }
        let octets = Array(pieces.joined().utf8)
        let cut = Int.random(in: 0..<12, using: &random) == 0
        return ByteBuffer(bytes: cut ? Array(octets.dropLast(Int.random(in: 0...3, using: &random))) : octets)
    }
}

extension ClientParty {
    /// The session waits for content.
    fileprivate var isReading: Bool {
        switch self.session.state {
        case .content(.asked): true
        case .chunks(let chunks): chunks.reading == .asked
        default: false
        }
    }
}
