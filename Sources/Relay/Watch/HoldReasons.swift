import Mail
import Monitor
import Synchronization

/// Why rows of the queue are on hold, and by whom: the index knows that they are, and the facts why.
///
/// Each is looked up once, and again when its message has changed.
final class HoldReasons: Sendable {
    private struct Key: Hashable {
        let ref: MessageRef
        let to: String
    }
    /// A long list is looked through now and then; all of it need not be remembered.
    private static let most = 10_000
    private let known = Mutex<[Key: WaitReason]>([:])

    /// The rows, with the reasons of those that are on hold; a fact that cannot be read is no reason to show nothing.
    func explain(_ rows: inout [QueueRow], by lookup: MessageLookup) async {
        for place in rows.indices where rows[place].state == .hold {
            let row = rows[place]
            let key = Key(ref: row.ref, to: row.to)
            if let reason = self.known.withLock({ $0[key] }) {
                rows[place].why = reason
            } else if let id = QueueID(row.ref.id), let reason = try? await lookup.hold(of: id, to: row.to) {
                rows[place].why = reason
                self.known.withLock { known in
                    if known.count >= Self.most { known = [:] }
                    known[key] = reason
                }
            }
        }
    }
}
