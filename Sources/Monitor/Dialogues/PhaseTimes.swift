public import Mail
public import SMTP

/// How long a session was in each of its phases: in those before the first transaction, and in those of the transaction
/// under way, or of the last one (RFC 5321 §3.3).
public struct PhaseTimes: Hashable, Sendable {
    /// Milliseconds by the place of the phase among all of them, without the phase that lasts.
    private var milliseconds: SIMD16<Int32> = .zero
    /// The phase that lasts, and since when it does.
    public private(set) var current: SessionPhase
    public private(set) var since: Timestamp
    /// When content began to flow; `nil`: it did not yet.
    public private(set) var contentSince: Timestamp?

    public init(_ phase: SessionPhase, since: Timestamp) {
        self.current = phase
        self.since = since
    }

    /// The session goes on to another phase; with MAIL another transaction begins.
    public mutating func enter(_ phase: SessionPhase, at now: Timestamp) {
        guard phase != self.current else { return }
        self.milliseconds[self.current.place] &+= Int32(clamping: now.since(self.since))
        if phase == .mail {
            for part in [SessionPhase.mail, .rcpt, .data, .content, .finalReply] { self.milliseconds[part.place] = 0 }
            self.contentSince = nil
        }
        if phase == .content { self.contentSince = now }
        self.current = phase
        self.since = now
    }

    /// How long it was in a phase, in milliseconds; `nil`: not at all.
    ///
    /// - Parameter now: until when the phase counts that lasts.
    public func time(in phase: SessionPhase, _ now: Timestamp) -> Int64? {
        let past = Int64(self.milliseconds[phase.place])
        if phase == self.current { return past + max(0, now.since(self.since)) }
        return past > 0 ? past : nil
    }

    /// Octets in a second, while content flows and has for long enough to tell.
    public func rate(of octets: Int, _ now: Timestamp) -> Int? {
        guard self.current == .content || self.current == .finalReply, let contentSince, octets > 0 else { return nil }
        let time = now.since(contentSince)
        return time >= 100 ? Int(min(Double(octets) * 1000 / Double(time), 1e15)) : nil
    }
}

extension SessionPhase {
    fileprivate var place: Int {
        switch self {
        case .connect: 0
        case .greeting: 1
        case .hello: 2
        case .tls: 3
        case .auth: 4
        case .idle: 5
        case .mail: 6
        case .rcpt: 7
        case .data: 8
        case .content: 9
        case .finalReply: 10
        case .quit: 11
        case .closed: 12
        }
    }
}

/// Its JSON form has the milliseconds by phase, without those that took none.
extension PhaseTimes: Codable {
    private enum CodingKeys: CodingKey { case current, since, contentSince, milliseconds }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            try container.decode(SessionPhase.self, forKey: .current),
            since: try container.decode(Timestamp.self, forKey: .since))
        self.contentSince = try container.decodeIfPresent(Timestamp.self, forKey: .contentSince)
        let times = try container.decode([String: Int32].self, forKey: .milliseconds)
        for phase in SessionPhase.allCases { self.milliseconds[phase.place] = times[phase.rawValue] ?? 0 }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.current, forKey: .current)
        try container.encode(self.since, forKey: .since)
        try container.encodeIfPresent(self.contentSince, forKey: .contentSince)
        var times: [String: Int32] = [:]
        for phase in SessionPhase.allCases where self.milliseconds[phase.place] != 0 {
            times[phase.rawValue] = self.milliseconds[phase.place]
        }
        try container.encode(times, forKey: .milliseconds)
    }
}
