import Mail
import Monitor

/// Names sessions for whoever watches. Their numbers begin anew with each run of the program: one of an earlier run has no
/// name any more, as it would be that of another session now.
struct SessionNames: Sendable {
    let node: String
    /// When this run began.
    let since: Timestamp

    /// - Parameter time: when it was written down.
    func ref(_ id: String?, at time: Timestamp) -> SessionRef? {
        id.flatMap { time >= self.since ? SessionRef(node: self.node, id: $0) : nil }
    }
}
