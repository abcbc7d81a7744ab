/// What kind of thing happened: to mail, or to a node at an operator's word. The names are those of the API, the log and the
/// spool's rows, and never change.
public enum FactKind: String, Hashable, Sendable, Codable, CaseIterable {
    case accepted, deferred, relayed, bounced, expired, dropped, held, released, retried, restored
    /// A delivery status notification was made; `to` is who is told, `text` its queue ID.
    case reported
    /// A standing rule refused mail, of which there is no message: `text` is the reply, and how many more were refused like it.
    case refused
    /// It is not as it was written; `text` says what is wrong.
    case damaged
    /// It goes another way from now on: `nextHop`, or by its route again where that is `nil`.
    case rerouted
    /// It goes to another address from now on: `to`; `text` is the one before.
    case readdressed
    /// A standing rule was set, or ended; `text` is its number and terms. It is about no message.
    case ruleSet, ruleEnded
    /// An operator set how many sessions a destination may have, or took that back: `nextHop`. It is about no message.
    /// Of an earlier version; a limit is a standing rule.
    case limited
    /// An operator had a drop forgotten before its time, so that nobody can take it back.
    case purged
    /// An operator ended a session of the node `text`. Of one in which mail goes out, `message` is what it was about just then.
    case closed
    /// A node of a fleet takes no more mail, or does again; `text` says which.
    case drained, undrained
    /// A node of a fleet that is gone for good is none of its nodes any more; `text` says which.
    case forgotten
    /// A node read its configuration again; `text` is its name, and what of it stays as it was.
    case reloaded
    /// A node was told to stop; `text` is its name.
    case shutdown
    /// A node did not take the configuration that it read; `text` is its name, and why.
    case reloadFailed

    /// The state in which it leaves the recipient that it is about; `nil`: it leaves that as it was.
    public var recipientState: RecipientState? {
        switch self {
        case .deferred: .deferred
        case .relayed: .relayed
        case .bounced: .bounced
        case .expired: .expired
        case .dropped: .dropped
        case .held, .damaged: .hold
        case .released, .retried, .restored: .queued
        case .accepted, .reported, .refused, .rerouted, .readdressed, .ruleSet, .ruleEnded, .limited, .purged, .closed,
            .drained, .undrained, .forgotten, .reloaded, .shutdown, .reloadFailed:
            nil
        }
    }

    /// Nothing more is done for the recipient.
    public var settles: Bool { self.recipientState?.isSettled ?? false }

    /// It tells what became of an attempt, or of the patience with which one was waited for; but what is deferred may also wait
    /// without an attempt.
    package var mayEndAttempt: Bool { self == .deferred || self.settles && self != .dropped }

    /// Something did not go as it should.
    public var isTrouble: Bool {
        switch self {
        case .deferred, .bounced, .expired, .refused, .damaged, .reloadFailed: true
        case .accepted, .relayed, .dropped, .held, .released, .retried, .restored, .reported, .rerouted, .readdressed,
            .ruleSet, .ruleEnded, .limited, .purged, .closed, .drained, .undrained, .forgotten, .reloaded, .shutdown:
            false
        }
    }

    /// It is about a node or one of its sessions, and about mail only by the way.
    public var isAboutNode: Bool {
        switch self {
        case .closed, .drained, .undrained, .forgotten, .reloaded, .shutdown, .reloadFailed: true
        case .accepted, .deferred, .relayed, .bounced, .expired, .dropped, .held, .released, .retried, .restored,
            .reported,
            .refused, .damaged, .rerouted, .readdressed, .ruleSet, .ruleEnded, .limited, .purged:
            false
        }
    }

    /// Its `text` is a reply, or what in place of one says why; and not the name of a client or of a node.
    public var hasReply: Bool { !self.isAboutNode && self != .accepted }
}
