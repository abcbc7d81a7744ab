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
        /// As it was sent: front ends write the same question alike.
        var target: String

        init(name: String?, role: ControlRoute.Role, target: String) {
            self.name = name
            self.role = role
            self.target = target
        }
        /// - Returns: `nil` where the answer is for whoever asks alone.
        init?(_ request: ControlRequest, _ type: any ControlCall.Type) {
            guard request.takesShared, type.route.method == .get else { return nil }
            self.init(
                name: type.isPersonal ? request.visitor.name : nil, role: request.visitor.role,
                target: request.target)
        }
    }

    private struct Answer {
        var response: Task<ControlResponse, Never>
        /// `nil`: it is still asked for.
        var given: NIOLockedValueBox<ControlResponse?>
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

    /// An answer that somebody was given already, for which nobody has to wait.
    func given(_ question: Question) -> ControlResponse? {
        let now = NIODeadline.now()
        return self.state.withLockedValue { state in
            guard let answer = state.answers[question], self.isShared(answer, state, at: now) else { return nil }
            return answer.given.withLockedValue { $0 }
        }
    }

    func answer(
        _ question: Question, _ body: @escaping @Sendable () async -> ControlResponse
    ) async -> ControlResponse {
        let now = NIODeadline.now()
        let response = self.state.withLockedValue { state in
            if let answer = state.answers[question], self.isShared(answer, state, at: now) { return answer.response }
            // Known before anything is read: a beat meanwhile makes the answer one of before it.
            let version = self.version(state)
            state.answers = state.answers.filter { self.isShared($0.value, state, at: now) }
            let given = NIOLockedValueBox<ControlResponse?>(nil)
            let response = Task {
                let response = await body()
                given.withLockedValue { $0 = response }
                return response
            }
            state.answers[question] = Answer(response: response, given: given, asked: now, version: version)
            return response
        }
        return await response.value
    }

    private func version(_ state: State) -> UInt64 { self.beat.number &+ state.deeds }
    private func isShared(_ answer: Answer, _ state: State, at now: NIODeadline) -> Bool {
        answer.version == self.version(state) && now - answer.asked < Self.lifetime
    }

    /// Somebody acted.
    func forget() {
        self.state.withLockedValue { state in
            state.deeds += 1
            state.answers = [:]
        }
    }
}
