import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import SMTP
import Synchronization

/// What can be seen of one session: its row in the table and its transcript. The session's event loop writes, a watcher
/// reads; the lock is held for a few lines.
final class SessionRecord: Sendable {
    let ref: SessionRef
    let direction: ConnectionRow.Direction
    private let state: NIOLockedValueBox<State>
    private let signal: ChangeSignal
    private let traces: TraceBoard
    /// The traces that know already that there is something new; a bit for each.
    private let tracesTold = Atomic<UInt64>(0)

    private struct State {
        var row: ConnectionRow
        var dialogue = Dialogue()
        var failed = false
        var hangUp: (@Sendable () -> Void)?
    }

    init(
        ref: SessionRef, direction: ConnectionRow.Direction, peer: String, address: String?, name: String?,
        at: Timestamp, phase: SessionPhase, signal: ChangeSignal, traces: TraceBoard,
        hangUp: (@Sendable () -> Void)?
    ) {
        self.ref = ref
        self.direction = direction
        self.signal = signal
        self.traces = traces
        let row = ConnectionRow(
            ref: ref, direction: direction, peer: peer, address: address, name: name, phase: phase, started: at,
            lastActivity: at, phases: PhaseTimes(phase, since: at))
        self.state = NIOLockedValueBox(State(row: row, hangUp: hangUp))
    }

    var row: ConnectionRow { self.state.withLockedValue { $0.row } }
    var failed: Bool { self.state.withLockedValue { $0.failed } }
    var octetsKept: Int { self.state.withLockedValue { $0.dialogue.octets } }

    /// Changes the row; the change is shown with the next frame.
    func update(at now: Timestamp, _ body: (inout ConnectionRow) -> Void) {
        self.state.withLockedValue { state in
            body(&state.row)
            state.row.phases?.enter(state.row.phase, at: now)
            state.row.lastActivity = now
            state.dialogue.isAbout(state.row.message)
        }
        self.signal.raise(.connections)
    }

    /// A turn of the session is over. Changes what the row shows of its progress, if it is not what it shows already.
    ///
    /// - Parameters:
    ///   - phase: as `recipientsDone` and `contentOctetsDone`; `nil`: as before.
    ///   - octetsIn: of this turn; `octetsOut` likewise.
    func progressed(
        to phase: SessionPhase?, recipientsDone: Int? = nil, contentOctetsDone: Int? = nil, octetsIn: Int = 0,
        octetsOut: Int = 0, at now: Timestamp
    ) {
        let isNew = self.state.withLockedValue { state in
            let phase = phase ?? state.row.phase
            let recipientsDone = recipientsDone ?? state.row.recipientsDone
            let contentOctetsDone = contentOctetsDone ?? state.row.contentOctetsDone
            guard
                state.row.phase != phase || recipientsDone != state.row.recipientsDone
                    || contentOctetsDone != state.row.contentOctetsDone || octetsIn > 0 || octetsOut > 0
            else { return false }
            state.row.phase = phase
            state.row.phases?.enter(phase, at: now)
            state.row.recipientsDone = recipientsDone
            state.row.contentOctetsDone = contentOctetsDone
            state.row.octetsIn += octetsIn
            state.row.octetsOut += octetsOut
            state.row.lastActivity = now
            return true
        }
        if isNew { self.signal.raise(.connections) }
    }

    func said(_ speaker: TranscriptLine.Speaker, _ text: String, at now: Timestamp) {
        self.append(.text(text), speaker, now)
    }
    func said(_ speaker: TranscriptLine.Speaker, _ reply: Reply, at now: Timestamp) {
        self.append(.reply(reply), speaker, now)
    }

    private func append(_ said: Dialogue.Said, _ speaker: TranscriptLine.Speaker, _ now: Timestamp) {
        self.state.withLockedValue { state in
            state.row.lastActivity = now
            state.dialogue.append(said, speaker, now)
        }
        self.signal.raise(.transcripts)
        self.tellTraces()
    }

    /// The session is over; nothing more is written.
    func ended(at now: Timestamp, failed: Bool, remark: String?) {
        self.state.withLockedValue { state in
            state.row.phase = .closed
            state.row.phases?.enter(.closed, at: now)
            state.row.ended = now
            state.row.message = nil
            state.dialogue.isAbout(nil)
            if let remark { state.row.remark = remark }
            state.failed = failed
            state.hangUp = nil
        }
        self.signal.raise(.connections)
    }

    func page(from: Int, count: Int) -> TranscriptPage {
        self.state.withLockedValue { state in
            TranscriptPage(
                session: state.row, lines: state.dialogue.lines(from: from, count: count), end: state.dialogue.end,
                elided: state.dialogue.elided)
        }
    }

    // MARK: traces

    /// There is something new. Costs one atomic load while nobody traces.
    private func tellTraces() {
        let watching = self.traces.watching
        guard watching != 0 else { return }
        let known = self.tracesTold.bitwiseOr(watching, ordering: .acquiringAndReleasing).oldValue
        if watching & ~known != 0 { self.traces.changed(self, for: watching & ~known) }
    }

    /// From now on the trace is to be told again.
    func forgetTelling(_ trace: UInt64) {
        self.tracesTold.bitwiseAnd(~trace, ordering: .acquiringAndReleasing)
    }

    /// The number after the last line.
    var end: Int { self.state.withLockedValue { $0.dialogue.end } }

    /// It failed, or something in it was refused.
    var hasFailed: Bool { self.state.withLockedValue { $0.failed || $0.dialogue.hasRefusal } }

    /// What a trace has to know to want the session or not.
    var glance: (row: ConnectionRow, hasFailed: Bool) {
        self.state.withLockedValue { ($0.row, $0.failed || $0.dialogue.hasRefusal) }
    }

    /// What was said from line `from` on.
    ///
    /// - Parameter message: what was said in its transactions only.
    /// - Returns: also where to go on, and how many lines are gone.
    func said(from: Int, of message: String?) -> (lines: [TranscriptLine], next: Int, missed: Int) {
        self.state.withLockedValue { state in
            if let message {
                let (lines, next) = state.dialogue.lines(from: from, of: message)
                return (lines, next, 0)
            }
            let lines = state.dialogue.lines(from: from, count: .max)
            return (lines, state.dialogue.end, state.dialogue.end - from - lines.count)
        }
    }

    /// Ends the session at once, if it is still there.
    func hangUp() -> Bool {
        guard let hangUp = self.state.withLockedValue({ $0.hangUp }) else { return false }
        hangUp()
        return true
    }
}
