import NIOCore
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
    private static let replies = [
        "220 mx\r\n", "250 Ok\r\n", "250-mx\r\n250-PIPELINING\r\n250 SIZE 30\r\n", "250 2.1.0 Ok\r\n", "354 Go\r\n",
        "354 Go\r\n", "250 Ok\r\n", "450 4.2.0 no\r\n", "550 5.1.1 no\r\n", "421 bye\r\n", "251-", "\r\n", "\n", "\0",
        "25", "250", " ", "-", "\u{FF}", "552 x\r\n", "221 Bye\r\n",
    ]

    @Test("a server session takes anything")
    func server() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("server robustness seed \(seed)")
        var random = SplitMix(seed)
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

    @Test("a client session takes anything, and settles every transaction once")
    func client() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("client robustness seed \(seed)")
        var random = SplitMix(seed)
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
    private static func burst(of pieces: [String], using random: inout SplitMix) -> ByteBuffer {
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
