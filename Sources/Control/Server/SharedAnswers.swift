import NIOConcurrencyHelpers
import NIOCore

/// Answers to the same question, given once: many who watch ask the same when they are told of a change, all at once.
///
/// An answer is shared for a moment, as long as no change was told and nobody acted: whoever reads behind a change, or behind
/// what it did itself, is answered anew.
final class SharedAnswers: Sendable {
    struct Question: Hashable, Sendable {
        var visitor: ControlVisitor
        var path: String
        var arguments: CallArguments
    }

    private struct Answer {
        var response: Task<ControlResponse, Never>
        var asked: NIODeadline
        var version: UInt64
    }
    private struct State {
        var answers: [Question: Answer] = [:]
        /// Actions so far.
        var deeds: UInt64 = 0
    }
    /// Rates and ages go on without a change.
    private static let lifetime = TimeAmount.milliseconds(100)

    private let state = NIOLockedValueBox(State())
    /// Goes up before a change is told.
    private let version: @Sendable () -> UInt64

    init(version: @escaping @Sendable () -> UInt64) { self.version = version }

    func answer(
        _ question: Question, _ body: @escaping @Sendable () async -> ControlResponse
    ) async -> ControlResponse {
        let now = NIODeadline.now()
        let response = self.state.withLockedValue { state in
            let version = self.version() &+ state.deeds
            if let answer = state.answers[question], answer.version == version, now - answer.asked < Self.lifetime {
                return answer.response
            }
            state.answers = state.answers.filter { now - $0.value.asked < Self.lifetime }
            let response = Task { await body() }
            state.answers[question] = Answer(response: response, asked: now, version: version)
            return response
        }
        return await response.value
    }

    /// Somebody acted.
    func forget() {
        self.state.withLockedValue { state in
            state.deeds += 1
            state.answers = [:]
        }
    }
}
