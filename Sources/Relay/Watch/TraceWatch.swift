import DequeModule
import Monitor
import NIOConcurrencyHelpers
import NIOCore

/// What a trace has not looked at yet: names of sessions that said something, and sessions that ended. Their dialogues are the
/// only buffer there is, and of those that ended only so many octets wait: of a trace that is slow the oldest are dropped.
final class TraceWatch: Sendable {
    static let endedOctets = 8 << 20

    struct Work: Sendable {
        var changed: Set<SessionRef> = []
        var ended: Deque<SessionRecord> = []
        /// Sessions that were begun, and dropped before their end was told.
        var cut: [ConnectionRow] = []
        /// Lines that were dropped with their sessions.
        var missed = 0
    }
    private struct State {
        var work = Work()
        var octets = 0
        /// The line to go on with, of sessions that were begun.
        var places: [SessionRef: Int] = [:]
        var isWakeDue = false
    }

    /// Its own bit.
    let bit: UInt64
    /// Elements come, at most twenty a second, when there is work.
    let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private let direction: ConnectionRow.Direction?
    private let loop: any EventLoop
    private let state = NIOLockedValueBox(State())

    init(bit: UInt64, direction: ConnectionRow.Direction?, loop: any EventLoop) {
        self.bit = bit
        self.direction = direction
        self.loop = loop
        (self.wakes, self.wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: from any thread

    func changed(_ record: SessionRecord) { self.add(record) { $0.work.changed.insert(record.ref) } }

    func ended(_ record: SessionRecord) {
        self.add(record) { state in
            state.work.changed.remove(record.ref)
            state.work.ended.append(record)
            state.octets += record.octetsKept
            while state.octets > Self.endedOctets, let old = state.work.ended.popFirst() {
                state.octets -= old.octetsKept
                let place = state.places.removeValue(forKey: old.ref)
                state.work.missed += old.end - (place ?? 0)
                if place != nil { state.work.cut.append(old.row) }
            }
        }
    }

    private func add(_ record: SessionRecord, _ body: (inout State) -> Void) {
        guard self.direction == nil || self.direction == record.direction else { return }
        let isFirst = self.state.withLockedValue { state in
            body(&state)
            defer { state.isWakeDue = true }
            return !state.isWakeDue
        }
        if isFirst { self.loop.scheduleTask(in: .milliseconds(50)) { self.wake.yield() } }
    }

    func finish() { self.wake.finish() }

    // MARK: from the trace

    func take() -> Work {
        self.state.withLockedValue { state in
            let work = state.work
            state.work = Work()
            state.octets = 0
            state.isWakeDue = false
            return work
        }
    }

    /// The line of a session to go on with; `nil` before it was begun.
    subscript(session: SessionRef) -> Int? {
        get { self.state.withLockedValue { $0.places[session] } }
        set { self.state.withLockedValue { $0.places[session] = newValue } }
    }
}
