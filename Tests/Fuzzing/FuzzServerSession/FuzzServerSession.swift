import FuzzInput
import NIOCore
import SMTP

/// A server session with everything offered, fed the input in pieces by a driver that answers by the input's octets.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    var input = Input(UnsafeBufferPointer(start: start, count: count))
    var configuration = ServerSession.Configuration(hostname: "mx.example.net", maximumMessageOctets: 5000)
    configuration.extensions = Set(ServiceExtension.allCases)
    configuration.role = [.relay, .submission, .lmtp][Int(input.octet() % 3)]
    if configuration.role == .submission { configuration.user = "ann" }
    configuration.mechanisms = ["PLAIN", "LOGIN"]
    configuration.allowsAuthenticationWithoutTLS = true
    let choices = input.octet()
    configuration.isSecured = choices & 1 != 0
    configuration.trustsClient = choices & 2 != 0
    configuration.bareLineEnds = choices & 4 != 0 ? .reject : .normalize
    configuration.longLines = choices & 8 != 0 ? .reject : .fold
    configuration.holdLimit = .init(seconds: 60, until: 1_795_615_200_000)
    var driver = Driver(session: ServerSession(configuration), input: input)
    driver.run()
    return 0
}

private struct Driver {
    var session: ServerSession
    var input: Input
    var stored = 0

    mutating func run() {
        self.drain()
        while !self.input.isAtEnd {
            self.session.receive(self.input.piece())
            self.drain()
        }
        self.session.disconnected()
        precondition(self.session.next() == nil, "a session that is gone has more to say")
    }

    private mutating func drain() {
        while let action = self.session.next() {
            switch action {
            case .heard, .note, .close: break
            case .send(let reply):
                var buffer = ByteBuffer()
                reply.encode(into: &buffer)
            case .decide: self.decide()
            case .startTLS: self.session.tlsEstablished()
            case .authenticate: self.authenticate()
            case .store(let chunk):
                self.stored += chunk.readableBytes
                if self.input.octet() == 0 {
                    self.session.storeFailed(Reply(452, nil, "full"))
                } else {
                    self.session.stored()
                }
            case .commit(let envelope):
                precondition(!envelope.recipients.isEmpty, "a message without recipients")
                precondition(self.stored == self.session.contentOctets, "content was lost or made up")
                self.stored = 0
                self.session.committed(.all(Reply(250, nil, "Ok")))
            case .discard: self.stored = 0
            }
        }
    }

    private mutating func decide() {
        switch self.input.octet() % 16 {
        case 0: self.session.decided(.refuse(Reply(550, nil, "no")))
        case 1: self.session.decided(.refuse(Reply(421, nil, "go")))
        case 2: self.session.decided(.answer(Reply(250, nil, "yes")))
        default: self.session.decided(.accept)
        }
    }

    private mutating func authenticate() {
        switch self.input.octet() % 4 {
        case 0: self.session.answered(.challenge(ByteBuffer(string: "?")))
        case 1: self.session.answered(.failed(Reply(535, nil, "no")))
        case 2: self.session.answered(.succeeded(user: "ann", finalData: ByteBuffer(string: "!")))
        default: self.session.answered(.succeeded(user: "ann"))
        }
    }
}
