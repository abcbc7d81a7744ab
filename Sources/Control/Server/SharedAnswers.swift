import NIOConcurrencyHelpers
import NIOCore

/// Answers to the same question, given once: many who watch ask the same when a beat tells them of a change, all at once.
///
/// An answer is shared until the next beat, and until somebody acted: whoever reads behind a change that was told, or behind
/// what it did itself, is answered anew. What is shared are the octets that go out.
final class SharedAnswers: Sendable {
    struct Question: Hashable, Sendable {
        /// Whose answer it is; `nil`: anybody's of that role.
        var name: String?
        var role: ControlRoute.Role
        var path: String
        var arguments: CallArguments

        init(name: String?, role: ControlRoute.Role, path: String, arguments: CallArguments) {
            self.name = name
            self.role = role
            self.path = path
            self.arguments = arguments
        }
        /// - Returns: `nil` where the answer is for whoever asks alone.
        init?(_ request: ControlRequest, _ type: any ControlCall.Type) {
            guard request.takesShared else { return nil }
            self.init(
                name: type.isPersonal ? request.visitor.name : nil, role: request.visitor.role,
                path: request.route.path, arguments: request.arguments)
        }
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
    /// Rates and ages go on without a change. It is what those who take an older answer allow (`max-age=1`).
    private static let lifetime = TimeAmount.seconds(1)

    private let state = NIOLockedValueBox(State())
    private let beat: Beat

    init(_ beat: Beat) { self.beat = beat }

    func answer(
        _ question: Question, _ body: @escaping @Sendable () async -> ControlResponse
    ) async -> ControlResponse {
        let now = NIODeadline.now()
        let response = self.state.withLockedValue { state in
            let version = self.beat.number &+ state.deeds
            func isShared(_ answer: Answer) -> Bool {
                answer.version == version && now - answer.asked < Self.lifetime
            }
            if let answer = state.answers[question], isShared(answer) { return answer.response }
            state.answers = state.answers.filter { isShared($0.value) }
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
