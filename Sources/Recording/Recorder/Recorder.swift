public import Mail
public import Monitor

/// Writes down what a front end would get from feeds.
public struct Recorder: Sendable {
    public struct Options: Sendable {
        /// Of the file, in octets.
        public var size = 500_000_000
        /// Rows of a node's queue at a moment; of more, those that have waited longest, came last and go next.
        public var rows = 5000
        /// Names and content are replaced.
        public var isRedacted = false
        /// Who writes: `hoptop 0.1.0`.
        public var software: String
        public var clock: @Sendable () -> Timestamp = { .now }
        public init(software: String) { self.software = software }
    }
    private let nodes: [NodeRecorder]
    private let tape: Tape

    /// Makes the file.
    ///
    /// - Parameters:
    ///   - feeds: by the names of their nodes.
    ///   - path: where no file is.
    /// - Throws: ``RecordingError``
    public init(_ feeds: [(name: String, feed: any MonitorFeed)], to path: String, _ options: Options) throws {
        let redactor = options.isRedacted ? Redactor() : nil
        let header = RecordingHeader(
            software: options.software, nodes: feeds.map { redactor?.host($0.name) ?? $0.name },
            begins: options.clock(), isRedacted: options.isRedacted, rows: options.rows)
        let writer = try RecordingWriter(at: path, header, limit: options.size, redactor: redactor)
        let tape = Tape(writer, nodes: feeds.count, clock: options.clock)
        self.tape = tape
        self.nodes = feeds.enumerated().map { index, entry in
            NodeRecorder(entry.feed, node: index, rows: options.rows, tape: tape)
        }
    }

    /// What is in it so far.
    public var content: RecordingContent { get async { await self.tape.content } }

    /// Records until its task is cancelled, or the file has its size. What is asked for last is as of the end.
    ///
    /// - Returns: whether the file has its size.
    /// - Throws: ``RecordingError`` where it cannot be written; what was written before is there.
    public func run() async throws -> Bool {
        let isFull = try await withThrowingTaskGroup(of: Bool.self) { group in
            for node in self.nodes { group.addTask { try await node.run() } }
            var isFull = false
            for try await isNodeFull in group where isNodeFull {
                isFull = true
                group.cancelAll()
            }
            return isFull
        }
        // What was cancelled has ended; a last look asks once more.
        let nodes = self.nodes
        let tape = self.tape
        try await Task {
            await withTaskGroup { group in
                for node in nodes { group.addTask { _ = try? await node.round(isLast: true) } }
            }
            try await tape.end()
        }.value
        return isFull
    }
}
