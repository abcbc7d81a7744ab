import DequeModule
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import SMTP
import Sockets

/// Every live session, and the ended ones that are kept: failures before successes, 64 MiB of dialogue in all.
final class SessionRegistry: Sendable {
    private static let octetsInAll = 64 << 20
    private static let successesKept = 200
    private static let failuresKept = 1000

    private struct State {
        var live: [SessionRef: SessionRecord] = [:]
        var inbound = 0
        var inboundByClient: [ClientKey: Int] = [:]
        var successes: Deque<SessionRecord> = []
        var failures: Deque<SessionRecord> = []
        var endedOctets = 0
        var lastIn = 0
        var lastOut = 0
        /// Of sessions that have ended.
        var ended: [ConnectionRow.Direction: SessionTotals] = [:]
    }
    private let state = NIOLockedValueBox(State())
    private let node: String
    let signal: ChangeSignal
    let traces: TraceBoard
    /// Is given each session that ends.
    private let keep: @Sendable (SessionRecord) -> Void

    init(node: String, signal: ChangeSignal, keep: @escaping @Sendable (SessionRecord) -> Void = { _ in }) {
        self.node = node
        self.signal = signal
        self.keep = keep
        self.traces = TraceBoard(loop: signal.loop)
    }

    /// - Parameters:
    ///   - address: an inbound peer's, without its port.
    ///   - client: what an inbound session is counted under.
    func open(
        _ direction: ConnectionRow.Direction, peer: String, address: String? = nil, countedAs client: ClientKey? = nil,
        name: String? = nil, at now: Timestamp, hangUp: (@Sendable () -> Void)?
    ) -> SessionRecord {
        let (record, tracing) = self.state.withLockedValue { state in
            let id: String
            switch direction {
            case .inbound:
                state.lastIn += 1
                state.inbound += 1
                if let client { state.inboundByClient[client, default: 0] += 1 }
                id = "in#\(state.lastIn)"
            case .outbound:
                state.lastOut += 1
                id = "out#\(state.lastOut)"
            }
            let record = SessionRecord(
                ref: SessionRef(node: self.node, id: id), direction: direction, peer: peer, address: address,
                name: name, at: now, phase: direction == .inbound ? .greeting : .connect, signal: self.signal,
                traces: self.traces,
                hangUp: hangUp)
            state.live[record.ref] = record
            return (record, self.traces.watching)
        }
        if tracing != 0 { self.traces.changed(record, for: tracing) }
        return record
    }

    func close(
        _ record: SessionRecord, countedAs client: ClientKey? = nil, at now: Timestamp, failed: Bool,
        remark: String? = nil
    ) {
        record.ended(at: now, failed: failed, remark: remark)
        self.keep(record)
        // A trace that begins sees the session either among the live ones, and is told here, or among the ended ones.
        let tracing: UInt64 = self.state.withLockedValue { state in
            guard state.live.removeValue(forKey: record.ref) != nil else { return 0 }
            if record.direction == .inbound {
                state.inbound -= 1
                if let client, let count = state.inboundByClient[client] {
                    state.inboundByClient[client] = count > 1 ? count - 1 : nil
                }
            }
            state.endedOctets += record.octetsKept
            state.ended[record.direction, default: SessionTotals()].add(record.row, failed: failed)
            if failed { state.failures.append(record) } else { state.successes.append(record) }
            while state.successes.count > Self.successesKept || state.endedOctets > Self.octetsInAll,
                let old = state.successes.popFirst()
            {
                state.endedOctets -= old.octetsKept
            }
            while state.failures.count > Self.failuresKept || state.endedOctets > Self.octetsInAll,
                let old = state.failures.popFirst()
            {
                state.endedOctets -= old.octetsKept
            }
            return self.traces.watching
        }
        self.traces.ended(record, for: tracing)
    }

    func counts(_ client: ClientKey?) -> (inbound: Int, ofClient: Int) {
        self.state.withLockedValue { state in
            (state.inbound, client.flatMap { state.inboundByClient[$0] } ?? 0)
        }
    }
    var liveCounts: (inbound: Int, outbound: Int) {
        self.state.withLockedValue { ($0.inbound, $0.live.count - $0.inbound) }
    }

    /// Since the start, with those that are still there.
    func totals(_ direction: ConnectionRow.Direction) -> SessionTotals {
        self.state.withLockedValue { state in
            var totals = state.ended[direction] ?? SessionTotals()
            for record in state.live.values where record.direction == direction {
                let row = record.row
                totals.octetsIn += row.octetsIn
                totals.octetsOut += row.octetsOut
            }
            totals.opened = direction == .inbound ? state.lastIn : state.lastOut
            return totals
        }
    }

    func live(_ ref: SessionRef) -> SessionRecord? { self.state.withLockedValue { $0.live[ref] } }
    func find(_ ref: SessionRef) -> SessionRecord? {
        self.state.withLockedValue { state in
            state.live[ref] ?? state.failures.last { $0.ref == ref } ?? state.successes.last { $0.ref == ref }
        }
    }

    func records(includingEnded: Bool) -> [SessionRecord] {
        self.state.withLockedValue { state in
            includingEnded ? Array(state.live.values) + state.failures + state.successes : Array(state.live.values)
        }
    }

    /// - Throws: `.unavailable` when too many trace.
    func trace(_ query: TraceQuery, clock: Clock) throws -> Tracer {
        let (watch, live, ended) = try self.state.withLockedValue { state in
            let ended = query.includesEnded ? state.failures + state.successes : []
            return (try self.traces.open(query.direction), Set(state.live.keys), ended)
        }
        let kept = ended.map { ($0.ref, $0.row.started) }.sorted { $0.1 < $1.1 }
        return Tracer(query, watch, in: self, live: live, kept: kept.map(\.0), clock: clock)
    }
}
