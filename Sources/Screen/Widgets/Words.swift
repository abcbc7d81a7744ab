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

enum Words {
    /// `41,207 recipients of 39,950 messages`
    static func counts(_ recipients: Int, _ messages: Int) -> String {
        Format.plural(recipients, "recipient") + " of " + Format.plural(messages, "message")
    }

    /// A row in a dialog's sample.
    static func sample(_ row: QueueRow) -> String { "\(row.ref.id)  \(row.from) to \(row.to)" }

    /// What is said where the queue is empty.
    static func nothingQueued(_ node: Node) -> [String] {
        var lines = ["the queue is empty"]
        if let listening = node.overview?.listening, !listening.isEmpty {
            lines.append("send mail to \(listening.joined(separator: " or "))")
        }
        return lines + (node.capabilities?.notes.map(\.words) ?? [])
    }

    fileprivate static func mailboxFirst(_ path: String) -> String {
        guard path.hasPrefix("<"), path.hasSuffix(">"), path.count > 2 else { return path }
        let inner = path.dropFirst().dropLast()
        guard inner.hasPrefix("@"), let colon = inner.firstIndex(of: ":") else { return String(inner) }
        return "\(inner[inner.index(after: colon)...]) (\(inner[..<colon]))"
    }
}

extension SessionPhase {
    /// Its word in a table.
    var word: String {
        switch self {
        case .connect: "connect"
        case .greeting: "greeting"
        case .hello: "EHLO"
        case .tls: "TLS"
        case .auth: "AUTH"
        case .idle: "idle"
        case .mail: "MAIL"
        case .rcpt: "RCPT"
        case .data, .content: "DATA"
        case .finalReply: "reply"
        case .quit: "QUIT"
        case .closed: "closed"
        }
    }
    var role: Role {
        switch self {
        case .content, .finalReply, .data: .active
        case .connect, .greeting, .hello, .tls, .auth, .mail, .rcpt: .queued
        case .idle, .quit, .closed: .muted
        }
    }
}

/// 0...1; `nil` when the size is not known.
private func portion(_ octets: Int, of all: Int?) -> Double? {
    guard let all, all > 0 else { return nil }
    return min(1, Double(octets) / Double(all))
}

extension SessionPhase {
    /// The phase as the next hop sees it: content that our kernel still holds has not been sent.
    fileprivate func flow(_ share: Double?) -> SessionPhase {
        self == .finalReply && share.map { $0 < 1 } == true ? .content : self
    }

    /// - Parameter octets: how many of them went, where their number is not known.
    fileprivate func words(share: Double?, octets: Int) -> String {
        guard self == .content else { return self.word }
        return "DATA " + (share.map { "\(Int($0 * 100))%" } ?? Format.octets(octets))
    }
}

extension DeliveryProgress {
    /// The phase as the next hop sees it.
    var flow: SessionPhase { self.phase.flow(self.share) }
    /// 0...1 while content flows and its size is known.
    var share: Double? { portion(self.contentOctetsSent, of: self.contentOctets) }
    /// `DATA 62%`, `RCPT`.
    var words: String { self.flow.words(share: self.share, octets: self.contentOctetsSent) }
}

extension ConnectionRow {
    /// The phase as the peer sees it.
    var flow: SessionPhase { self.direction == .outbound ? self.phase.flow(self.contentShare) : self.phase }
    /// Its name and its address, once where they are the same.
    var peerWords: String {
        guard let name = self.name, name != self.peer else { return self.peer }
        return "\(name) \(self.peer)"
    }
    /// `DATA 62%`, `RCPT`.
    var phaseWords: String { self.flow.words(share: self.contentShare, octets: self.contentOctetsDone) }
    /// 0...1 while content flows and its size is known.
    var contentShare: Double? {
        self.hasContent ? portion(self.contentOctetsDone, of: self.contentOctets) : nil
    }
    private var hasContent: Bool { self.ended == nil && (self.phase == .content || self.phase == .finalReply) }
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
    var word: String {
        switch self {
        case .ok: "ok"
        case .backoff: "backoff"
        case .deferring: "deferring"
        case .unrouted: "no route"
        case .hold: "on hold"
        case .suspended: "suspended"
        }
    }
}

extension FactRow.Kind {
    var word: String {
        switch self {
        case .ruleSet: "rule set"
        case .ruleEnded: "rule end"
        case .accepted, .deferred, .relayed, .bounced, .expired, .dropped, .held, .released, .retried, .restored,
            .reported, .refused, .damaged, .rerouted:
            self.rawValue
        }
    }
    var role: Role {
        switch self {
        case .accepted, .reported: .queued
        case .deferred: .deferred
        case .relayed: .relayed
        case .bounced, .refused: .bounced
        case .expired: .expired
        case .dropped: .dropped
        case .held, .damaged, .ruleSet: .hold
        case .released, .retried, .restored, .rerouted, .ruleEnded: .active
        }
    }
    var glyph: Glyph {
        switch self {
        case .accepted, .reported, .released, .restored, .rerouted, .ruleEnded: .queued
        case .deferred: .deferred
        case .relayed: .relayed
        case .bounced, .refused: .bounced
        case .expired: .expired
        case .dropped: .dropped
        case .held, .damaged, .ruleSet: .hold
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
