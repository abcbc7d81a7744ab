import DequeModule
import Foundation
import GRDB
import Mail
import Monitor
import NIOConcurrencyHelpers

/// What was said in a session that ended.
struct KeptTranscript: Sendable {
    var session: String
    /// Something in it went wrong, or was refused.
    var failed: Bool
    var page: TranscriptPage

    func insert(run: Int64, _ db: Database) throws {
        try db.cachedStatement(
            sql: "INSERT INTO transcripts (run, session, ended, failed, page) VALUES (?, ?, ?, ?, ?)"
        ).execute(
            arguments: [
                run, self.session, (self.page.session.ended ?? self.page.session.started).milliseconds, self.failed,
                try JSONEncoder().encode(self.page),
            ])
    }
    /// About what it takes in memory.
    var octets: Int { self.page.lines.reduce(512) { $0 + $1.text.utf8.count + 64 } }
}

/// Transcripts that wait to be written. It is bounded, whatever happens: the oldest ones go.
///
/// Of good sessions one in a second is enough to see how a good one looks, and a busy relay has thousands.
final class TranscriptQueue: Sendable {
    private static let octetsAtMost = 16 << 20
    private static let successPause: Int64 = 1000

    private struct State {
        var waiting: Deque<KeptTranscript> = []
        var octets = 0
        var nextSuccess = Timestamp(milliseconds: .min)
        /// Those at the front that are being written.
        var dropped = 0
    }
    private let state = NIOLockedValueBox(State())
    private let clock: @Sendable () -> Timestamp

    init(clock: @escaping @Sendable () -> Timestamp) { self.clock = clock }

    /// - Parameter success: whether good ones are kept at all.
    func wants(failed: Bool, success: Bool) -> Bool {
        if failed { return true }
        guard success else { return false }
        let now = self.clock()
        return self.state.withLockedValue { state in
            guard now >= state.nextSuccess || state.nextSuccess.since(now) > Self.successPause else { return false }
            state.nextSuccess = now.adding(milliseconds: Self.successPause)
            return true
        }
    }

    func append(_ transcript: KeptTranscript) {
        self.state.withLockedValue { state in
            state.waiting.append(transcript)
            state.octets += transcript.octets
            while state.octets > Self.octetsAtMost, let first = state.waiting.popFirst() {
                state.octets -= first.octets
                state.dropped += 1
            }
        }
    }

    var waiting: [KeptTranscript] {
        self.state.withLockedValue { state in
            state.dropped = 0
            return Array(state.waiting)
        }
    }

    /// - Parameter count: the first of those that waited.
    func written(_ count: Int) {
        self.state.withLockedValue { state in
            for _ in 0..<max(count - state.dropped, 0) {
                if let first = state.waiting.popFirst() { state.octets -= first.octets }
            }
        }
    }
}
