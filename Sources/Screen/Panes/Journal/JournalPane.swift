import Mail
import Monitor

extension View {
    static let journal = View(
        "journal", digit: "5", title: "Journal", summary: "what became of mail, and what operators did",
        area: .journal, make: { JournalPane(node: $0, feed: $1) })
}

/// View 5: what became of mail and what operators did, newest first, as far back as the journal goes.
final class JournalPane: Pane {
    let node: Int
    private let feed: any MonitorFeed
    private var list = JournalState()
    private var query = JournalQuery()
    /// Why it cannot be read; `nil`: it can.
    private var trouble: String?
    /// It was away from the screen, and what came meanwhile is still to be read.
    private var isBehind = false

    init(node: Int, feed: any MonitorFeed) {
        self.node = node
        self.feed = feed
    }

    var name: String { "journal" }
    var title: String { "" }
    var areas: Set<FeedChange.Area> { [.journal] }
    var commands: [Command] { Self.commands }
    private static let commands: [Command] = [.open, .transcript, .filter, .problems, .follow] + Command.scrolling
    func note(_ around: Surroundings) -> String { around.isFrozen ? "frozen" : "" }

    // MARK: Reading

    func returned() { self.isBehind = self.list.isLoaded }

    func reads(_ around: Surroundings) -> [Read] { [self.list.isLoaded ? self.readNews() : self.readFirst()] }

    func missing(_ around: Surroundings) -> [Read] {
        switch self.list.jump {
        case .first: [self.readFirst()]
        case .last: [self.readLast()]
        case nil:
            (self.list.wantsOlder ? [self.readOlder()] : []) + (self.list.wantsNewer ? [self.readNews()] : [])
        }
    }

    private func read(
        _ kind: String, isInstead: Bool = false, newestFirst: Bool, behind place: @escaping () -> String?,
        take: @escaping (JournalWindow, Surroundings) -> [Effect]
    ) -> Read {
        let feed = self.feed
        var asked = self.query
        var from: String?
        return Read(
            self.key(kind), isInstead: isInstead,
            begin: {
                asked = self.query
                from = place()
                var query = asked
                query.newestFirst = newestFirst
                let request = JournalRequest(behind: from, count: JournalState.pageRows)
                return { [query] in try await feed.journal(query, window: request) }
            },
            take: { window, around in
                // The list may be another one by now, or go on elsewhere.
                guard asked == self.query, from == place() else { return [] }
                self.trouble = nil
                return take(window, around) + self.missing(around).map(Effect.read)
            },
            failed: { words in
                self.trouble = words
                return []
            })
    }

    private func readFirst() -> Read {
        self.read("first", isInstead: true, newestFirst: true, behind: { nil }) { window, _ in
            self.list.showFirst(window)
            self.isBehind = false
            return []
        }
    }
    private func readLast() -> Read {
        self.read("last", isInstead: true, newestFirst: false, behind: { nil }) { window, _ in
            self.list.showLast(window)
            self.isBehind = false
            return []
        }
    }
    private func readOlder() -> Read {
        self.read("older", newestFirst: true, behind: { self.list.end }) { window, _ in
            self.list.append(window)
            return []
        }
    }

    /// What stands in front of the first row: it is shown where the cursor follows or comes near, else counted.
    private func readNews() -> Read {
        self.read("news", newestFirst: false, behind: { self.list.start }) { window, around in
            if self.list.follows, around.rowsMustStay { return [.later] }
            self.isBehind = false
            if self.list.wantsNewer || self.list.follows && (window.isComplete || window.rows.isEmpty) {
                self.list.prepend(window)
            } else if self.list.follows {
                // More came than a page has.
                self.list.restart()
            } else if self.list.isAtFront {
                self.list.count(window)
            }
            return []
        }
    }

    func forget() { self.list.ask() }

    private func change(_ filter: FilterExpression) -> [Effect] {
        guard filter != self.query.filter else { return [] }
        self.query.filter = filter
        self.list.ask()
        return [.read(self.readFirst())]
    }

    // MARK: Commands

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .open:
            guard let entry = self.list.selected else { return [] }
            return self.open(entry.fact, of: entry.ref.node, self.feed, around)
        case .transcript:
            guard let entry = self.list.selected else { return [] }
            guard entry.fact.session != nil else { return [.say("no session: it did not happen in one", .plain)] }
            return TranscriptPane.open(TranscriptPart(of: entry.fact), node: self.node, self.feed, around)
        case .filter:
            guard let text = call.argument else {
                return [
                    .ask(Prompt.filter(self.query.filter, FilterField.ofJournal) { filter, _ in self.change(filter) })
                ]
            }
            do throws(FilterSyntaxError) {
                return self.change(try FilterExpression(parsing: text, with: FilterField.ofJournal))
            } catch {
                return [.say(error.description, .warning)]
            }
        case .problems: return self.change(self.query.filter == Self.troubled ? .all : Self.troubled)
        case .follow:
            self.list.follow()
            return [.say(self.list.follows ? "what comes is shown" : "the rows stay as they are", .plain)]
        default: return nil
        }
    }

    func arguments(of command: Command) -> [String] {
        command == .filter ? FilterField.ofJournal.map { "\($0.rawValue):" } : []
    }

    /// What was put off, and what went wrong for good.
    private static let troubled = FilterExpression(
        anyOf: FactKind.allCases.filter(\.isTrouble).map { FilterExpression(.state, is: $0.word) })

    func move(_ motion: Motion, _ around: Surroundings) { self.list.move(motion) }

    func select(at place: Point, _ around: Surroundings) -> Bool {
        let row = self.list.shown.lowerBound + place.y - around.body.y - 2
        guard self.list.shown.contains(row) else { return false }
        if row != self.list.cursor { self.list.move(to: row) }
        return true
    }

    func destination(_ around: Surroundings) -> String? { self.list.selected?.fact.nextHop }

    // MARK: Search

    /// The rows at hand are looked through first; what is beyond them the feed looks for, as far as the journal goes.
    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        let wanted: FilterExpression
        do throws(FilterSyntaxError) {
            wanted = try FilterExpression(parsing: search.word, with: FilterField.ofJournal)
        } catch {
            return [.say(error.description, .warning)]
        }
        let step = search.isForward ? 1 : -1
        var row = self.list.cursor + (search.skipsCursor ? step : 0)
        while self.list.rows.indices.contains(row) {
            if wanted.matches(JournalSubject(self.list.rows[row], at: around.now)) {
                self.list.move(to: row)
                return []
            }
            row += step
        }
        return [.read(self.readFurther(search, wanted))]
    }

    private func readFurther(_ search: Search, _ wanted: FilterExpression) -> Read {
        let feed = self.feed
        let query = self.query
        let isOlder = search.isForward
        let place = isOlder ? self.list.end : self.list.start
        return Read(
            self.key("search"), isInstead: true,
            begin: {
                return {
                    var onward = query
                    onward.newestFirst = isOlder
                    guard let hit = try await feed.find(wanted, in: onward, behind: place) else { return nil }
                    // Its page is read from it back to where the search came from.
                    onward.newestFirst = !isOlder
                    return try await feed.journal(
                        onward, window: JournalRequest(behind: hit.end, count: JournalState.pageRows))
                }
            },
            take: { (window: JournalWindow?, around) in
                guard query == self.query else { return [] }
                guard let window else { return [search.failed] }
                self.list.show(window, isOlder: isOlder)
                return self.missing(around).map(Effect.read)
            }, failed: { [.say($0, .failure)] })
    }

    // MARK: Painting

    private static func hasDetail(_ around: Surroundings) -> Bool { around.rows >= 24 && around.columns >= 70 }
    private func footRows(_ around: Surroundings) -> Int { Self.hasDetail(around) ? 6 : 0 }

    func layout(_ around: Surroundings) {
        self.list.height = max(1, around.body.height - 2 - self.footRows(around))
    }

    func status(_ around: Surroundings) -> [Run] {
        guard let entry = self.list.selected else { return [] }
        let age = Format.age(milliseconds: around.now.since(entry.fact.at))
        return [Run("\(entry.fact.at.rfc3339.prefix(19))Z", .title), Run("  \(age) ago", .muted)]
    }

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let list = self.list
        self.paintFilter(&painter, area.row(0), around)
        let inner = area.inset(1, 0)
        let entries = Array(list.rows[list.shown])
        var columns = JournalColumns.all(hasDays: entries.contains { !$0.fact.at.isToday(around.now) })
        if let names = around.nodeNames(at: self.node, rows: entries.map(\.ref.node)) {
            columns.insert(.node(names) { $0.ref.node }, at: 1)
        }
        var widest = Widest(of: entries)
        let table = Table(columns, width: inner.width) { widest.columns($0) }
        table.paintHeader(&painter, inner.row(1))
        let rows = Rect(x: 0, y: area.y + 2, width: area.width, height: list.height)
        if list.rows.isEmpty { painter.empty(self.emptyWords(around), in: rows) }
        let look = RowLook(around)
        for (line, number) in list.shown.enumerated() {
            table.paint(list.rows[number], look, &painter, inner.row(2 + line), offset: around.columnOffset)
            if number == list.cursor { painter.select(rows.row(line)) }
        }
        let foot = self.footRows(around)
        if foot > 0 {
            JournalDetailBox(entry: list.selected)
                .paint(&painter, Rect(x: 0, y: area.maxY - foot, width: area.width, height: foot), around)
        }
    }

    private func emptyWords(_ around: Surroundings) -> [String] {
        if let trouble = self.trouble { return [trouble] }
        guard self.list.isLoaded else { return ["reading the journal"] }
        if self.query.filter.matchesAll { return ["nothing has happened yet"] }
        return self.list.isAtEnd ? Words.nothingMatches(around) : []
    }

    private func paintFilter(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let list = self.list
        let text = SafeText(self.query.filter.text)
        let words = SafeText(self.remark(around))
        let room = area.width - 4 - (words.columns == 0 ? 0 : words.columns + 3)
        var runs: [Run] = []
        if !list.absent.isEmpty {
            runs.append(Run("   without \(list.absent.map(\.node).joined(separator: ", "))", .failed))
        }
        if !list.isLoaded, self.trouble == nil { runs.append(Run("   ...", .muted)) }
        if text.columns == 0 {
            runs = [Run("all ", .muted), Run(Format.count(list.total))] + runs
        } else {
            runs = [Run("   in \(Format.count(list.total))", .base)] + runs
            let role: Role = list.rows.isEmpty && list.isAtEnd ? .promptBad : .prompt
            runs = painter.filter(text, role, before: runs, columns: room) + runs
        }
        painter.runs(runs, x: area.x + 3, y: area.y, columns: room)
        painter.text(words, x: area.maxX - 2 - words.columns, y: area.y, columns: words.columns, role: .muted)
    }

    /// How far a search has come that takes its time; what came since; whether what comes is shown.
    private func remark(_ around: Surroundings) -> String {
        if self.isBehind { return "..." }
        if !self.query.filter.matchesAll, self.list.wantsOlder, let reached = self.list.reached?.reached {
            return "searched back to \(Format.minute(reached))"
        }
        let newer = self.list.newer
        if newer.count > 0 {
            return "+\(Format.count(newer.count))\(newer.isMore ? " or more" : "") new (\(around.label(of: .top)))"
        }
        return self.list.follows && around.nodes[self.node].blindness == nil ? "live" : ""
    }
}
