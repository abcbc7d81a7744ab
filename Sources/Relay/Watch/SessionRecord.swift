import DequeModule
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import SMTP
import Synchronization

/// What can be seen of one session: its row in the table and its transcript. The session's event loop writes, a watcher
/// reads; the lock is held for a few lines.
final class SessionRecord: Sendable {
    /// Octets of dialogue kept from the start and from the end; what is between is elided.
    static let headOctets = 16 << 10
    static let tailOctets = 48 << 10

    let ref: SessionRef
    let direction: ConnectionRow.Direction
    private let state: NIOLockedValueBox<State>
    private let signal: ChangeSignal

    private struct State {
        var row: ConnectionRow
        var head: [Entry] = []
        var headOctets = 0
        var tail: Deque<Entry> = []
        var tailOctets = 0
        var end = 0
        var elided = 0
        var failed = false
        var hangUp: (@Sendable () -> Void)?
    }

    /// A reply is kept as the value it is; its lines are written out only when somebody reads them.
    private struct Entry {
        enum Said { case text(String), reply(Reply) }
        var number: Int
        var at: Timestamp
        var speaker: TranscriptLine.Speaker
        var said: Said
        var lines: Int {
            switch self.said {
            case .text: 1
            case .reply(let reply): reply.lines.count
            }
        }
        var octets: Int {
            switch self.said {
            case .text(let text): text.utf8.count + 32
            case .reply(let reply): reply.lines.reduce(32) { $0 + $1.utf8.count + 8 }
            }
        }
        func expanded() -> [TranscriptLine] {
            switch self.said {
            case .text(let text): [TranscriptLine(number: self.number, at: self.at, speaker: self.speaker, text: text)]
            case .reply(let reply):
                reply.lines.indices.map { index in
                    let last = index == reply.lines.count - 1
                    let code = reply.enhanced.map { "\($0) " } ?? ""
                    return TranscriptLine(
                        number: self.number + index, at: self.at, speaker: self.speaker,
                        text: "\(reply.code.rawValue)\(last ? " " : "-")\(code)\(reply.lines[index])")
                }
            }
        }
    }

    init(
        ref: SessionRef, direction: ConnectionRow.Direction, peer: String, name: String?, at: Timestamp,
        phase: SessionPhase, signal: ChangeSignal, hangUp: (@Sendable () -> Void)?
    ) {
        self.ref = ref
        self.direction = direction
        self.signal = signal
        let row = ConnectionRow(
            ref: ref, direction: direction, peer: peer, name: name, phase: phase, started: at, lastActivity: at)
        self.state = NIOLockedValueBox(State(row: row, hangUp: hangUp))
    }

    var row: ConnectionRow { self.state.withLockedValue { $0.row } }
    var failed: Bool { self.state.withLockedValue { $0.failed } }
    var octetsKept: Int { self.state.withLockedValue { $0.headOctets + $0.tailOctets } }

    /// Changes the row; the change is shown with the next frame.
    func update(at now: Timestamp, _ body: (inout ConnectionRow) -> Void) {
        self.state.withLockedValue { state in
            body(&state.row)
            state.row.lastActivity = now
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
            state.row.recipientsDone = recipientsDone
            state.row.contentOctetsDone = contentOctetsDone
            state.row.octetsIn += octetsIn
            state.row.octetsOut += octetsOut
            state.row.lastActivity = now
            return true
        }
        if isNew { self.signal.raise(.connections) }
    }

    func setHangUp(_ body: (@Sendable () -> Void)?) { self.state.withLockedValue { $0.hangUp = body } }

    func said(_ speaker: TranscriptLine.Speaker, _ text: String, at now: Timestamp) {
        self.append(.text(text), speaker, now)
    }
    func said(_ speaker: TranscriptLine.Speaker, _ reply: Reply, at now: Timestamp) {
        self.append(.reply(reply), speaker, now)
    }

    private func append(_ said: Entry.Said, _ speaker: TranscriptLine.Speaker, _ now: Timestamp) {
        self.state.withLockedValue { state in
            let entry = Entry(number: state.end, at: now, speaker: speaker, said: said)
            let octets = entry.octets
            state.end += entry.lines
            state.row.lastActivity = now
            if state.tail.isEmpty, state.headOctets + octets <= Self.headOctets {
                state.head.append(entry)
                state.headOctets += octets
                return
            }
            state.tail.append(entry)
            state.tailOctets += octets
            while state.tailOctets > Self.tailOctets, state.tail.count > 1, let first = state.tail.popFirst() {
                state.tailOctets -= first.octets
                state.elided += first.lines
            }
        }
        self.signal.raise(.transcripts)
    }

    /// The session is over; nothing more is written.
    func ended(at now: Timestamp, failed: Bool, remark: String?) {
        self.state.withLockedValue { state in
            state.row.phase = .closed
            state.row.ended = now
            state.row.message = nil
            if let remark { state.row.remark = remark }
            state.failed = failed
            state.hangUp = nil
        }
        self.signal.raise(.connections)
    }

    func page(from: Int, count: Int) -> TranscriptPage {
        self.state.withLockedValue { state in
            var lines: [TranscriptLine] = []
            for entry in state.head + state.tail
            where entry.number + entry.lines > from {
                lines += entry.expanded().filter { $0.number >= from }
                if lines.count >= count { break }
            }
            return TranscriptPage(
                session: state.row, lines: Array(lines.prefix(count)), end: state.end, elided: state.elided)
        }
    }

    /// Ends the session at once, if it is still there.
    func hangUp() -> Bool {
        guard let hangUp = self.state.withLockedValue({ $0.hangUp }) else { return false }
        hangUp()
        return true
    }
}
