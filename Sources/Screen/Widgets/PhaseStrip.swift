import Mail
import Monitor
import SMTP

/// Where the time of a session went: tiny bars for connecting, TLS, MAIL, RCPT and DATA, ten times as long being some steps
/// higher.
struct PhaseStrip {
    /// Milliseconds; `nil`: it was not there, or not yet.
    private let times: [Int64?]

    private static let parts: [[SessionPhase]] = [
        [.connect, .greeting, .hello], [.tls, .auth], [.mail], [.rcpt], [.data, .content, .finalReply],
    ]
    /// What a part takes at most for each height of its bar, in milliseconds.
    private static let steps: [Int64] = [3, 10, 30, 100, 300, 1000, 5000]

    init(_ phases: PhaseTimes, until now: Timestamp) {
        self.times = Self.parts.map { part in
            let times = part.compactMap { phases.time(in: $0, now) }
            return times.isEmpty ? nil : times.reduce(0, +)
        }
    }

    /// Some part took longer than what the last step is for.
    var isSlow: Bool { self.times.contains { ($0 ?? 0) > Self.steps[Self.steps.count - 1] } }

    /// One column for each part.
    func text(_ glyphs: Glyphs) -> String {
        let ramp = Array(glyphs[.spark])
        return self.times.map { time in
            guard let time, ramp.count > Self.steps.count else { return glyphs.sign("·", " ") }
            return String(ramp[Self.steps.firstIndex { time <= $0 } ?? Self.steps.count])
        }.joined()
    }
}
