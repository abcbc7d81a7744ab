extension FeedChange {
    /// Both in one: what the two together say has changed, or how much was missed.
    public func merged(with other: FeedChange) -> FeedChange {
        switch (self, other) {
        case (.changed(let some), .changed(let others)): .changed(areas: some.union(others))
        case (.missed(let some), .missed(let others)): .missed(events: some + others)
        // Who missed something reads everything anew, so also what changed.
        case (.missed, .changed): self
        case (.changed, .missed): other
        }
    }

    /// A stream for ``tell(_:)``: one change waits, in which all are that were not taken yet.
    public static func stream() -> (changes: AsyncStream<FeedChange>, watcher: AsyncStream<FeedChange>.Continuation) {
        let made = AsyncStream.makeStream(of: FeedChange.self, bufferingPolicy: .bufferingNewest(1))
        return (made.stream, made.continuation)
    }

    /// Tells a watcher that may be slow, which then loses no area. One caller at a time for each watcher.
    public func tell(_ watcher: AsyncStream<FeedChange>.Continuation) {
        if case .dropped(let waiting) = watcher.yield(self) { watcher.yield(waiting.merged(with: self)) }
    }
}
