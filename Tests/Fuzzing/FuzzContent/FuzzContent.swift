import FuzzInput
import NIOCore
import SMTP

/// Mail data is decoded as it comes: what is stored of it, and what the client is told, does not depend on how it was cut in pieces.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    var input = Input(UnsafeBufferPointer(start: start, count: count))
    let choices = input.octet()
    var pieces: [ByteBuffer] = []
    while !input.isAtEnd { pieces.append(input.piece()) }
    var whole = ByteBuffer()
    for piece in pieces { whole.writeImmutableBuffer(piece) }
    precondition(Outcome(of: pieces, choices) == Outcome(of: [whole], choices), "the pieces make a difference")
    return 0
}

/// What becomes of the content of one message; what follows its end is not looked at.
private struct Outcome: Equatable {
    var stored = ByteBuffer()
    /// The reply to it, and whether it was committed.
    var end: String?

    init(of pieces: [ByteBuffer], _ choices: UInt8) {
        var configuration = ServerSession.Configuration(hostname: "mx.example.net", maximumMessageOctets: 5000)
        configuration.extensions = Set(ServiceExtension.allCases)
        configuration.bareLineEnds = choices & 1 != 0 ? .reject : .normalize
        configuration.longLines = choices & 2 != 0 ? .reject : .fold
        var session = ServerSession(configuration)
        self.drain(&session)
        for line in ["EHLO c", "MAIL FROM:<>", "RCPT TO:<b@example.org>", "DATA"] {
            session.receive(ByteBuffer(string: "\(line)\r\n"))
            self.drain(&session)
        }
        self.end = nil
        for piece in pieces where self.end == nil {
            session.receive(piece)
            self.drain(&session)
        }
        session.disconnected()
        // Of what is not committed nothing remains, however much of it was stored.
        if self.end != "committed" { self.stored.clear() }
    }

    private mutating func drain(_ session: inout ServerSession) {
        while let action = session.next() {
            switch action {
            case .heard, .note, .close, .discard, .authenticate, .startTLS: break
            case .send(let reply): self.end = self.end ?? reply.description
            case .decide: session.decided(.accept)
            case .store(let chunk):
                if self.end == nil { self.stored.writeImmutableBuffer(chunk) }
                session.stored()
            case .commit:
                self.end = self.end ?? "committed"
                session.committed(.all(Reply(250, nil, "Ok")))
            }
        }
    }
}
