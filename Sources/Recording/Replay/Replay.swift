public import Mail
public import Monitor
import Synchronization

/// Shows a recording as feeds that answer as of one moment, which goes on by itself, or where it is told to.
public actor Replay: Playback {
    private struct Shown {
        var pictures: [NodePicture]
        var clock: ReplayClock
    }
    private var reel: Reel
    /// What the feeds answer from, whatever is being read.
    private let shown: Mutex<Shown>
    private let watchers = Mutex<[Int: AsyncStream<FeedChange>.Continuation]>([:])
    private let wall: @Sendable () -> Timestamp
    public nonisolated let header: RecordingHeader
    public nonisolated let remark: String?
    /// Yields when another moment is the next one to wait for.
    private let (turns, turned) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// - Parameter wall: the time that passes while it plays.
    /// - Throws: ``RecordingError`` when no moment can be read.
    public init(of file: RecordingFile, wall: @escaping @Sendable () -> Timestamp = { .now }) throws {
        let reel = try Reel(file)
        self.reel = reel
        self.header = file.header
        self.remark = reel.damage
        self.wall = wall
        let position = PlaybackPosition(at: reel.begins, begins: reel.begins, ends: reel.ends)
        self.shown = Mutex(Shown(pictures: reel.pictures, clock: ReplayClock(position, wall())))
    }

    /// A feed for each node of the recording.
    public nonisolated var feeds: [(name: String, feed: any MonitorFeed)] {
        self.header.nodes.enumerated().map { ($0.element, ReplayFeed(replay: self, node: $0.offset)) }
    }

    public nonisolated var position: PlaybackPosition { self.shown.withLock { $0.clock.position(at: self.wall()) } }

    nonisolated func picture(of node: Int) -> (picture: NodePicture, at: Timestamp) {
        self.shown.withLock { ($0.pictures[node], $0.clock.position(at: self.wall()).at) }
    }

    // MARK: Orders

    public func perform(_ order: PlaybackOrder) throws -> String? {
        defer { self.turned.yield() }
        switch order {
        case .pause(let isPaused):
            self.turn { $0.isPaused = isPaused }
            return self.position.isAtEnd ? Self.atEnd : nil
        case .speed(let speed):
            guard PlaybackOrder.speeds.contains(speed) else {
                throw FeedError(.invalid, "a speed is a number from 0.01 to 10000")
            }
            self.turn { position in (position.speed, position.isPaused) = (speed, false) }
            return nil
        case .go(let time):
            try self.reel.go(to: time)
            self.show { position in position.at = min(max(time, position.begins), position.ends) }
            return time > self.reel.ends ? Self.atEnd : nil
        case .step(let steps):
            var place: Timestamp?
            for _ in 0..<min(steps.magnitude, 1000) {
                guard let next = try self.reel.step(isForward: steps > 0) else { break }
                place = next
            }
            self.turn { $0.isPaused = true }
            guard let place else { return steps > 0 ? "nothing changes any more" : "nothing changed before" }
            self.show { $0.at = place }
            return nil
        case .failure(let isForward):
            guard let found = try self.reel.failure(isForward: isForward) else {
                return isForward ? "no failure comes after this" : "there was no failure before this"
            }
            self.show { position in (position.at, position.isPaused) = (found.at, true) }
            return found.words
        }
    }

    private static let atEnd = "the recording ends here"

    private func turn(_ change: (inout PlaybackPosition) -> Void) {
        let now = self.wall()
        self.shown.withLock { $0.clock.change(at: now, change) }
    }

    /// What the reel has come to is what is shown.
    private func show(_ change: (inout PlaybackPosition) -> Void) {
        let pictures = self.reel.pictures
        self.shown.withLock { $0.pictures = pictures }
        self.turn(change)
        self.tell(.missed(events: 0))
    }

    // MARK: Time goes on

    /// Goes on for as long as its task does.
    public func run() async {
        var turns = self.turns.makeAsyncIterator()
        while !Task.isCancelled {
            let position = self.position
            guard !position.isPaused, !position.isAtEnd, let next = self.reel.next else {
                guard await turns.next() != nil else { return }
                continue
            }
            // Ten changes a second are as many as a feed tells; an order may come meanwhile.
            let wait = Double(next.since(position.at)) / position.speed
            try? await Task.sleep(for: .milliseconds(Int64(min(max(wait, 100), 1000))))
            try? self.advance()
        }
    }

    /// Shows what changed up to the moment that time has come to.
    func advance() throws {
        guard let change = try self.reel.advance(to: self.position.at) else { return }
        let pictures = self.reel.pictures
        self.shown.withLock { $0.pictures = pictures }
        self.tell(change)
    }

    private nonisolated func tell(_ change: FeedChange) {
        self.watchers.withLock { for watcher in $0.values { change.tell(watcher) } }
    }

    nonisolated func changes() -> AsyncStream<FeedChange> {
        let (changes, watcher) = FeedChange.stream()
        let key = self.watchers.withLock { watchers in
            let key = (watchers.keys.max() ?? 0) + 1
            watchers[key] = watcher
            return key
        }
        watcher.onTermination = { _ in self.watchers.withLock { $0[key] = nil } }
        return changes
    }
}

/// Where a replay is, as time passes.
struct ReplayClock: Sendable {
    /// As it was when it was changed last.
    private var anchor: PlaybackPosition
    private var changed: Timestamp

    init(_ position: PlaybackPosition, _ now: Timestamp) {
        self.anchor = position
        self.changed = now
    }

    func position(at now: Timestamp) -> PlaybackPosition {
        var position = self.anchor
        guard !position.isPaused else { return position }
        let left = Double(position.ends.since(position.at))
        let passed = min(Double(max(0, now.since(self.changed))) * position.speed, left)
        position.at = position.at.adding(milliseconds: Int64(passed))
        return position
    }

    mutating func change(at now: Timestamp, _ change: (inout PlaybackPosition) -> Void) {
        self.anchor = self.position(at: now)
        self.changed = now
        change(&self.anchor)
    }
}
