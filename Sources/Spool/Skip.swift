/// Why a change left a recipient as it was.
public enum Skip: Hashable, Sendable, CaseIterable {
    /// The message is not in the spool any more.
    case gone
    /// The recipient's generation is another, or the message has no such recipient.
    case changed
    case settled
    /// A retry does not override hold.
    case onHold
    case alreadyOnHold
    case notOnHold
    /// It goes that way already.
    case alreadyThere
    /// The time in which a drop can be taken back is over.
    case tooLate
    /// What was kept to take the drop back cannot be read.
    case damaged
}
