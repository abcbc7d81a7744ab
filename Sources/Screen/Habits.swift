/// What an operator keeps from one screen to the next: the columns of lists, filters by name, filters that were typed.
public struct Habits: Hashable, Sendable, Codable {
    private static let historyLimit = 50

    /// The names of a list's columns, in their order.
    public var columns: [String: [String]] = [:]
    /// By the list's name, and then by their own.
    public var filters: [String: [String: String]] = [:]
    /// Newest last, by the list's name.
    public var history: [String: [String]] = [:]
    public init() {}

    /// A filter was taken as it is.
    mutating func typed(_ filter: String, in list: String) {
        guard !filter.isEmpty else { return }
        var all = self.history[list, default: []]
        all.removeAll { $0 == filter }
        all.append(filter)
        self.history[list] = all.suffix(Self.historyLimit)
    }
}

extension Habits {
    // A part that is missing, as in a file of another version, holds nothing.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.columns = try container.decodeIfPresent([String: [String]].self, forKey: .columns) ?? [:]
        self.filters = try container.decodeIfPresent([String: [String: String]].self, forKey: .filters) ?? [:]
        self.history = try container.decodeIfPresent([String: [String]].self, forKey: .history) ?? [:]
    }
}

/// Changes what is kept, and gives back what there is then: another screen may have changed it meanwhile.
public typealias HabitKeeping = @Sendable (_ change: @Sendable (inout Habits) -> Void) throws -> Habits
