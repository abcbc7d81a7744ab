public import Mail
public import SMTP

/// What an operator can change of recipients.
public enum RecipientEdit: Hashable, Sendable, Codable {
    /// The next attempt is then, and none before.
    case due(at: Timestamp)
    /// They go to another address, `bob@example.org`; reports name the one that the sender knows (RFC 3461 §4.2).
    case address(to: String)

    /// Milliseconds.
    private static let longestPostponement: Int64 = 30 * 86_400_000

    /// Whether it can be done at all; asked before anybody is asked to confirm it.
    ///
    /// - Throws: ``FeedError`` `.invalid`: what cannot be, and what would be right.
    public func check(at now: Timestamp) throws(FeedError) {
        switch self {
        case .due(let time):
            guard time > now else {
                throw FeedError(.invalid, "\(time.rfc3339) is over: name a time that is to come, or retry now")
            }
            guard time <= now.adding(milliseconds: Self.longestPostponement) else {
                throw FeedError(.invalid, "mail is put off for 30 days at most: name an earlier time, or hold it")
            }
        case .address(let text): _ = try Self.mailbox(text)
        }
    }

    /// The address that is meant, with or without angle brackets. Whatever the next hop can take, one of ASCII it can.
    public static func mailbox(_ text: String) throws(FeedError) -> Mailbox {
        let bare = text.hasPrefix("<") && text.hasSuffix(">") ? text.dropFirst().dropLast() : text[...]
        do throws(PathSyntaxError) {
            return try Mailbox(parsing: bare)
        } catch {
            throw FeedError(
                .invalid, "\(text) is no address such as bob@example.org; a domain beyond ASCII is written with xn--")
        }
    }
}
