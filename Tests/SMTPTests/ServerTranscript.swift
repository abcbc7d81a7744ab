import NIOCore
import SMTP
import Testing

/// Plays the `C:` lines of a dialogue to a `ServerSession` and writes down what really happened in the same notation:
/// `S:` for replies, `*:` for what the driver was asked to do. A failure is a diff of two conversations.
struct ServerTranscript {
    var configuration = ServerSession.Configuration(hostname: "mx.example.net")
    /// Asked at each question; accepts where it returns `nil`.
    var verdict: @Sendable (ServerSession.Question) -> ServerSession.Verdict? = { _ in nil }
    var commit = Reply(250, EnhancedStatusCode(2, 0, 0), "Ok: queued as 4Q7K")
    /// Fails the storing of content with this reply.
    var storeFailure: Reply?

    /// Compares the whole dialogue after greeting and EHLO, played as one burst for each run of `C:` lines and again one
    /// octet at a time.
    func expect(_ dialogue: String, from location: SourceLocation = #_sourceLocation) {
        let bursts = Self.bursts(of: dialogue)
        #expect(self.play(bursts, step: nil) == dialogue, "whole", sourceLocation: location)
        #expect(self.play(bursts, step: 1) == dialogue, "one octet at a time", sourceLocation: location)
    }

    private static func bursts(of dialogue: String) -> [[String]] {
        var bursts: [[String]] = []
        var isOpen = false
        for line in dialogue.split(separator: "\n", omittingEmptySubsequences: false) {
            let isClient = line.hasPrefix("C:")
            if isClient {
                let text = String(line.dropFirst(line.hasPrefix("C: ") ? 3 : 2))
                if isOpen { bursts[bursts.count - 1].append(text) } else { bursts.append([text]) }
            }
            isOpen = isClient
        }
        return bursts
    }

    private func play(_ bursts: [[String]], step: Int?) -> String {
        var session = ServerSession(self.configuration)
        var lines: [String] = []
        var stored = ByteBuffer()
        _ = self.drain(&session, &stored)
        session.receive(ByteBuffer(string: "EHLO client.example\r\n"))
        _ = self.drain(&session, &stored)
        for burst in bursts {
            lines += burst.map { $0.isEmpty ? "C:" : "C: \($0)" }
            var octets = ByteBuffer(string: burst.map { Self.unescaped($0) + "\r\n" }.joined())
            var happened: [String] = []
            while let part = octets.readSlice(length: min(step ?? octets.readableBytes, octets.readableBytes)),
                part.readableBytes > 0
            {
                session.receive(part)
                happened += self.drain(&session, &stored)
            }
            lines += happened
        }
        return lines.joined(separator: "\n")
    }

    /// `\r`, `\n` and `\0` in a transcript stand for the octets.
    private static func unescaped(_ line: String) -> String {
        line.replacing("\\r", with: "\r").replacing("\\n", with: "\n").replacing("\\0", with: "\0")
    }

    /// By octets: CRLF is one `Character`.
    private static func escaped(_ content: ByteBuffer) -> String {
        content.readableBytesView.reduce(into: "") { text, octet in
            switch octet {
            case UInt8(ascii: "\r"): text += "\\r"
            case UInt8(ascii: "\n"): text += "\\n"
            case 0: text += "\\0"
            default: text.unicodeScalars.append(Unicode.Scalar(octet))
            }
        }
    }

    private func drain(_ session: inout ServerSession, _ stored: inout ByteBuffer) -> [String] {
        var lines: [String] = []
        while let action = session.next() {
            switch action {
            case .heard: break
            case .send(let reply):
                var buffer = ByteBuffer()
                reply.encode(into: &buffer)
                lines += String(buffer: buffer).split(separator: "\r\n").map { "S: \($0)" }
            case .decide(let question):
                session.decided(self.verdict(question) ?? .accept)
            case .store(let chunk):
                if let failure = self.storeFailure {
                    session.storeFailed(failure)
                } else {
                    stored.writeImmutableBuffer(chunk)
                    session.stored()
                }
            case .commit(let envelope):
                let recipients = envelope.recipients.map { $0.forwardPath.description }.joined(separator: ", ")
                let content = Self.escaped(stored)
                lines.append("*: commit \(envelope.reversePath) -> \(recipients): \(content)")
                stored.clear()
                session.committed(.all(self.commit))
            case .discard:
                lines.append("*: discard")
                stored.clear()
            case .close: lines.append("*: close")
            }
        }
        return lines
    }
}
