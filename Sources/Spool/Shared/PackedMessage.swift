import Mail
import NIOCore

/// A new message as its rows will be. Made on the caller's thread, since the writer has enough to do.
struct PackedMessage: Sendable {
    let message: SpooledMessage
    let content: StoredContent
    let acceptance: SharedFact
    let holds: [SharedFact]
    let envelope: [UInt8]
    let recipients: [UInt8]
    /// ``Digest`` of content in a buffer; a file has its own.
    let digest: Int64?

    init(_ new: NewMessage) {
        self.message = new.message
        self.content = new.content
        self.acceptance = SharedFact(fact: new.acceptance)
        self.holds = new.holds
        self.envelope = Packer.envelope(of: new.message)
        self.recipients = Packer.recipients(new.message.recipients)
        self.digest =
            switch new.content {
            case .buffer(let octets): Digest.of(octets)
            case .file: nil
            }
    }

    /// Octets of content that go into the transaction.
    var weight: Int {
        switch self.content {
        case .buffer(let octets): octets.readableBytes
        case .file: 0
        }
    }
}
