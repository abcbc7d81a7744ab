import Mail
import SMTP
import Spool

/// A message whose content is complete.
struct IncomingMail: Sendable {
    let id: QueueID
    var envelope: Envelope
    /// Of the content, our trace field among them.
    var octets: Int
    /// Why its recipients are on hold from the start, and who wants that.
    var hold: (reason: String, by: String)?
    /// The memory for its content is in use as long as this is there.
    let share: ContentMemory.Share

    var confirmation: Reply { Reply(250, EnhancedStatusCode(2, 0, 0), "Ok: queued as \(self.id)") }
}
