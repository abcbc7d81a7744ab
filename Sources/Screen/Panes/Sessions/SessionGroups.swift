import Mail
import Monitor

/// By what sessions are put together.
enum SessionGrouping: String, CaseIterable {
    case destination, name, address, user, phase, tls

    /// What a filter calls it.
    private var field: FilterField {
        switch self {
        case .destination, .name: .name
        case .address: .peer
        case .user: .user
        case .phase: .state
        case .tls: .tls
        }
    }
    /// What is said of sessions that have none.
    var absence: String {
        switch self {
        case .destination: "inbound"
        case .name: "gave no name yet"
        case .address: "has no address yet"
        case .user: "nobody logged in"
        case .phase: "none"
        case .tls: "in the clear"
        }
    }

    fileprivate func value(of row: ConnectionRow, at now: Timestamp) -> String? {
        if self == .destination, row.direction == .inbound { return nil }
        if self == .address, let address = row.address { return address }
        return ConnectionSubject(row, at: now).text(self.field)
    }
    /// The filter that leaves a group's sessions.
    func door(_ value: String?) -> FilterExpression {
        if self == .destination { return value.map(Self.door(toNextHop:)) ?? Self.door(.inbound) }
        return value.map { FilterExpression(self.field, is: $0) } ?? FilterExpression(without: self.field)
    }
    private static func door(toNextHop name: String) -> FilterExpression {
        self.door(.outbound).narrowed(to: FilterExpression(.name, is: name))
    }
    /// Sessions are named after it: `in#4410`.
    private static func door(_ direction: ConnectionRow.Direction) -> FilterExpression {
        FilterExpression([(.id, ":", "\(direction.rawValue)#")])
    }

    static func menu(
        _ current: SessionGrouping = .destination, _ taken: @escaping (SessionGrouping, Surroundings) -> [Effect]
    ) -> Menu {
        Menu(
            title: "Group by", items: self.allCases.map(\.rawValue), chosen: current.rawValue,
            taken: { word, around in SessionGrouping(rawValue: word).map { taken($0, around) } ?? [] })
    }
}

/// Sessions that have something in common.
struct SessionGroup {
    /// As the first of them has it; `nil`: they have none of it.
    let value: String?
    /// In the order in which they were read.
    private(set) var rows: [ConnectionRow] = []
    private(set) var inbound = 0
    private(set) var outbound = 0
    private(set) var messages = 0
    /// Octets a second of content.
    private(set) var rate = 0
    /// The longest of them, in milliseconds; `nil`: all have ended.
    private(set) var idle: Int64?
    /// When the first of those began that have not ended.
    private(set) var oldest: Timestamp?

    /// The same for two groups whose doors lead to the same sessions: a filter compares without case.
    var identity: String? { self.value?.foldedASCII }

    /// Those with the most sessions first.
    static func all(_ rows: [ConnectionRow], by grouping: SessionGrouping, at now: Timestamp) -> [SessionGroup] {
        var groups: [String?: SessionGroup] = [:]
        for row in rows {
            let value = grouping.value(of: row, at: now)
            groups[value?.foldedASCII, default: SessionGroup(value: value)].add(row, now)
        }
        return groups.values.sorted { ($1.rows.count, $0.value ?? "") < ($0.rows.count, $1.value ?? "") }
    }

    private init(value: String?) { self.value = value }

    private mutating func add(_ row: ConnectionRow, _ now: Timestamp) {
        self.rows.append(row)
        if row.direction == .inbound { self.inbound += 1 } else { self.outbound += 1 }
        self.messages += row.messages
        guard row.ended == nil else { return }
        self.oldest = min(self.oldest ?? row.started, row.started)
        self.rate += row.rate(now) ?? 0
        self.idle = max(self.idle ?? 0, now.since(row.lastActivity))
    }
}

/// All sessions that a query matches, as far as they are read.
struct SessionsRead: Sendable {
    private(set) var rows: [ConnectionRow] = []
    /// So many there are.
    private(set) var matched = 0
    /// Nodes whose sessions are missing.
    private(set) var absent: [AbsentNode] = []

    /// About as many as a machine has descriptors for.
    private static let most = 100_000
    /// What a feed hands out at a time.
    private static let pageRows = 1000

    /// Page by page, so that they are of about one moment; those that come and go meanwhile move the others.
    init(of feed: any MonitorFeed, _ query: ConnectionQuery) async throws {
        var known: Set<SessionRef> = []
        var looked = 0
        while looked < Self.most {
            let window = try await feed.connections(
                query, window: WindowRequest<SessionRef>(.row(number: looked), count: Self.pageRows))
            self.rows += window.rows.filter { known.insert($0.ref).inserted }
            self.matched = window.matched
            self.absent = window.absent ?? []
            let end = window.first + window.rows.count
            if end <= looked || end >= window.matched { break }
            looked = end
        }
    }

    var countWords: String {
        let all = Format.plural(self.matched, "session")
        return self.rows.count < self.matched && self.matched > Self.most
            ? "the first \(Format.count(self.rows.count)) of \(all)" : Format.plural(self.rows.count, "session")
    }
}
