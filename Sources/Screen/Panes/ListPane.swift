import Mail
import Monitor

/// How a list is asked for: filtered, in some order.
protocol ListQuery: Hashable, Sendable {
    associatedtype SortKey: RawRepresentable<String> & CaseIterable & Equatable
    var filter: FilterExpression { get set }
    var sort: SortKey { get set }
    var descending: Bool { get set }
    init()
}
extension QueueQuery: ListQuery { init() { self.init(filter: .all) } }
extension ConnectionQuery: ListQuery { init() { self.init(filter: .all) } }

/// What makes one list differ from another: its rows, its columns, and what its feed is asked.
protocol ListKind: SendableMetatype {
    associatedtype Row: ListedRow
    associatedtype Query: ListQuery
    static var columns: [Column<Row>] { get }
    /// Where the column of the nodes goes, where there are several.
    static var nodePlace: Int { get }
    /// What a filter may ask for.
    static var fields: [FilterField] { get }
    /// Everything that is known of one row.
    associatedtype Detail: Sendable
    static func window(
        _ feed: any MonitorFeed, _ query: Query, _ request: WindowRequest<Row.Ref>
    ) async throws -> Window<Row>
    static func detail(_ feed: any MonitorFeed, of ref: Row.Ref) async throws -> Detail?
    static func find(
        _ feed: any MonitorFeed, _ search: SearchRequest, _ query: Query
    ) async throws -> SearchHit<Row.Ref>?
}

/// A list of any length, of which the feed gives the rows that are shown: filtered, ordered, searched.
///
/// Its subclasses say what stands around the rows and what may be done with them.
class ListPane<Kind: ListKind>: Pane {
    let node: Int
    let feed: any MonitorFeed
    private(set) var list = ListState<Kind.Row>()
    private(set) var query = Kind.Query()

    init(node: Int, feed: any MonitorFeed) {
        self.node = node
        self.feed = feed
    }

    // MARK: What a subclass says

    var name: String { "" }
    var title: String { "" }
    var commands: [Command] { [] }
    var areas: Set<FeedChange.Area> { [] }
    /// Rows at the bottom that are not the list's.
    func footRows(_ around: Surroundings) -> Int { 0 }
    /// What stands there.
    func paintFoot(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {}
    /// What stands beside the filter.
    func remarks(_ around: Surroundings) -> (left: [Run], right: String) { ([], "") }
    /// What is said where no row is.
    func emptyWords(_ around: Surroundings) -> [String] { [] }
    func look(at row: Kind.Row, _ look: inout RowLook) {}
    /// The cursor's row is shown in detail.
    func wantsDetail(_ around: Surroundings) -> Bool { false }
    /// Rows came, and then what is known of the cursor's.
    func took(_ rows: [Kind.Row], _ detail: Kind.Detail?, _ around: Surroundings) -> [Effect] { [] }
    /// The filter or the order is another one.
    func asked() {}
    func chosen(_ around: Surroundings) -> Chosen? { nil }
    func destination(_ around: Surroundings) -> String? { nil }
    func status(_ around: Surroundings) -> [Run] {
        guard self.list.matched > 0 else { return [] }
        return [Run("row \(Format.count(self.list.cursor + 1)) of \(Format.count(self.list.matched))", .muted)]
    }

    // MARK: Reading

    func reads(_ around: Surroundings) -> [Read] { [self.readRows(around)] }
    func missing(_ around: Surroundings) -> [Read] {
        self.list.isShort ? [self.readRows(around, isInstead: true)] : []
    }

    /// Reads the rows, and after them the detail of the one at the cursor, which so is never the older of the two.
    private func readRows(_ around: Surroundings, isInstead: Bool = false) -> Read {
        let feed = self.feed
        let wantsDetail = self.wantsDetail(around)
        var asked = self.list.request
        var query = self.query
        return Read(
            self.key("rows"), isInstead: isInstead,
            begin: {
                asked = self.list.request
                query = self.query
                let anchor = self.list.anchor
                let cursor = self.list.cursor
                return { [query, asked] in
                    let window = try await Kind.window(feed, query, asked)
                    let place = cursor - window.first
                    let shown = window.rows.indices.contains(place) ? window.rows[place].ref : nil
                    guard wantsDetail, let ref = anchor ?? shown else { return (window, nil) }
                    return (window, try await Kind.detail(feed, of: ref))
                }
            },
            take: { (answer: (Window<Kind.Row>, Kind.Detail?), around) in
                guard query == self.query else { return [] }
                return self.take(answer.0, asked, around) + self.took(answer.0.rows, answer.1, around)
            })
    }

    private func take(
        _ window: Window<Kind.Row>, _ asked: WindowRequest<Kind.Row.Ref>, _ around: Surroundings
    ) -> [Effect] {
        if around.rowsMustStay, self.list.isLoaded, !self.list.isShort {
            self.list.update(window)
            return [.later]
        }
        self.list.show(window)
        return self.list.isShort && self.list.request != asked ? [.read(self.readRows(around))] : []
    }

    /// Rows are read whole.
    func forget() {}

    func replace(_ row: Kind.Row) { self.list.replace(row) }

    /// Another question: the cursor goes to its first row.
    func change(_ around: Surroundings, _ change: (inout Kind.Query) -> Void) -> [Effect] {
        let before = self.query
        change(&self.query)
        guard self.query != before else { return [] }
        self.list.ask()
        self.asked()
        return [.read(self.readRows(around, isInstead: true))]
    }

    // MARK: Commands

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .filter: return call.argument.map { self.filter($0, around) } ?? [.ask(self.filterPrompt())]
        case .sort: return call.argument.map { self.sort($0, around) } ?? [.ask(self.sortMenu())]
        case .sortLeft: return self.sortStep(-1, around)
        case .sortRight: return self.sortStep(1, around)
        case .invert: return self.change(around) { $0.descending.toggle() }
        default: return nil
        }
    }

    func arguments(of command: Command) -> [String] {
        switch command {
        case .sort: Self.sortKeys
        case .filter: Kind.fields.map { "\($0.rawValue):" }
        default: []
        }
    }

    func move(_ motion: Motion, _ around: Surroundings) {
        self.list.move(
            to: motion.target(from: self.list.cursor, count: self.list.matched, height: self.list.height))
    }

    func motion(to line: Int, _ around: Surroundings) -> Motion? {
        let row = self.list.shown.lowerBound + line - around.body.y - 2
        return self.list.shown.contains(row) ? .by(row - self.list.cursor) : nil
    }

    /// The engine looks for it, so that rows that were never here are found too.
    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        let wanted: FilterExpression
        do throws(FilterSyntaxError) {
            wanted = try FilterExpression(parsing: search.word, with: Kind.fields)
        } catch {
            return [.say(error.description, .warning)]
        }
        let start = self.list.cursor + (search.skipsCursor ? (search.isForward ? 1 : -1) : 0)
        let request = SearchRequest(wanted, from: start, isForward: search.isForward)
        let feed = self.feed
        let query = self.query
        return [
            .read(
                Read(
                    self.key("search"), isInstead: true,
                    begin: { { try await Kind.find(feed, request, query) } },
                    take: { hit, around in
                        guard query == self.query else { return [] }
                        guard let hit else { return [search.failed] }
                        self.list.move(to: hit.row, ref: hit.id)
                        return self.missing(around).map(Effect.read)
                    }, failed: { [.say($0, .failure)] }))
        ]
    }

    // MARK: Filter

    private func filter(_ text: String, _ around: Surroundings) -> [Effect] {
        do throws(FilterSyntaxError) {
            let filter = try FilterExpression(parsing: text, with: Kind.fields)
            return self.change(around) { $0.filter = filter }
        } catch {
            return [.say(error.description, .warning)]
        }
    }

    private func filterPrompt() -> Prompt {
        .filter(self.query.filter, Kind.fields) { filter, around in self.change(around) { $0.filter = filter } }
    }

    // MARK: Order

    private static var sortKeys: [String] { Kind.Query.SortKey.allCases.map(\.rawValue) }

    private func sort(_ column: String, _ around: Surroundings) -> [Effect] {
        guard let key = Kind.Query.SortKey(rawValue: column) else {
            let known = Self.sortKeys.joined(separator: ", ")
            return [.say("no column \(SafeText(column)); there are \(known)", .warning)]
        }
        return self.change(around) { $0.sort = key }
    }
    private func sortMenu() -> Menu {
        Menu(title: "Sort by", items: Self.sortKeys, chosen: self.query.sort.rawValue, taken: { self.sort($0, $1) })
    }
    private func sortStep(_ step: Int, _ around: Surroundings) -> [Effect] {
        let all = Array(Kind.Query.SortKey.allCases)
        let index = all.firstIndex { $0 == self.query.sort } ?? 0
        return self.change(around) { $0.sort = all[(index + step + all.count) % all.count] }
    }

    // MARK: Painting

    func layout(_ around: Surroundings) {
        self.list.height = max(1, around.body.height - 2 - self.footRows(around))
    }

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let list = self.list
        self.paintFilter(&painter, area.row(0), around)
        let inner = area.inset(1, 0)
        var columns = Kind.columns
        if let names = around.nodeNames(at: self.node, rows: list.rows.map(\.node)) {
            columns.insert(.node(names) { $0.node }, at: Kind.nodePlace)
        }
        let table = Table(
            columns, width: inner.width, rows: list.rows, sort: self.query.sort.rawValue,
            isDescending: self.query.descending)
        table.paintHeader(&painter, inner.row(1))
        let rows = Rect(x: 0, y: area.y + 2, width: area.width, height: list.height)
        if list.matched == 0 { painter.empty(self.emptyWords(around), in: rows) }
        var look = RowLook(around)
        for (line, number) in list.shown.enumerated() {
            let place = inner.row(2 + line)
            guard let row = list.row(number) else {
                painter.text(painter.sign("⋯", "..."), x: place.x + 2, y: place.y, columns: 3, role: .muted)
                continue
            }
            look.isDeparted = !list.departed.isEmpty && list.departed.contains(row.identity)
            self.look(at: row, &look)
            table.paint(row, look, &painter, place, offset: around.columnOffset)
            if number == list.cursor { painter.select(rows.row(line)) }
        }
        let foot = self.footRows(around)
        if foot > 0 {
            self.paintFoot(
                &painter, Rect(x: 0, y: area.maxY - foot, width: area.width, height: foot), around)
        }
    }

    private func paintFilter(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let list = self.list
        let text = self.query.filter.text
        var runs: [Run] = []
        if text.isEmpty {
            runs = [Run("all ", .muted), Run(Format.count(list.total))]
        } else {
            runs = [
                Run("filter: ", .muted), Run(text, list.matched == 0 && list.isLoaded ? .promptBad : .prompt),
                Run("   \(Format.count(list.matched)) of \(Format.count(list.total))", .base),
            ]
        }
        if !list.absent.isEmpty {
            runs.append(Run("   without \(list.absent.map(\.node).joined(separator: ", "))", .failed))
        }
        let (left, right) = self.remarks(around)
        runs += left
        if !list.isLoaded { runs.append(Run("   ...", .muted)) }
        let end = painter.runs(runs, x: area.x + 3, y: area.y, columns: area.width - 4)
        let safe = SafeText(right)
        if end + 2 + safe.columns < area.maxX - 1 {
            painter.text(
                safe, x: area.maxX - 2 - safe.columns, y: area.y, columns: safe.columns, role: .muted)
        }
    }
}
