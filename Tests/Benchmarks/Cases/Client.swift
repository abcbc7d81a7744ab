import NIOCore
import SMTP

extension Case {
    /// Whole transactions of a client session: commands and content out, replies in.
    static let client: [Case] = [
        Case("client/pipelined", unit: "message", steps: 100) {
            try transactions(
                offers: ["PIPELINING"], Content.text(octets: 4096), replies: [ok + ok + goAhead, queued])
        },
        Case("client/one command a read", unit: "message", steps: 100) {
            try transactions(offers: [], Content.text(octets: 4096), replies: [ok, ok, goAhead, queued])
        },
        Case("client/chunking", unit: "message", steps: 100) {
            try transactions(
                offers: ["PIPELINING", "CHUNKING"], Content.text(octets: 4096), replies: [ok + ok, queued])
        },
        Case("client/50 recipients", unit: "message", steps: 20) {
            let oks = String(repeating: ok, count: 51)
            return try transactions(
                offers: ["PIPELINING"], Content.text(octets: 4096), recipients: 50, replies: [oks + goAhead, queued])
        },
        Case("client/content 1 MiB", unit: "MiB", steps: 5) {
            try transactions(
                offers: ["PIPELINING"], Content.text(octets: 1 << 20), replies: [ok + ok + goAhead, queued])
        },
        Case("client/content 1 MiB dotted", unit: "MiB", steps: 5) {
            try transactions(
                offers: ["PIPELINING"], Content.text(octets: 1 << 20, dotEvery: 4),
                replies: [ok + ok + goAhead, queued])
        },
    ]

    private static let ok = "250 2.1.0 Ok\r\n"
    private static let goAhead = "354 End data with <CR><LF>.<CR><LF>\r\n"
    private static let queued = "250 2.0.0 Ok: queued as 4Q7K2B\r\n"

    /// - Parameters:
    ///   - offers: the lines of the EHLO reply.
    ///   - replies: what the server says in one transaction, each time nothing more comes from the client.
    private static func transactions(
        offers: [String], _ content: ByteBuffer, recipients: Int = 1, replies: [String]
    ) throws -> () throws -> Void {
        let pieces = Content.reads(of: content)
        let replies = replies.map { ByteBuffer(string: $0) }
        let domain = Domain("example.org")
        let transaction = ClientSession.Transaction(
            reversePath: try ReversePath(parsing: "<ann@example.net>"),
            recipients: (1...recipients).map {
                .path(Path(mailbox: Mailbox(localPart: "user\($0)", domain: domain)))
            }, contentOctets: content.readableBytes)
        var driver = ClientDriver(offers: offers)
        return {
            let relayed = driver.relayed
            driver.begin(transaction, pieces)
            for reply in replies { driver.receive(reply) }
            precondition(driver.relayed == relayed + recipients, "a transaction did not relay its message")
        }
    }
}

/// What is around a client session: it has content at hand.
private struct ClientDriver {
    private var session: ClientSession
    private var output = ByteBuffer()
    private var pieces: [ByteBuffer] = []
    private var piece = 0
    private(set) var relayed = 0

    init(offers: [String]) {
        self.session = ClientSession(ClientSession.Configuration(hostname: "a.example.net"))
        let lines = ["mx.example.org"] + offers + ["SIZE 50000000", "8BITMIME", "ENHANCEDSTATUSCODES"]
        self.receive(ByteBuffer(string: "220 mx.example.org ESMTP\r\n"))
        self.receive(
            ByteBuffer(string: lines.dropLast().map { "250-\($0)\r\n" }.joined() + "250 \(lines[lines.count - 1])\r\n"))
    }

    mutating func begin(_ transaction: ClientSession.Transaction, _ pieces: [ByteBuffer]) {
        self.pieces = pieces
        self.piece = 0
        self.session.begin(transaction)
        self.drain()
    }

    mutating func receive(_ reply: ByteBuffer) {
        self.session.receive(reply)
        self.drain()
    }

    private mutating func drain() {
        self.output.clear()
        while let action = self.session.next() {
            switch action {
            case .heard, .ready: break
            case .send(let line):
                self.output.writeString(line)
                self.output.writeStaticString("\r\n")
            case .readContent:
                if self.piece < self.pieces.count {
                    self.session.content(self.pieces[self.piece])
                    self.piece += 1
                } else {
                    self.session.contentEnded()
                }
            case .sendContent(var octets):
                // Written and gone, as with a socket that has room.
                if self.output.readableBytes > 64 << 10 { self.output.clear() }
                self.output.writeBuffer(&octets)
            case .endContent: self.output.writeStaticString(".\r\n")
            case .finished(let outcomes):
                self.relayed += outcomes.count { if case .relayed = $0 { true } else { false } }
            case .sendSecret, .startTLS, .authenticate, .answer, .spent, .unusable, .close:
                preconditionFailure("the server did not ask for that: \(action)")
            }
        }
    }
}
