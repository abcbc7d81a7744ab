import Mail
import Monitor
import NIOCore
import Spool

/// Outcomes of attempts that the spool could not write down: the mail is where it is, so the writing is tried again, not
/// the attempt. Meanwhile no attempt begins.
extension Queue {
    struct Unwritten {
        var outcomes: [Settlement.Outcome]
        var message: QueueID
        /// So often it was written in vain.
        var failures = 0
        var done: (Written) -> Void
    }

    /// What became of outcomes.
    enum Written {
        case done
        /// The spool found something else than the index.
        case stale
        /// They cannot be written: the message is held in memory alone.
        case keptAside
    }

    /// So often something is written in vain although other writes work before its message is kept aside.
    private static let patience = 3

    func notWritten(_ error: any Error, _ unwritten: Unwritten) {
        let error = error as? SpoolError ?? SpoolError(.unavailable, "\(error)")
        // The next start looks again.
        guard !self.isStopping else { return self.written(unwritten, .stale) }
        guard error.code == .damaged else { return self.putOff(unwritten, error) }
        let unwritten = UncheckedTransfer(unwritten)
        self.spool.report([Damage(unwritten.value.message, "\(error)")], at: self.now, on: self.loop)
            .whenComplete { result in
                switch result {
                case .success: self.keepAside(unwritten.value, error)
                case .failure: self.putOff(unwritten.value, error)
                }
            }
    }

    private func putOff(_ unwritten: Unwritten, _ error: SpoolError) {
        self.spoolWatch.failed(error)
        var unwritten = unwritten
        // A disk without room at one moment has some at the next.
        if error.code != .full, unwritten.failures + 1 >= Self.patience { return self.keepAside(unwritten, error) }
        unwritten.failures += 1
        self.unwritten.append(unwritten)
        if self.unwritten.count == 1 { self.armWriting() }
        if unwritten.failures > 1 { self.rewritingEnded() }
    }

    /// All of it when the spool is believed to work again; and once more before the end.
    private func armWriting() {
        self.loop.scheduleTask(in: .seconds(1)) {
            guard self.spoolWatch.isWriting || self.isStopping else { return self.armWriting() }
            let all = self.unwritten
            self.unwritten = []
            self.rewriting += all.count
            for one in all { self.settle(one) }
        }
    }

    /// - Parameter unwritten: is no longer.
    func written(_ unwritten: Unwritten, _ how: Written) {
        unwritten.done(how)
        if unwritten.failures > 0 { self.rewritingEnded() }
    }

    private func rewritingEnded() {
        self.rewriting -= 1
        guard self.rewriting == 0, self.unwritten.isEmpty else { return }
        for destination in self.destinations { self.pump(destination) }
    }

    /// The message's row cannot be read, or what belongs to it cannot be written, so that nothing can be settled. Its
    /// recipients are on hold in memory alone; the next start looks again.
    private func keepAside(_ unwritten: Unwritten, _ error: SpoolError) {
        let reasons = unwritten.outcomes.map { outcome in
            (outcome.index, "\(outcome.state.word), but that could not be written down: \(error)")
        }
        self.spoolWatch.damagedMail.found([Damage(unwritten.message, "\(error)")])
        self.written(unwritten, .keptAside)
        self.holdInMemory(unwritten.message, reasons)
    }

    /// - Parameter reasons: by the recipients' indices.
    func holdInMemory(_ id: QueueID, _ reasons: [(Int, String)]) {
        self.fresh.remove(id)
        guard let slot = self.index.slot(of: id) else { return }
        for (index, reason) in reasons {
            if let row = self.index.row(of: slot, index: index) { self.index.hold(row, reason: reason) }
        }
        self.signal.raise(.queue)
    }
}
