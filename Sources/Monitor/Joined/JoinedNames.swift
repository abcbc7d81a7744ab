/// What an operator's actions on several nodes are called as one: frozen sets, what can be taken back, what turns a
/// standing action round. Each stands for what each node calls its part.
struct JoinedNames {
    enum Parts: Sendable {
        case set([Int: FrozenSetID])
        case undo([Int: UndoToken])
        case actions([Int: StandingAction])
    }
    /// More than anybody takes back in ten minutes.
    private static let limit = 1000
    private var kept: [(id: Int, parts: Parts)] = []
    private var last = 0

    mutating func keep(_ parts: Parts) -> Int {
        self.last += 1
        self.kept.append((self.last, parts))
        if self.kept.count > Self.limit { self.kept.removeFirst() }
        return self.last
    }

    /// What is still left of it; `nil`: it is no longer known.
    subscript(id: Int) -> Parts? {
        get { self.kept.last { $0.id == id }?.parts }
        set {
            guard let index = self.kept.lastIndex(where: { $0.id == id }) else { return }
            if let newValue { self.kept[index].parts = newValue } else { self.kept.remove(at: index) }
        }
    }
}
