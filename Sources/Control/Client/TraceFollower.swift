import Monitor

/// Follows a daemon's dialogues no faster than somebody takes them: who reads slowly is slow to the daemon, which then
/// counts what is missed.
actor TraceFollower {
    private var events: AsyncThrowingStream<[TraceEvent], any Error>.AsyncIterator
    private let requests: AsyncStream<Void>.Continuation
    private let following: Task<Void, Never>

    init(_ query: TraceQuery, of client: ControlClient) {
        let (events, event) = AsyncThrowingStream.makeStream(of: [TraceEvent].self)
        let (requests, request) = AsyncStream.makeStream(of: Void.self)
        self.events = events.makeAsyncIterator()
        self.requests = request
        self.following = Task {
            do {
                try await client.follow(TraceStream(query)) { named in
                    for await _ in requests {
                        event.yield(named.event)
                        return
                    }
                    throw CancellationError()
                }
                event.finish()
            } catch {
                event.finish(throwing: error)
            }
        }
    }

    deinit { self.following.cancel() }

    func next() async throws -> [TraceEvent]? {
        self.requests.yield()
        var events = self.events
        defer { self.events = events }
        return try await events.next(isolation: self)
    }
}
