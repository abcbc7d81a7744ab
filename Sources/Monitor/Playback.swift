public import Mail

/// Goes through what was recorded of feeds, which answer as of the moment that is shown.
public protocol Playback: Sendable {
    /// Where it is now.
    var position: PlaybackPosition { get }
    /// What is to be known of it from the start; `nil`: nothing.
    var remark: String? { get }
    /// - Returns: what there is to say about it beside where it is then.
    /// - Throws: ``FeedError``; where it is did not change.
    func perform(_ order: PlaybackOrder) async throws -> String?
}

/// Where a playback is.
public struct PlaybackPosition: Hashable, Sendable {
    /// The moment that is shown.
    public var at: Timestamp
    /// The first and the last moment there are.
    public var begins: Timestamp
    public var ends: Timestamp
    /// Seconds of the recording in a second, above 0.
    public var speed: Double
    public var isPaused: Bool
    public var isAtEnd: Bool { self.at >= self.ends }
    public init(at: Timestamp, begins: Timestamp, ends: Timestamp, speed: Double = 1, isPaused: Bool = false) {
        self.at = at
        self.begins = begins
        self.ends = ends
        self.speed = speed
        self.isPaused = isPaused
    }
}

public enum PlaybackOrder: Hashable, Sendable {
    case pause(Bool)
    /// Within ``speeds``.
    case speed(Double)
    /// What is before the first moment is the first, what is behind the last the last.
    case go(to: Timestamp)
    /// So many changes on, or back, and pause.
    case step(Int)
    /// To the next change that tells of a failure, or the one before, and pause.
    case failure(isForward: Bool)

    /// Another moment is shown, maybe an earlier one.
    public var movesAway: Bool {
        switch self {
        case .pause, .speed: false
        case .go, .step, .failure: true
        }
    }

    public static let speeds = 0.01...10_000.0
    /// What `faster` and `slower` go through.
    public static let usualSpeeds = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800]
}

extension PlaybackPosition {
    /// `playing x10`, `paused`
    public var words: String { self.isAtEnd ? "at its end" : self.isPaused ? "paused" : "x\(self.speedWords)" }
    /// `10`, `0.5`
    public var speedWords: String {
        self.speed == self.speed.rounded() ? "\(Int(self.speed))" : "\(self.speed)"
    }

    public static let timeForm = "12:41, 12:41:07, 2026-11-30T12:41, +5m, -30s, 40%, start or end"

    /// A moment as it is typed: ``timeForm``. A time of day is the one of the recording that comes next; where there is none,
    /// the one before.
    public func time(_ text: String) -> Timestamp? {
        switch text {
        case "start": return self.begins
        case "end": return self.ends
        default: break
        }
        if let sign = text.first, sign == "+" || sign == "-" {
            return TimeWords.span(text.dropFirst()).map { self.at.adding(milliseconds: sign == "-" ? -$0 : $0) }
        }
        if text.hasSuffix("%"), let percent = Double(text.dropLast()), (0...100).contains(percent) {
            let part = Double(self.ends.since(self.begins)) * percent / 100
            return self.begins.adding(milliseconds: Int64(part))
        }
        switch TimeWords(text) {
        case .moment(let time): return time
        case .clock(let clock):
            let next = TimeWords.next(clock, after: self.at)
            if next <= self.ends { return next }
            // A minute that has begun already is within the recording too.
            let first = TimeWords.next(clock, after: self.begins.adding(milliseconds: -60_000))
            return first <= self.ends ? first : next
        case nil: return nil
        }
    }
}
