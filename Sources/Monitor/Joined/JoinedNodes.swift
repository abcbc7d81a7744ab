import Mail
import Synchronization

/// The nodes that are shown as one: asked all at once, each for itself, so that one that does not answer hides no other.
final class JoinedNodes: Sendable {
    let all: [JoinedNode]
    /// Whose name is whose; what bears a name twice could be asked for something that is the other's.
    private let names = Mutex<[String: Int]>([:])

    init(_ all: [JoinedNode]) { self.all = all }

    /// What the nodes answered, and which did not.
    struct Answers<Value: Sendable>: Sendable {
        /// In the order of the nodes.
        var values: [(index: Int, node: String, value: Value)] = []
        var absent: [AbsentNode] = []
        fileprivate var failure: FeedError?

        /// - Throws: the first failure, where there is no answer at all.
        func checked() throws(FeedError) -> Answers {
            if self.values.isEmpty { throw self.failure ?? FeedError(.unavailable, "there is no node to ask") }
            return self
        }
        var isAbsent: [AbsentNode]? { self.absent.isEmpty ? nil : self.absent }
    }

    /// A question under way. Tasks that give a pair of the number and a `Result` lose the number when Swift 6.3 optimises them.
    private struct Asked<Value: Sendable> {
        var index: Int
        var answer: Task<Result<Value, FeedError>, Never>
    }

    /// Asks nodes at once.
    func answers<Value: Sendable>(
        _ indexes: some Sequence<Int>, isDeed: Bool = false,
        _ question: @escaping @Sendable (Int, any MonitorFeed) async throws -> Value
    ) async -> Answers<Value> {
        let asked = indexes.map { index in
            Asked(
                index: index,
                answer: Task { () async -> Result<Value, FeedError> in
                    do throws(FeedError) {
                        return .success(try await self.ask(index, isDeed: isDeed) { try await question(index, $0) })
                    } catch {
                        return .failure(error)
                    }
                })
        }
        var answers = Answers<Value>()
        for asked in asked {
            let node = self.all[asked.index]
            switch await asked.answer.value {
            case .success(let value): answers.values.append((asked.index, node.name, value))
            case .failure(let error):
                answers.absent.append(node.absence(error))
                answers.failure = answers.failure ?? error
            }
        }
        return answers
    }

    /// - Throws: where none answers.
    func ask<Value: Sendable>(
        _ indexes: some Sequence<Int>, isDeed: Bool = false,
        _ question: @escaping @Sendable (Int, any MonitorFeed) async throws -> Value
    ) async throws(FeedError) -> Answers<Value> {
        try await self.answers(indexes, isDeed: isDeed, question).checked()
    }
    func ask<Value: Sendable>(
        _ question: @escaping @Sendable (any MonitorFeed) async throws -> Value
    ) async throws(FeedError) -> Answers<Value> {
        try await self.ask(self.all.indices) { _, feed in try await question(feed) }
    }

    /// Asks one node, whose name is known then.
    func ask<Value: Sendable>(
        _ index: Int, isDeed: Bool = false, _ question: @escaping @Sendable (any MonitorFeed) async throws -> Value
    ) async throws(FeedError) -> Value {
        let node = self.all[index]
        let name: String
        if let known = node.knownName {
            name = known
        } else {
            let capabilities = try await node.ask { try await $0.capabilities() }
            node.learn(capabilities)
            name = capabilities.node
        }
        let owner = self.names.withLock { names in
            if names[name] == nil { names[name] = index }
            return names[name]
        }
        guard owner == index else {
            throw FeedError(
                .unavailable, "its host name is \(name), as another node's here: give each a hostname of its own")
        }
        return try await node.ask(isDeed: isDeed, question)
    }

    /// Which node a reference is to.
    ///
    /// - Throws: ``FeedError`` `.gone` for a node that is not among these.
    func index(of name: String) async throws(FeedError) -> Int {
        if let index = self.names.withLock({ $0[name] }) { return index }
        await self.meet()
        if let index = self.names.withLock({ $0[name] }) { return index }
        throw FeedError(.gone, "no node here is called \(name)")
    }

    /// Learns the names of nodes of which nobody has asked anything yet. One that does not answer is not waited for here again.
    private func meet() async {
        _ = await self.answers(self.all.indices.filter { self.all[$0].knownName == nil && !self.all[$0].isAbsent }) {
            _, _ in
        }
    }

    // MARK: nodes that share a queue

    /// Others that have the same queue. One of an earlier version tells of none, and knows no such filter.
    func peers(of index: Int) -> [Int] {
        let node = self.all[index]
        guard !node.sharing.isEmpty else { return [] }
        return self.all.indices.filter { other in
            let peer = self.all[other]
            return other != index && !peer.sharing.isEmpty
                && (node.sharing.contains(peer.name) || peer.sharing.contains(node.name))
        }
    }

    /// The names under which what those of its queue have in common may be known.
    func names(sharedWith index: Int) -> [String] {
        [self.all[index].name] + self.peers(of: index).map { self.all[$0].name }
    }

    /// Those that are told of their queue, where these answered: of nodes that share one, the first.
    func firstOfEachQueue(among answered: [Int]) -> [Int] {
        answered.filter { index in
            self.peers(of: index).allSatisfy { $0 > index || !answered.contains($0) }
        }
    }

    /// The nodes that are asked for what those of one queue have in common: the first that answers.
    func firstOfEachQueue() async -> [Int] {
        await self.meet()
        let present = self.all.indices.filter { !self.all[$0].isAbsent }
        let first = self.firstOfEachQueue(among: present)
        // Of nodes none of which answers, it is the first that says so.
        let lost = self.firstOfEachQueue(
            among: self.all.indices.filter { index in
                self.all[index].isAbsent && !self.peers(of: index).contains(where: present.contains)
            })
        return (first + lost).sorted()
    }

    /// Asks one node of each queue; where that is lost just now, the others that have the same queue, of which one counts.
    ///
    /// - Throws: where none answers.
    func askFirst<Value: Sendable>(
        _ question: @escaping @Sendable (Int, any MonitorFeed) async throws -> Value
    ) async throws(FeedError) -> Answers<Value> {
        let first = await self.firstOfEachQueue()
        var answers = await self.answers(first, question)
        let lost = Set(first).subtracting(answers.values.map(\.index))
        let instead = Set(lost.flatMap { self.peers(of: $0) }).subtracting(first)
        let others = await self.answers(instead, question)
        answers.values += others.values
        answers.absent += others.absent
        let counting = self.firstOfEachQueue(among: answers.values.map(\.index))
        answers.values = answers.values.filter { counting.contains($0.index) }.sorted { $0.index < $1.index }
        return try answers.checked()
    }

    /// A node that can be asked in place of one that does not answer, since it has the same queue; itself where there is none.
    func standIn(for index: Int) -> Int {
        guard self.all[index].isAbsent else { return index }
        return self.peers(of: index).first { !self.all[$0].isAbsent } ?? index
    }

    /// Asks by shares: the messages of each node that are shown as its own. Where several have one queue those are what it
    /// holds, and of the first that answers also what is held by nodes that do not. Asks once more where that has changed
    /// meanwhile, since a node was lost or is back.
    func byShares<Value>(_ question: ([FilterExpression]) async throws -> Value) async throws -> Value {
        await self.meet()
        let shares = self.shares
        let value = try await question(shares)
        let now = self.shares
        return now == shares ? value : try await question(now)
    }

    private var shares: [FilterExpression] {
        let present = self.all.indices.filter { !self.all[$0].isAbsent }
        let first = self.firstOfEachQueue(among: present)
        return self.all.indices.map { index in
            let peers = self.peers(of: index)
            guard !peers.isEmpty else { return .all }
            return first.contains(index)
                ? FilterExpression(
                    noneOf: peers.filter(present.contains).map { FilterExpression(.node, is: self.all[$0].name) })
                : FilterExpression(.node, is: self.all[index].name)
        }
    }
}
