public import Mail

/// What there is in a spool, and what is wrong with it.
public struct SpoolReport: Sendable, Hashable {
    /// A message that cannot be sent as it came, with what is known of it.
    public struct DamagedMessage: Sendable, Hashable {
        public var id: QueueID
        /// What is wrong with it, in words.
        public var reason: String
        public var arrived: Timestamp?
        /// The reverse-path, with angle brackets.
        public var from: String?
        public var to: [String] = []

        init(_ damage: Damage) {
            self.id = damage.message
            self.reason = damage.reason
        }
    }

    /// Messages that are as they were written.
    public var messages = 0
    public var damaged: [DamagedMessage] = []
    /// What SQLite says of its file; empty: it is sound.
    public var database: [String] = []
    /// Files that no message names, below the spool's directory. A crash leaves such, and the next start removes them.
    public var leftOver: [String] = []

    public var isSound: Bool { self.damaged.isEmpty && self.database.isEmpty }
}

/// What a repair did.
public struct SpoolRepair: Sendable, Hashable {
    /// What was found before anything was changed.
    public var report: SpoolReport
    /// Where what was damaged is now; `nil`: nothing was, and nothing was changed.
    public var folder: String?
    /// Facts that could be kept.
    public var facts = 0
}

/// Told how far a long work is: what is being done, how much of it is done, and how much there is.
public typealias SpoolProgress = (_ work: String, _ done: Int, _ total: Int) -> Void
