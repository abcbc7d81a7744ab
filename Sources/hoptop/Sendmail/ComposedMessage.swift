import Mail
import NIOCore
import SMTP

/// A message with its envelope, as it will be sent: the header completed, lines with CRLF.
///
/// `@unchecked Sendable`: it is made before the session begins, and then read on the session's event loop alone.
final class ComposedMessage: @unchecked Sendable {
    var transaction: ClientSession.Transaction
    private let header: ByteBuffer
    private let input: MessageInput
    /// Octets of the input that the header stands for.
    private let octetsRead: Int

    init(
        _ input: MessageInput, _ beginning: LocalSubmission.Beginning, from reversePath: ReversePath,
        to recipients: [ForwardPath]
    ) {
        self.input = input
        self.header = beginning.header
        self.octetsRead = beginning.octetsRead
        self.transaction = ClientSession.Transaction(
            reversePath: reversePath, recipients: recipients,
            contentOctets: beginning.header.readableBytes + input.octets - beginning.octetsRead)
        if input.isEightBit { self.transaction.parameters.append(Parameter("BODY", "8BITMIME")) }
        if !reversePath.isASCII || recipients.contains(where: { !$0.isASCII }) {
            self.transaction.parameters.append(Parameter("SMTPUTF8"))
        }
    }

    /// The header as it will be sent.
    static func beginning(
        of input: MessageInput, _ submission: LocalSubmission
    ) throws(SendmailFailure) -> LocalSubmission.Beginning {
        let beginning = submission.completed(input.beginning)
        guard beginning.octetsRead < MessageInput.headerLimit else {
            throw SendmailFailure(.data, "the header is longer than \(MessageInput.headerLimit) octets")
        }
        return beginning
    }

    /// Octets from an offset on; empty at the end.
    func content(from offset: Int) throws(SendmailFailure) -> ByteBuffer {
        let headerOctets = self.header.readableBytes
        guard offset < headerOctets else {
            return try self.input.read(from: self.octetsRead + offset - headerOctets)
        }
        return self.header.getSlice(at: self.header.readerIndex + offset, length: headerOctets - offset)
            ?? ByteBuffer()
    }
}
