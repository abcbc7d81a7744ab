import NIOCore
import SMTP

extension Case {
    /// Whole transactions of a server session: octets in, content and replies out.
    static let server: [Case] = [
        Case("server/pipelined", unit: "message", steps: 100) {
            try transactions([envelope + "DATA\r\n"], behind: dotted(Content.text(octets: 4096)))
        },
        Case("server/one command a read", unit: "message", steps: 100) {
            try transactions([mail, rcpt, "DATA\r\n"], behind: dotted(Content.text(octets: 4096)))
        },
        Case("server/chunking", unit: "message", steps: 100) {
            var content = Content.text(octets: 4096)
            var octets = ByteBuffer(string: "\(envelope)BDAT \(content.readableBytes) LAST\r\n")
            octets.writeBuffer(&content)
            return try transactions([], behind: octets)
        },
        Case("server/50 recipients", unit: "message", steps: 20) {
            let recipients = (1...50).map { "RCPT TO:<user\($0)@example.org>\r\n" }.joined()
            return try transactions([mail + recipients + "DATA\r\n"], behind: dotted(Content.text(octets: 4096)))
        },
        Case("server/content 1 MiB", unit: "MiB", steps: 5) {
            try transactions([envelope + "DATA\r\n"], behind: dotted(Content.text(octets: 1 << 20)))
        },
        Case("server/content 1 MiB dotted", unit: "MiB", steps: 5) {
            try transactions([envelope + "DATA\r\n"], behind: dotted(Content.text(octets: 1 << 20, dotEvery: 4)))
        },
    ]

    private static let mail = "MAIL FROM:<ann@example.net> SIZE=4200 BODY=8BITMIME\r\n"
    private static let rcpt = "RCPT TO:<bob@example.org>\r\n"
    private static let envelope = mail + rcpt

    /// Mail data as it goes over the wire.
    private static func dotted(_ content: ByteBuffer) -> ByteBuffer {
        ByteBuffer(
            string: String(buffer: content).replacing("\r\n.", with: "\r\n..") + ".\r\n")
    }

    /// - Parameters:
    ///   - commands: a read each.
    ///   - content: the mail data; with BDAT, all of the transaction.
    private static func transactions(_ commands: [String], behind content: ByteBuffer) throws -> () throws -> Void {
        let reads = commands.map { ByteBuffer(string: $0) } + Content.reads(of: content)
        var driver = ServerDriver()
        driver.receive(ByteBuffer(string: "EHLO client.example\r\n"))
        return {
            let committed = driver.committed
            for read in reads { driver.receive(read) }
            precondition(driver.committed == committed + 1, "a transaction did not end with its message")
        }
    }
}

/// What is around a server session: it accepts everything at once.
private struct ServerDriver {
    private var session: ServerSession
    private var output = ByteBuffer()
    private(set) var committed = 0

    init() {
        var configuration = ServerSession.Configuration(hostname: "mx.example.net")
        configuration.extensions = Set(ServiceExtension.allCases)
        self.session = ServerSession(configuration)
        self.drain()
    }

    mutating func receive(_ read: ByteBuffer) {
        self.session.receive(read)
        self.drain()
    }

    private mutating func drain() {
        self.output.clear()
        while let action = self.session.next() {
            switch action {
            case .heard, .note, .discard: break
            case .send(let reply): reply.encode(into: &self.output)
            case .decide: self.session.decided(.accept)
            case .store: self.session.stored()
            case .commit:
                self.committed += 1
                self.session.committed(.all(Reply(250, "2.0.0", "Ok: queued as DFTG000002")))
            case .startTLS, .authenticate, .close: preconditionFailure("the client did not ask for that")
            }
        }
    }
}
