import Mail
import Monitor

/// A list of any length, of which the feed gives the rows that are shown: filtered, ordered, searched.
///
/// Its subclasses say what stands around the rows and what may be done with them.
class ListPane<Kind: ListKind>: Pane {
    let node: Int
    let feed: any MonitorFeed
    private(set) var list = ListState<Kind.Row>()
    private(set) var query = Kind.Query()
    private var widest = Widest<Kind.Row>()
    /// The cursor is not to follow the newest row, whatever is asked for next.
    private var staysPut = false
    /// When the rows that are shown were read.
    private var shownAt = Timestamp(milliseconds: 0)

    init(node: Int, feed: any MonitorFeed) {
        self.node = node
        self.feed = feed
    }

    // MARK: What a subclass says

    var name: String { "" }
    var title: String { "" }
    var commands: [Command] { [] }
    var areas: Set<FeedChange.Area> { [] }
    /// The part at the bottom or at the right of its area that is not the list's; `nil`: all is.
    func aside(_ area: Rect, _ around: Surroundings) -> Rect? { nil }
    /// What stands there.
    func paintAside(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {}
    /// What stands beside the filter.
    func remarks(_ around: Surroundings) -> (left: [Run], right: String) { ([], "") }
    /// What is said where no row is.
    func emptyWords(_ around: Surroundings) -> [String] { [] }
    func look(at row: Kind.Row, _ number: Int, _ look: inout RowLook) {}
    /// The cursor's row is shown in detail.
    func wantsDetail(_ around: Surroundings) -> Bool { false }
    /// Rows came, and then what is known of the cursor's.
    func took(_ rows: [Kind.Row], _ detail: Kind.Detail?, _ around: Surroundings) -> [Effect] { [] }
    /// The filter or the order is another one.
    func asked() -> [Effect] { [] }
    func ticked(_ around: Surroundings) -> [Effect] { [] }
    func chosen(_ around: Surroundings) -> Chosen? { nil }
    func destination(_ around: Surroundings) -> String? { nil }
    func status(_ around: Surroundings) -> [Run] {
        guard self.list.matched > 0 else { return [] }
        return [Run("row \(Format.count(self.list.cursor + 1)) of \(Format.count(self.list.matched))", .muted)]
    }

    // MARK: Reading

    func reads(_ around: Surroundings) -> [Read] { [self.readRows(around)] }
    func missing(_ around: Surroundings) -> [Read] {
        // What is read for the first time is asked for already.
        self.list.isLoaded && self.list.isShort ? [self.readRows(around, isInstead: true)] : []
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
                // The first rows that match are worth showing before all are found; of an order only the whole is.
                asked.takesPart = !self.list.isLoaded && !query.filter.matchesAll ? true : nil
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
                // By now it may be known what the feed lacks that would stand beside them.
                self.layout(around)
                return self.take(answer.0, asked, around) + self.took(answer.0.rows, answer.1, around)
            })
    }

    private func take(
        _ window: Window<Kind.Row>, _ asked: WindowRequest<Kind.Row.Ref>, _ around: Surroundings
    ) -> [Effect] {
        if around.isFrozen || around.rowsMustStay, self.list.isWhole, !self.list.isShort {
            self.list.update(window)
            return around.isFrozen ? self.counts(around).map(Effect.read) : [.later]
        }
        self.list.show(window)
        // Of a part the first row may stand anywhere in the whole.
        if self.staysPut, self.list.isWhole { self.list.stay() }
        self.shownAt = around.now
        if window.isPart == true { return [.read(self.readRows(around))] }
        return self.list.isShort && self.list.request != asked ? [.read(self.readRows(around))] : []
    }

    /// What came since the rows were read that stand still.
    func counts(_ around: Surroundings) -> [Read] {
        guard self.list.isLoaded,
            let query = Kind.arrivals(self.query, within: max(0, around.now.since(self.shownAt)))
        else { return [] }
        let feed = self.feed
        let asked = self.query
        return [
            Read(
                self.key("arrivals"),
                begin: { { try await Kind.window(feed, query, WindowRequest(.row(number: 0), count: 1)) } },
                take: { (window: Window<Kind.Row>, around) in
                    if around.isFrozen, asked == self.query { self.list.count(arrived: window.matched) }
                    return []
                })
        ]
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
        return self.asked() + [.read(self.readRows(around, isInstead: true))]
    }

    // MARK: Commands

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .filter: return call.argument.map { self.filter($0, around) } ?? [.ask(self.filterPrompt(around))]
        case .saveFilter, .recallFilter, .forgetFilter: return self.savedFilter(call, around)
        case .columns: return self.chooseColumns(call.argument, around)
        case .sort: return call.argument.map { self.sort($0, around) } ?? [.ask(self.sortMenu())]
        case .sortLeft: return self.sortStep(-1, around)
        case .sortRight: return self.sortStep(1, around)
        case .invert: return self.change(around) { $0.descending.toggle() }
        case .follow: return self.follow(around)
        default: return nil
        }
    }

    func arguments(of command: Command) -> [String] {
        switch command {
        case .sort: Self.sortKeys.map(\.name)
        case .filter: Kind.fields.map { "\($0.rawValue):" }
        case .columns: ["default", Self.columnNames.joined(separator: " ")]
        default: []
        }
    }

    func move(_ motion: Motion, _ around: Surroundings) {
        self.list.move(
            to: motion.target(from: self.list.cursor, count: self.list.matched, height: self.list.height))
    }

    func select(at place: Point, _ around: Surroundings) -> Bool {
        let row = self.list.shown.lowerBound + place.y - around.body.y - 2
        guard self.room(around.body, around).contains(place), self.list.shown.contains(row) else { return false }
        self.list.move(to: row)
        return true
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

    private func filterPrompt(_ around: Surroundings) -> Prompt {
        let list = self.name
        return .filter(
            self.query.filter, Kind.fields, history: around.habits.history[list] ?? [],
            change: { filter, around in self.change(around) { $0.filter = filter } },
            taken: { text in text.isEmpty ? [] : [.keep { $0.typed(text, in: list) }] })
    }

    // MARK: Order

    /// By what the rows can be sorted, as their columns are called.
    private static var sortKeys: [(name: String, key: Kind.Query.SortKey)] {
        Kind.Query.SortKey.allCases.map { key in
            (Kind.columns.first { $0.sort == key.rawValue }?.name ?? key.rawValue, key)
        }
    }

    private func sort(_ column: String, _ around: Surroundings) -> [Effect] {
        let known = Self.sortKeys
        guard let key = known.first(where: { $0.name == column })?.key ?? Kind.Query.SortKey(rawValue: column) else {
            let names = known.map(\.name).joined(separator: ", ")
            return [.say("no column \(SafeText(column)); there are \(names)", .warning)]
        }
        return self.change(around) { $0.sort = key }
    }
    private func sortMenu() -> Menu {
        let known = Self.sortKeys
        return Menu(
            title: "Sort by", items: known.map(\.name),
            chosen: known.first { $0.key == self.query.sort }?.name ?? "", taken: { self.sort($0, $1) })
    }
    private func sortStep(_ step: Int, _ around: Surroundings) -> [Effect] {
        let all = Array(Kind.Query.SortKey.allCases)
        let index = all.firstIndex { $0 == self.query.sort } ?? 0
        return self.change(around) { $0.sort = all[(index + step + all.count) % all.count] }
    }

    // MARK: Following

    /// The cursor is on the newest row, whatever that is.
    private var follows: Bool { self.list.isUntouched && Kind.isNewestFirst(self.query) }

    private func follow(_ around: Surroundings) -> [Effect] {
        guard !self.follows else {
            self.staysPut = true
            self.list.stay()
            return [.say("the cursor stays on its row", .plain)]
        }
        var newest = self.query
        guard Kind.showNewestFirst(&newest) else { return [.say("nothing here is newer than the rest", .plain)] }
        let effects = self.change(around) { $0 = newest }
        self.staysPut = false
        guard effects.isEmpty else { return effects }
        self.list.follow()
        return [.read(self.readRows(around, isInstead: true))]
    }

    // MARK: Painting

    /// Where the filter, the columns' titles and the rows are.
    private func room(_ area: Rect, _ around: Surroundings) -> Rect {
        guard let aside = self.aside(area, around) else { return area }
        let isBeside = aside.x > area.x
        return Rect(
            x: area.x, y: area.y, width: area.width - (isBeside ? aside.width : 0),
            height: area.height - (isBeside ? 0 : aside.height))
    }

    func layout(_ around: Surroundings) { self.list.height = max(1, self.room(around.body, around).height - 2) }

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let aside = self.aside(area, around)
        let list = self.list
        let area = self.room(area, around)
        self.paintFilter(&painter, area.row(0), around)
        let inner = area.inset(1, 0)
        var columns = self.columns(around)
        let nodes = Kind.nodes(around.nodes[self.node].capabilities)
        if let names = around.nodeNames(at: self.node, rows: list.rows.map(\.place) + nodes) {
            columns.insert(.node(names) { $0.place }, at: min(Kind.nodePlace, columns.count))
        }
        self.widest.be(of: list.rows)
        let table = Table(
            columns, width: inner.width, sort: self.query.sort.rawValue, isDescending: self.query.descending
        ) { self.widest.columns($0) }
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
            self.look(at: row, number, &look)
            table.paint(row, look, &painter, place, offset: around.columnOffset)
            if number == list.cursor { painter.select(rows.row(line)) }
        }
        if let aside { self.paintAside(&painter, aside, around) }
    }

    private func paintFilter(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let list = self.list
        let text = SafeText(self.query.filter.text)
        var runs: [Run] =
            text.columns == 0
            ? [Run("all ", .muted), Run(Format.count(list.total))]
            : [Run("   \(Format.count(list.matched)) of \(Format.count(list.total))", .base)]
        if !list.absent.isEmpty {
            runs.append(Run("   without \(list.absent.map(\.node).joined(separator: ", "))", .failed))
        }
        let (left, right) = self.remarks(around)
        runs += left
        if list.arrived > 0 {
            let way = around.isFrozen ? " (\(around.sentence(.freeze, "live")))" : ""
            runs += [Run("  "), Run(" +\(Format.count(list.arrived)) new\(way) ", .follow)]
        }
        if self.follows { runs += [Run("  "), Run(" follows the newest ", .follow)] }
        if !list.isWhole { runs.append(Run("   ...", .muted)) }
        if text.columns > 0 {
            let role: Role = list.matched == 0 && list.isLoaded ? .promptBad : .prompt
            runs = painter.filter(text, role, before: runs, columns: area.width - 4) + runs
        }
        let end = painter.runs(runs, x: area.x + 3, y: area.y, columns: area.width - 4)
        let safe = SafeText(right)
        if end + 2 + safe.columns < area.maxX - 1 {
            painter.text(
                safe, x: area.maxX - 2 - safe.columns, y: area.y, columns: safe.columns, role: .muted)
        }
    }
}
