import FuzzInput
import NIOCore
import SMTP

/// A client session that has everything to send, against a server that says what the input says.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    var input = Input(UnsafeBufferPointer(start: start, count: count))
    let choices = input.octet()
    let configuration = ClientSession.Configuration(
        hostname: "a.example.net", pipelining: choices & 1 != 0, chunking: choices & 2 != 0,
        tls: [.never, .ifOffered, .always][Int(choices >> 2) % 3],
        mechanisms: choices & 16 != 0 ? ["LOGIN"] : [], allowsPlaintextPasswords: true)
    var driver = Driver(session: ClientSession(configuration), input: input)
    driver.run()
    return 0
}

private struct Driver {
    var session: ClientSession
    var input: Input
    var login = LoginClient(user: "u", password: "p")
    var begun = 0
    var finished = 0
    var contentGiven = 0

    mutating func run() {
        self.drain()
        while !self.input.isAtEnd {
            self.session.receive(self.input.piece())
            self.drain()
        }
        self.session.disconnected()
        self.drain()
        precondition(self.begun == self.finished, "a transaction has no end, or two")
    }

    private mutating func drain() {
        while let action = self.session.next() {
            switch action {
            case .send, .sendSecret, .heard, .sendContent, .endContent, .spent, .unusable, .close: break
            case .startTLS:
                if self.input.octet() % 4 == 0 {
                    self.session.tlsFailed("no")
                } else {
                    self.session.tlsEstablished(verified: true)
                }
            case .authenticate(let mechanisms):
                if mechanisms.contains(self.login.mechanism) {
                    self.session.authenticate(with: self.login)
                } else {
                    self.session.giveUpAuthentication("none")
                }
            case .answer(let challenge):
                do {
                    let answer = try self.login.answer(to: challenge)
                    self.session.answer(answer, believesSuccess: true)
                } catch { self.session.giveUpAuthentication("\(error)") }
            case .ready: self.ready()
            case .readContent: self.giveContent()
            case .finished(let outcomes):
                precondition(!outcomes.isEmpty, "outcomes of nobody")
                self.finished += 1
            }
        }
    }

    private mutating func ready() {
        guard self.begun < 4 else { return self.session.quit() }
        self.begun += 1
        self.contentGiven = 0
        let domain = Domain("example.org")
        let recipients = (0...(Int(self.input.octet()) % 4)).map { number in
            ForwardPath.path(Path(mailbox: Mailbox(localPart: "u\(number)", domain: domain)))
        }
        let body = ["7BIT", "8BITMIME", "BINARYMIME"][Int(self.input.octet()) % 3]
        self.session.begin(
            ClientSession.Transaction(
                reversePath: .null, parameters: [Parameter("BODY", body)], recipients: recipients, contentOctets: 40))
    }

    private mutating func giveContent() {
        switch self.input.octet() % 16 {
        case 0: self.session.contentFailed()
        case 1...12 where self.contentGiven < 3:
            self.contentGiven += 1
            self.session.content(ByteBuffer(string: ".a\r\n\nb\r"))
        default: self.session.contentEnded()
        }
    }
}
