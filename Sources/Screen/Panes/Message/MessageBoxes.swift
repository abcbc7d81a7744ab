import Mail
import Monitor

/// A message in boxes, one below the other: who wrote it, its way, its recipients, what was tried.
struct MessageBoxes {
    enum Part { case recipients, attempts }

    let detail: MessageDetail
    let recipients: RecipientList
    let attempts: AttemptList
    /// Whose message it is.
    let node: Int
    /// What other nodes know of it further on.
    var joined: [JoinKey: MessageDetail] = [:]
    /// Which of them has the keys; `nil`: none.
    var focus: Part?
    /// The attempt that was asked for.
    var watch: AttemptWatch?
    /// The key for a transcript opens that of an attempt.
    var hasTranscript = true

    /// The rows from which on there are boxes.
    static let leastHeight = 14
    /// The columns from which on the dialogue of an attempt stands beside the recipients.
    private static let columnsForBoth = 130

    /// Rows that were painted, of each part.
    typealias Painted = [Part: PaintedRows]

    @discardableResult
    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) -> Painted {
        var rest = area
        rest = rest.below(EnvelopeBox(detail: self.detail, now: around.now).paint(&painter, rest))
        if let recipient = self.recipients.selected {
            let way = Way(of: self.detail, recipient, at: self.node, joined: self.joined, around)
            rest = rest.below(HopsBox(way: way, progress: recipient.progress, now: around.now).paint(&painter, rest))
        }
        if let watch {
            // Beside the recipients where there is room, else instead of the attempts.
            guard area.width >= Self.columnsForBoth else {
                let recipients = rest.top(max(5, rest.height * 2 / 5))
                watch.paint(&painter, rest.below(recipients.height), around)
                return [
                    .recipients: self.recipients.paint(
                        &painter, recipients, isFocused: self.focus == .recipients, around)
                ]
            }
            let beside = rest.right(rest.width - rest.width * 2 / 5)
            watch.paint(&painter, beside, around)
            rest.width -= beside.width
        }
        let attempts = min(self.attempts.wantedHeight, max(3, rest.height / 3 + 1))
        let recipients = rest.top(rest.height - attempts)
        return [
            .recipients: self.recipients.paint(
                &painter, recipients, isFocused: self.focus == .recipients, around),
            .attempts: self.attempts.paint(
                &painter, rest.below(recipients.height), chart: AttemptChart(of: self.detail, now: around.now),
                hasTranscript: self.hasTranscript, isFocused: self.focus == .attempts, around),
        ]
    }
}
