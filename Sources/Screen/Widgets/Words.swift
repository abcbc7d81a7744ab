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

extension SessionPhase {
    /// As a table shows it.
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
        case .data: "DATA"
        case .content: "content"
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
    /// As the next hop sees it: content that our kernel still holds has not been sent.
    fileprivate func flow(_ share: Double?) -> SessionPhase {
        self == .finalReply && share.map { $0 < 1 } == true ? .content : self
    }
}

extension DeliveryProgress {
    /// The phase as the next hop sees it.
    var flow: SessionPhase { self.phase.flow(self.share) }
    /// 0...1 while content flows and its size is known.
    var share: Double? { portion(self.contentOctetsSent, of: self.contentOctets) }
    /// `DATA 62%`, `RCPT`.
    var words: String {
        switch self.flow {
        case .content: self.share.map { "DATA \(Int($0 * 100))%" } ?? "DATA \(Format.octets(self.contentOctetsSent))"
        case .finalReply: "DATA sent, reply?"
        case .connect, .greeting, .hello, .tls, .auth, .idle, .mail, .rcpt, .data, .quit, .closed: self.phase.word
        }
    }
}

extension ConnectionRow {
    /// The phase as the peer sees it.
    var flow: SessionPhase { self.direction == .outbound ? self.phase.flow(self.contentShare) : self.phase }
    /// Its name and its address, once where they are the same.
    var peerWords: String {
        guard let name = self.name, name != self.peer else { return self.peer }
        return "\(name) \(self.peer)"
    }
    /// While content flows: `62%`, or octets where the size is not known.
    var contentWords: String? {
        guard self.hasContent else { return nil }
        return self.contentShare.map { "\(Int($0 * 100))%" } ?? Format.octets(self.contentOctetsDone)
    }
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
        case .hold: .hold
        }
    }
    var glyph: Glyph {
        switch self {
        case .ok: .ok
        case .backoff: .limited
        case .deferring: .deferred
        case .unrouted: .warn
        case .hold: .hold
        }
    }
    var word: String {
        switch self {
        case .ok: "ok"
        case .backoff: "backoff"
        case .deferring: "deferring"
        case .unrouted: "no route"
        case .hold: "on hold"
        }
    }
}

extension FactRow.Kind {
    var role: Role {
        switch self {
        case .accepted, .reported: .queued
        case .deferred: .deferred
        case .relayed: .relayed
        case .bounced, .refused: .bounced
        case .expired: .expired
        case .dropped: .dropped
        case .held, .damaged: .hold
        case .released, .retried, .restored: .active
        }
    }
    var glyph: Glyph {
        switch self {
        case .accepted, .reported, .released, .restored: .queued
        case .deferred: .deferred
        case .relayed: .relayed
        case .bounced, .refused: .bounced
        case .expired: .expired
        case .dropped: .dropped
        case .held, .damaged: .hold
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
