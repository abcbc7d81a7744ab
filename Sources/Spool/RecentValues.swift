/// Values that are likely to be wanted again soon. Bounded: when it is full, those that came first are forgotten, about
/// half of all at a time.
public struct RecentValues<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Generation {
        var values: [Key: Value] = [:]
        var weight = 0
    }
    private var newer = Generation()
    private var older = Generation()
    private let limit: Int
    private let weigh: @Sendable (Value) -> Int

    /// - Parameters:
    ///   - limit: what all of them may weigh together.
    ///   - weigh: what one weighs, which stays the same; when absent, 1.
    public init(limit: Int, weigh: @escaping @Sendable (Value) -> Int = { _ in 1 }) {
        self.limit = limit
        self.weigh = weigh
    }

    public subscript(key: Key) -> Value? { self.newer.values[key] ?? self.older.values[key] }

    public mutating func insert(_ value: Value, for key: Key) {
        self.remove(key)
        let weight = self.weigh(value)
        // Nothing is forgotten for a value that finds no room.
        guard weight <= self.limit / 2 else { return }
        if self.newer.weight + weight > self.limit / 2 {
            swap(&self.newer, &self.older)
            self.newer.values.removeAll(keepingCapacity: true)
            self.newer.weight = 0
        }
        self.newer.values[key] = value
        self.newer.weight += weight
    }

    public mutating func remove(_ key: Key) {
        if let value = self.newer.values.removeValue(forKey: key) {
            self.newer.weight -= self.weigh(value)
        } else if let value = self.older.values.removeValue(forKey: key) {
            self.older.weight -= self.weigh(value)
        }
    }
}
