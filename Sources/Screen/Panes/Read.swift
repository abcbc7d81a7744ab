import Monitor

/// A question to a feed, and what becomes of its answer.
struct Read {
    /// Whose question, and which of them: the same one is asked only once at a time.
    struct Key: Hashable {
        var owner: ObjectIdentifier?
        var node: Int
        var kind: String
    }
    private struct Answered<Answer: Sendable>: Sendable { let answer: Answer }

    let key: Key
    /// The question is another one now, so an answer to the one under way does not count.
    let isInstead: Bool
    /// The answer is what actions are for: until then they wait.
    let choosesTargets: Bool
    /// What to ask, as things are when its turn comes; `nil`: nothing.
    let begin: () -> (@Sendable () async throws -> any Sendable)?
    /// What follows from what was asked for.
    let take: (any Sendable, Surroundings) -> [Effect]
    /// What a failure means; `nil`: the node is in trouble.
    let failed: ((String) -> [Effect])?

    init<Answer: Sendable>(
        _ key: Key, isInstead: Bool = false, choosesTargets: Bool = false,
        begin: @escaping () -> (@Sendable () async throws -> Answer)?,
        take: @escaping (Answer, Surroundings) -> [Effect], failed: ((String) -> [Effect])? = nil
    ) {
        self.key = key
        self.isInstead = isInstead
        self.choosesTargets = choosesTargets
        self.begin = {
            guard let ask = begin() else { return nil }
            return { Answered(answer: try await ask()) }
        }
        self.take = { answered, around in
            guard let answered = answered as? Answered<Answer> else {
                preconditionFailure("an answer to another question")
            }
            return take(answered.answer, around)
        }
        self.failed = failed
    }
}

extension Pane {
    func key(_ kind: String) -> Read.Key { Read.Key(owner: ObjectIdentifier(self), node: self.node, kind: kind) }
}
