public import Mail
public import SMTP

// What sessions and attempts under way say of themselves.

extension SessionPhase {
    /// Its word in a table.
    public var word: String {
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
}

/// 0...1; `nil` when the size is not known.
private func portion(_ octets: Int, of all: Int?) -> Double? {
    guard let all, all > 0 else { return nil }
    return min(1, Double(octets) / Double(all))
}

/// How fast content flows, and how long the rest takes at that rate.
private func rateWords(_ phases: PhaseTimes?, _ octets: Int, of all: Int?, _ now: Timestamp) -> String? {
    guard let rate = phases?.rate(of: octets, now), rate > 0 else { return nil }
    let left = all.map { Int64(min(Double(max(0, $0 - octets)) * 1000 / Double(rate), 1e15)) }
    return "\(Format.octets(rate))/s" + (left.map { ", \(Format.span(milliseconds: $0)) left" } ?? "")
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
    public var flow: SessionPhase { self.phase.flow(self.share) }
    /// 0...1 while content flows and its size is known.
    public var share: Double? { portion(self.contentOctetsSent, of: self.contentOctets) }
    /// `DATA 62%`, `RCPT`.
    public var words: String { self.flow.words(share: self.share, octets: self.contentOctetsSent) }
    /// `410K/s, 3s left`; `nil`: nothing flows, or not for long enough to tell.
    public func rateWords(_ now: Timestamp) -> String? {
        Monitor.rateWords(self.phases, self.contentOctetsSent, of: self.contentOctets, now)
    }
}

extension ConnectionRow {
    /// The phase as the peer sees it.
    public var flow: SessionPhase { self.direction == .outbound ? self.phase.flow(self.contentShare) : self.phase }
    /// Its name and its address, once where they are the same.
    public var peerWords: String {
        guard let name = self.name, name != self.peer else { return self.peer }
        return "\(name) \(self.peer)"
    }
    /// `DATA 62%`, `RCPT`.
    public var phaseWords: String { self.flow.words(share: self.contentShare, octets: self.contentOctetsDone) }
    /// 0...1 while content flows and its size is known.
    public var contentShare: Double? {
        self.hasContent ? portion(self.contentOctetsDone, of: self.contentOctets) : nil
    }
    /// `410K/s, 3s left`; `nil`: nothing flows, or not for long enough to tell.
    public func rateWords(_ now: Timestamp) -> String? {
        Monitor.rateWords(self.phases, self.contentOctetsDone, of: self.contentOctets, now)
    }
    /// Octets of content in a second, while it flows.
    public func rate(_ now: Timestamp) -> Int? {
        self.hasContent ? self.phases?.rate(of: self.contentOctetsDone, now) : nil
    }
    private var hasContent: Bool { self.ended == nil && (self.phase == .content || self.phase == .finalReply) }
}

extension ConnectionRow {
    /// How a session went that is over: what went wrong, else how many messages went over in it: `3 relayed`, `none taken`.
    public var outcomeWords: String {
        if let remark = self.remark { return remark }
        let verb = self.direction == .inbound ? "taken" : "relayed"
        return self.messages > 0 ? "\(Format.count(self.messages)) \(verb)" : "none \(verb)"
    }
}
