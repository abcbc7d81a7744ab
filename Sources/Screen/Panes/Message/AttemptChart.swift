import Foundation
import Mail
import Monitor

/// When a message was tried and how each attempt ended: a line from its arrival to now, or to the next attempt.
struct AttemptChart {
    private let attempts: [AttemptRow]
    private let arrived: Timestamp
    private let next: Timestamp?
    private let now: Timestamp

    init(of detail: MessageDetail, now: Timestamp) {
        self.attempts = detail.attempts
        self.arrived = detail.arrived
        self.next = detail.recipients.compactMap(\.nextAttempt).filter { $0 > now }.min()
        let settled = detail.recipients.compactMap(\.settledAt).max()
        self.now = detail.isSettled ? settled ?? now : now
    }

    /// How much of a bar an attempt takes by its length, 0...1: a thousandth of a second nothing, five minutes all of it,
    /// and ten times as long a fifth more or so.
    static func share(ofMilliseconds milliseconds: Int64) -> Double {
        min(1, max(0, log10(Double(max(1, milliseconds))) / log10(300_000)))
    }

    /// `20m00 ◐──────◐────────◐──────│──○ in 15m`, as wide as there is room.
    func runs(columns: Int, _ glyphs: Glyphs) -> [Run] {
        let age = Format.age(milliseconds: self.now.since(self.arrived)).padded(6)
        let end = self.next.map { " next in \(Format.span(milliseconds: $0.since(self.now)))" } ?? ""
        let width = columns - age.count - end.count
        guard width >= 10 else { return [] }
        let span = max(1, (self.next ?? self.now).since(self.arrived))
        func place(_ time: Timestamp) -> Int {
            max(0, min(width - 1, Int(Int64(width - 1) * time.since(self.arrived) / span)))
        }
        var marks: [Int: Run] = [:]
        if let next { marks[place(next)] = Run(glyphs[.queued], .queued) }
        if self.next != nil { marks[place(self.now)] = Run(glyphs.sign("│", "|"), .muted) }
        // Of several in one place the last one is seen, as it is what came of them.
        for attempt in self.attempts {
            marks[place(attempt.at)] = Run(glyphs[attempt.outcome.glyph], attempt.outcome.role)
        }
        var runs = [Run(age, .muted)]
        var from = 0
        for (at, mark) in marks.sorted(by: { $0.key < $1.key }) {
            runs += [Run(String(repeating: glyphs.sign("─", "-"), count: at - from), .graphGrid), mark]
            from = at + 1
        }
        runs.append(Run(String(repeating: glyphs.sign("─", "-"), count: width - from), .graphGrid))
        return runs + [Run(end, .muted)]
    }
}
