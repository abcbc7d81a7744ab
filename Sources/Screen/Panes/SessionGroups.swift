import Mail
import Monitor

/// By what sessions are put together.
enum SessionGrouping: String, CaseIterable {
    case peer, user, phase, tls

    /// What a filter calls it.
    private var field: FilterField {
        switch self {
        case .peer: .name
        case .user: .user
        case .phase: .state
        case .tls: .tls
        }
    }
    /// What is said of sessions that have none.
    var absence: String {
        switch self {
        case .peer: "gave no name yet"
        case .user: "nobody logged in"
        case .phase: "none"
        case .tls: "in the clear"
        }
    }

    fileprivate func value(of row: ConnectionRow, at now: Timestamp) -> String? {
        ConnectionSubject(row, at: now).text(self.field)
    }
    /// The filter that leaves a group's sessions.
    func door(_ value: String?) -> FilterExpression {
        value.map { FilterExpression(self.field, is: $0) }
            ?? (try? FilterExpression(parsing: "!\(self.field.rawValue):/./")) ?? .all
    }

    static func menu(
        _ current: SessionGrouping = .peer, _ taken: @escaping (SessionGrouping, Surroundings) -> [Effect]
    ) -> Menu {
        Menu(
            title: "Group by", items: self.allCases.map(\.rawValue), chosen: current.rawValue,
            taken: { word, around in SessionGrouping(rawValue: word).map { taken($0, around) } ?? [] })
    }
}

/// Sessions that have something in common.
struct SessionGroup {
    /// `nil`: they have none of it.
    let value: String?
    private(set) var inbound = 0
    private(set) var outbound = 0
    private(set) var messages = 0
    /// Octets a second of content.
    private(set) var rate = 0
    /// The longest of them, in milliseconds.
    private(set) var idle: Int64 = 0
    /// When the first of them began.
    private(set) var oldest: Timestamp

    /// Those with the most sessions first.
    static func all(_ rows: [ConnectionRow], by grouping: SessionGrouping, at now: Timestamp) -> [SessionGroup] {
        var groups: [String?: SessionGroup] = [:]
        for row in rows {
            let value = grouping.value(of: row, at: now)
            groups[value, default: SessionGroup(value: value, oldest: row.started)].add(row, now)
        }
        return groups.values.sorted {
            ($1.inbound + $1.outbound, $0.value ?? "") < ($0.inbound + $0.outbound, $1.value ?? "")
        }
    }

    private init(value: String?, oldest: Timestamp) {
        self.value = value
        self.oldest = oldest
    }

    private mutating func add(_ row: ConnectionRow, _ now: Timestamp) {
        if row.direction == .inbound { self.inbound += 1 } else { self.outbound += 1 }
        self.messages += row.messages
        self.oldest = min(self.oldest, row.started)
        guard row.ended == nil else { return }
        self.rate += row.rate(now) ?? 0
        self.idle = max(self.idle, now.since(row.lastActivity))
    }
}
