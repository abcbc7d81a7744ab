import Journal
import Mail
import Monitor
import Spool

/// Names sessions for whoever watches. Their numbers begin anew with each run of the program: one of an earlier run has the
/// name that the journal gives it, or none any more, as it would be that of another session now.
struct SessionNames: Sendable {
    let node: String
    /// When this run began.
    let since: Timestamp
    var journal: Journal?

    /// Of a fact of this node, or of another one with which it shares the queue.
    func ref(of fact: Fact) -> SessionRef? {
        fact.namesSession(of: self.node) ? self.ref(fact.session, at: fact.at) : nil
    }

    /// - Parameter time: when it was written down.
    func ref(_ id: String?, at time: Timestamp) -> SessionRef? {
        guard let id else { return nil }
        return time >= self.since ? SessionRef(node: self.node, id: id) : self.journal?.ref(id, at: time)
    }
}
