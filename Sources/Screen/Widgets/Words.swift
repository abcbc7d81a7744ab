import Mail
import Monitor
import SMTP

// Each state has a role, a glyph and a word: colour is never the only carrier.

extension RecipientState {
    var role: Role {
        switch self {
        case .queued: .queued
        case .active: .active
        case .deferred: .deferred
        case .hold: .hold
        case .relayed: .relayed
        case .bounced: .bounced
        case .expired: .expired
        case .dropped: .dropped
        }
    }
    var glyph: Glyph {
        switch self {
        case .queued: .queued
        case .active: .active
        case .deferred: .deferred
        case .hold: .hold
        case .relayed: .relayed
        case .bounced: .bounced
        case .expired: .expired
        case .dropped: .dropped
        }
    }
}

extension Run {
    /// A state's glyph and word.
    init(state: RecipientState, _ glyphs: Glyphs) { self.init("\(glyphs[state.glyph]) \(state.word)", state.role) }

    /// A path without its brackets; a source route stands behind the mailbox, `u@Z (@D,@P)`, and a domain that may deceive
    /// is disclosed.
    init(address path: String, _ role: Role = .base, before: String = "") {
        self.init(SafeText(address: before + Words.mailboxFirst(path)), role)
    }

    /// A reply in the colour of its first digit (RFC 5321 §4.2.1); other words are dim.
    init(reply: String) {
        let code = reply.prefix { $0.isASCII && $0.isNumber }
        let role: Role =
            switch code.count == 3 ? code.first : nil {
            case "2": .ok
            case "4": .deferred
            case "5": .failed
            default: .muted
            }
        self.init(reply, role)
    }
}

extension Words {
    /// What is said where the queue is empty.
    static func nothingQueued(_ node: Node) -> [String] {
        var lines = ["the queue is empty"]
        if let listening = node.overview?.listening, !listening.isEmpty {
            lines.append("send mail to \(listening.joined(separator: " or "))")
        }
        return lines + (node.capabilities?.notes.map(\.words) ?? [])
    }

    /// What is said where a filter leaves nothing.
    static func nothingMatches(_ around: Surroundings) -> [String] {
        let key = around.label(of: .filter)
        return ["nothing matches the filter", "\(key) changes it; \(key), Ctrl-U, Enter shows all"]
    }
}

extension SessionPhase {
    var role: Role {
        switch self {
        case .content, .finalReply, .data: .active
        case .connect, .greeting, .hello, .tls, .auth, .mail, .rcpt: .queued
        case .idle, .quit, .closed: .muted
        }
    }
}

extension DestinationAges.Condition {
    var role: Role {
        switch self {
        case .ok: .ok
        case .backoff: .limited
        case .deferring: .deferred
        case .unrouted: .failed
        case .hold, .suspended: .hold
        }
    }
    var glyph: Glyph {
        switch self {
        case .ok: .ok
        case .backoff: .limited
        case .deferring: .deferred
        case .unrouted: .warn
        case .hold, .suspended: .hold
        }
    }
}

extension FactKind {
    var role: Role {
        switch self {
        case .accepted, .reported: .queued
        case .deferred: .deferred
        case .relayed: .relayed
        case .bounced, .refused, .reloadFailed: .bounced
        case .expired: .expired
        case .dropped, .purged, .closed, .forgotten: .dropped
        case .held, .damaged, .ruleSet, .drained, .shutdown: .hold
        case .released, .retried, .restored, .rerouted, .readdressed, .ruleEnded, .limited, .undrained, .reloaded:
            .active
        }
    }
    var glyph: Glyph {
        switch self {
        case .accepted, .reported, .released, .restored, .rerouted, .readdressed, .ruleEnded, .limited, .undrained,
            .reloaded:
            .queued
        case .deferred: .deferred
        case .relayed: .relayed
        case .bounced, .refused, .reloadFailed: .bounced
        case .expired: .expired
        case .dropped, .purged, .closed, .forgotten: .dropped
        case .held, .damaged, .ruleSet, .drained, .shutdown: .hold
        case .retried: .active
        }
    }
}

extension Attention.Severity {
    var role: Role {
        switch self {
        case .notice: .muted
        case .warning: .limited
        case .failure: .failed
        }
    }
    var glyph: Glyph {
        switch self {
        case .notice: .ok
        case .warning: .warn
        case .failure: .failed
        }
    }
}
