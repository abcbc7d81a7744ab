import Logging
import Monitor
import NIOCore
import SMTP

/// What is logged of sessions. The mail that they bring is logged from the facts.
extension ServerHandler {
    private static let verbsOfMail: Set<String> = ["MAIL", "RCPT", "DATA", "BDAT"]

    /// A client was told so, or would have been.
    func logRefusal(_ reply: Reply) {
        let command = self.command ?? ""
        let verb = command.prefix(4).uppercased()
        // No mail comes of it. Other mistakes of clients are of interest only to who looks for them.
        let isOfMail = verb.isEmpty || Self.verbsOfMail.contains(verb)
        self.reception.log.log(
            level: isOfMail ? .info : .debug, "\(ReceptionEvent.refused)",
            metadata: self.words.merging(["command": "\(command)", "reply": "\(reply)"]) { $1 })
    }

    /// The connection is closed, and nothing else is known of it.
    ///
    /// - Parameter address: the balancer's, or of whoever it is.
    func logMissingProxyHeader(_ why: String, from address: SocketAddress?) {
        var peer = self.peer
        peer.address = address
        self.reception.log.info("no PROXY header", metadata: ["client": "\(peer.text)", "why": "\(why)"])
    }

    func logBegin() {
        self.reception.log.debug("\(ReceptionEvent.begun)", metadata: ["client": "\(self.peer.text)"])
    }

    /// - Parameter remark: why it did not end in good order.
    func logEnd(_ record: SessionRecord, _ remark: String?) {
        // A row is a copy of much, and there may be a session for each message.
        guard self.reception.log.logLevel <= .debug else { return }
        let row = record.row
        self.reception.log.debug(
            "\(ReceptionEvent.ended)",
            metadata: [
                "client": "\(row.peer)", "messages": "\(row.messages)", "octets-in": "\(row.octetsIn)",
                "octets-out": "\(row.octetsOut)", "why": "\(remark ?? "QUIT")",
            ])
    }

    private var words: Logger.Metadata {
        var words: Logger.Metadata = ["client": "\(self.peer.text)", "with": "\(self.session.transferProtocol)"]
        if let name = self.session.client?.name { words["hello"] = "\(name)" }
        if let sender = self.sender { words["from"] = "\(sender)" }
        if let user = self.session.user { words["user"] = "\(user)" }
        return words
    }
}
