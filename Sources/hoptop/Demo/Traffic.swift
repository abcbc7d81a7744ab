import Foundation
import Mail
import NIOCore
import Relay
import SMTP

/// The generator: a plain SMTP client that sends one message after another to relay A.
final class Traffic: Sendable {
    private let entrance: SocketEndpoint
    private let rate: Double
    private let seed: UInt64
    private let ledger: Ledger

    init(to entrance: SocketEndpoint, rate: Double, seed: UInt64, ledger: Ledger) {
        self.entrance = entrance
        self.rate = rate
        self.seed = seed
        self.ledger = ledger
    }

    private struct Message: Sendable {
        var id: String
        var paths: [ForwardPath]
        var subject: String
        var octets: Int
    }

    /// Sends until cancelled; a session under way is finished.
    func run() async {
        var random = SeededGenerator(seed: self.seed)
        var number = 0
        var next = ContinuousClock.now
        await withTaskGroup { group in
            while !Task.isCancelled {
                number += 1
                let message = Self.message(number, using: &random)
                // A task of its own, which the end of the demo does not cancel between a dot and its 250.
                group.addTask { await Task { await self.send(message) }.value }
                next += .seconds(1 / self.rate)
                guard (try? await Task.sleep(until: next)) != nil else { break }
            }
        }
    }

    // MARK: what is sent

    private static func message(_ number: Int, using random: inout SeededGenerator) -> Message {
        let route = "@A,@D,@P,@U:"
        let user = ["ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal"].randomElement(using: &random) ?? "ann"
        let paths: [String]
        let subject: String
        var octets = Int.random(in: 400...6000, using: &random)
        // Every so often one message is large, and its reader slow.
        if number % 60 == 4 {
            (paths, subject) = (["\(user)\(number)@large.example"], "a large message for a slow reader")
            octets = 3 << 20
        } else {
            switch Int.random(in: 0..<100, using: &random) {
            case ..<45: (paths, subject) = (["\(route)\(user)@Z"], "along the source route")
            case ..<64: (paths, subject) = (["\(user)@Z"], "straight to Z")
            case ..<70: (paths, subject) = (["\(user)@\(DemoNameServer.domain)"], "to a domain that DNS knows")
            case ..<78: (paths, subject) = (["\(user)@slow.example"], "to a slow host")
            case ..<86: (paths, subject) = (["\(user)\(number)@grey.example"], "to a host that greylists")
            case ..<91: (paths, subject) = (["\(route)nobody\(number)@Z"], "along the route to nobody")
            case ..<95: (paths, subject) = (["nobody\(number)@slow.example"], "to nobody")
            default:
                (paths, subject) = (
                    ["\(route)\(user)@Z", "\(user)@mail.example", "\(user)\(number)@grey.example"], "to three at once"
                )
            }
        }
        return Message(
            id: "<\(number)@c>", paths: paths.compactMap { try? ForwardPath(parsing: "<\($0)>") }, subject: subject,
            octets: octets)
    }

    private static func content(_ message: Message) -> ByteBuffer {
        var content = ByteBuffer()
        content.writeString(
            """
            From: Sender <s@c>\r
            To: \(message.paths.map(\.mailboxText).joined(separator: ", "))\r
            Subject: \(message.subject)\r
            Date: \(Timestamp.now.rfc5322)\r
            Message-ID: \(message.id)\r
            \r\n
            """)
        let line = "All sessions of this demo are real; only the manners of the far end are scripted.\r\n"
        while content.readableBytes < message.octets { content.writeString(line) }
        return content
    }

    // MARK: how it is sent

    private func send(_ message: Message) async {
        // A message that is not taken is not sent: the summary counts what got its 250.
        let client = PlainClient(name: "c", server: self.entrance)
        let content = Self.content(message)
        guard let accepted = try? await client.send(from: "<s@c>", to: message.paths, content: content) else { return }
        self.ledger.sent(accepted.recipients.map { Ledger.Entry(message.id, $0.mailboxText) })
    }
}

/// The same numbers for the same seed (SplitMix64).
private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
