import Mail
import NIOCore
import Spool

/// Writes what became of recipients to the spool, each settlement with the report that is due.
///
/// What the spool could not write down is written again, not tried again: the mail is where it is. The queue's event loop
/// owns it.
final class SettlementWriter {
    /// How the writing ended.
    enum End {
        case written(generation: UInt32, isGone: Bool, reports: [NewMessage])
        /// The spool found something else than the queue.
        case stale
        /// It cannot be written.
        case keptAside(SpoolError)
    }

    /// What becomes of a settlement on its way to the disk.
    enum Progress {
        /// It is written again in a while.
        case failed
        case ended(End)
    }

    private struct Settling {
        var message: QueueID
        var outcomes: [Settlement.Outcome]
        /// It failed, and is not written yet.
        var isLate = false
        /// How often it failed while others could be written.
        var faults = 0
        /// How often the store was away, and then others could be written.
        var losses = 0
        var told: (Progress) -> Void
    }

    /// A settlement that fails this often, although others can be written, is kept aside.
    private static let patience = 3
    /// So is one for which the store is away this often; it may be what makes a database crash.
    private static let patienceWithStore = 30

    private let loop: any EventLoop
    private let spool: any Spool
    private let spoolWatch: SpoolWatch
    private let clock: Clock
    private let reports: ReportWriter
    /// The configuration as it is now; reports name what is in it.
    var configuration: RelayConfiguration
    /// Settlements that failed, and wait to be written again.
    private var unwritten: [Settling] = []
    /// How many failed and are not written yet, those that are just being tried again among them.
    private var late = 0
    /// Whether others can be written, asked for all that failed together.
    private var trial: EventLoopFuture<Bool>?
    /// Whether what fails now is left to the next start.
    var isStopping = false

    init(
        _ reports: ReportWriter, _ configuration: RelayConfiguration, spool: any Spool, spoolWatch: SpoolWatch,
        clock: Clock, loop: any EventLoop
    ) {
        self.reports = reports
        self.configuration = configuration
        self.spool = spool
        self.spoolWatch = spoolWatch
        self.clock = clock
        self.loop = loop
    }

    /// Whether something could not be written yet.
    var isBlocked: Bool { self.late > 0 }

    /// - Parameter told: called on the loop, last of all with how it ended.
    func write(_ outcomes: [Settlement.Outcome], of message: QueueID, told: @escaping (Progress) -> Void) {
        self.write(Settling(message: message, outcomes: outcomes, told: told))
    }

    private func write(_ settling: Settling) {
        guard settling.outcomes.contains(where: { $0.news != nil }) else { return self.write(settling, []) }
        self.reports.reports(on: settling.outcomes, of: settling.message, self.configuration).assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let reports): self.write(settling, reports)
                case .failure(let error): self.failed(settling, error)
                }
            }
    }

    private func write(_ settling: Settling, _ reports: [NewMessage]) {
        let settlement = Settlement(
            message: settling.message, at: self.clock.now(), outcomes: settling.outcomes, reports: reports)
        self.spool.settle([settlement], on: self.loop).assumeIsolated().whenComplete { result in
            switch result.map({ $0.first ?? .stale }) {
            case .success(.done(let generation, let isGone)):
                self.end(settling, .written(generation: generation, isGone: isGone, reports: reports))
            case .success(.stale): self.end(settling, .stale)
            case .failure(let error): self.failed(settling, error)
            }
        }
    }

    private func failed(_ settling: Settling, _ error: any Error) {
        let error = error as? SpoolError ?? SpoolError(.unavailable, "\(error)")
        guard !self.isStopping else { return self.end(settling, .stale) }
        guard error.code == .damaged else { return self.putOff(settling, error) }
        self.spool.report([Damage(settling.message, "\(error)")], at: self.clock.now(), on: self.loop)
            .assumeIsolated().whenComplete { result in
                switch result {
                case .success: self.end(settling, .keptAside(error))
                case .failure: self.putOff(settling, error)
                }
            }
    }

    private func putOff(_ settling: Settling, _ error: SpoolError) {
        self.spoolWatch.failed(error)
        var settling = settling
        if !settling.isLate { self.late += 1 }
        settling.isLate = true
        settling.told(.failed)
        // A disk without room at one moment has some at the next.
        guard error.code != .full else { return self.wait(settling) }
        // A store that goes away and comes back may do so each time; it is this settlement's fault only where others work. What
        // asks for that may wait until the store is back.
        let trial = self.trial ?? self.spoolWatch.canWrite(on: self.loop)
        self.trial = trial
        trial.assumeIsolated().whenSuccess { canWrite in
            self.trial = nil
            if canWrite, error.isAway { settling.losses += 1 }
            if canWrite, !error.isAway { settling.faults += 1 }
            guard settling.faults < Self.patience, settling.losses < Self.patienceWithStore else {
                return self.end(settling, .keptAside(error))
            }
            self.wait(settling)
        }
    }

    private func wait(_ settling: Settling) {
        self.unwritten.append(settling)
        if self.unwritten.count == 1 { self.writeAgainSoon() }
    }

    /// All of it, when the spool is believed to work again; and once more before the end.
    private func writeAgainSoon() {
        self.loop.assumeIsolated().scheduleTask(in: .seconds(1)) {
            guard self.spoolWatch.isWriting || self.isStopping else { return self.writeAgainSoon() }
            let all = self.unwritten
            self.unwritten = []
            for settling in all { self.write(settling) }
        }
    }

    private func end(_ settling: Settling, _ end: End) {
        if settling.isLate { self.late -= 1 }
        settling.told(.ended(end))
    }
}
