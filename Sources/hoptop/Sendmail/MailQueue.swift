import Mail
import Monitor
import Relay
import SMTP
import Spool

/// What is queued, in the form that `mailq` has had since sendmail.
enum MailQueue {
    static func show(_ configuration: RelayConfiguration) throws(SendmailFailure) {
        var messages = 0
        var octets = 0
        do throws(SpoolError) {
            try SpoolListing.messages(in: configuration.spoolDirectory) { message in
                let waiting = message.recipients.filter { !$0.state.isSettled }
                guard !waiting.isEmpty else { return }
                if messages == 0 {
                    print("-Queue ID-   --Size-- -------Arrival Time (UTC)------ -Sender/Recipient-------")
                }
                messages += 1
                octets += message.contentOctets
                print(self.lines(of: message, waiting).joined(separator: "\n") + "\n")
            }
        } catch { throw SendmailFailure(.unavailable, error.description) }
        print(
            messages == 0
                ? "Mail queue is empty"
                : "-- \((octets + 1023) / 1024) Kbytes in \(messages) Request\(messages == 1 ? "" : "s").")
    }

    private static func lines(of message: SpooledMessage, _ waiting: [SpooledRecipient]) -> [String] {
        let mark = waiting.allSatisfy { $0.state == .hold } ? "!" : " "
        let sender =
            switch message.reversePath {
            case .null: "MAILER-DAEMON"
            case .path(let path): path.description
            }
        let id = self.padded("\(message.id)\(mark)", 12)
        let size = self.padded(String(message.contentOctets), 8, atStart: true)
        let date = self.padded(String(message.arrived.rfc5322.dropLast(6)), 27)
        var lines = ["\(id) \(size) \(date) \(SafeText(sender))"]
        var last: String?
        for recipient in waiting {
            if let reply = recipient.lastReply, reply != last { lines.append("    (\(SafeText(reply)))") }
            last = recipient.lastReply
            let address = recipient.forwardPath.description.dropFirst().dropLast()
            lines.append(String(repeating: " ", count: 50) + "\(SafeText(String(address)))")
        }
        return lines
    }

    private static func padded(_ text: String, _ columns: Int, atStart: Bool = false) -> String {
        let space = String(repeating: " ", count: max(columns - text.count, 0))
        return atStart ? space + text : text + space
    }
}
