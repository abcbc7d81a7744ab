public import Monitor

/// The table of a view as lines. On paper of some width it is laid out as on a screen; else each column is as wide as what
/// stood in it so far, so that rows may come in parts.
public struct TableLines<Row: Sendable>: Sendable {
    private let columns: [Column<Row>]
    private let paper: Paper
    private let look: RowLook
    /// What each column takes, where the paper's width is no limit.
    private var widths: [Int]

    /// Columns without a title hold marks of a screen.
    init(_ columns: [Column<Row>], on paper: Paper, hasHeader: Bool = true) {
        self.columns = hasHeader ? columns.filter { !$0.title.isEmpty } : columns
        self.paper = paper
        self.look = RowLook(paper)
        self.widths = self.columns.map { SafeText($0.title).columns }
    }

    /// - Parameter rows: the first ones.
    public mutating func header(_ rows: [Row]) -> [Run] {
        self.measure(rows)
        return Self.line(
            self.places(rows).map { column, width in (Run(column.title, .header), column.isRight, width) }, self.paper)
    }

    public mutating func lines(_ rows: [Row]) -> [[Run]] {
        self.measure(rows)
        let places = self.places(rows)
        return rows.map { row in
            Self.line(
                places.map { column, width in
                    let cell = column.cell(row, self.look)
                    return (Run(cell.text, cell.role), column.isRight, width)
                }, self.paper)
        }
    }

    private mutating func measure(_ rows: [Row]) {
        guard self.paper.columns == nil else { return }
        for (index, column) in self.columns.enumerated() {
            for row in rows { self.widths[index] = max(self.widths[index], column.cell(row, self.look).text.columns) }
        }
    }

    private func places(_ rows: [Row]) -> [(column: Column<Row>, width: Int)] {
        guard let width = self.paper.columns else { return Array(zip(self.columns, self.widths)) }
        var widest = Widest(of: rows)
        return Table(self.columns, width: width) { widest.columns($0) }.places.map { ($0.column, $0.width) }
    }

    /// One blank stands between cells, and none at the line's end.
    private static func line(_ cells: [(text: Run, isRight: Bool, width: Int)], _ paper: Paper) -> [Run] {
        var line: [Run] = []
        var blanks = 0
        for (index, cell) in cells.enumerated() {
            let text = cell.text.text.fitted(cell.width, mark: paper.glyphs.elision)
            let rest = cell.width - text.columns
            blanks += (index > 0 ? 1 : 0) + (cell.isRight ? rest : 0)
            if !text.isEmpty {
                if blanks > 0 { line.append(Run(SafeText(blanks: blanks), .base)) }
                line.append(Run(text, cell.text.role))
                blanks = 0
            }
            blanks += cell.isRight ? 0 : rest
        }
        return line
    }
}

extension Paper {
    /// - Parameter capabilities: of the feed; where it is of several nodes, each row says which one has it.
    public func queue(of capabilities: FeedCapabilities) -> TableLines<QueueRow> {
        var columns = QueueList.columns
        let nodes = capabilities.nodes ?? capabilities.sharing ?? []
        if nodes.count > 1 { columns.insert(.node(NodeNames(nodes)) { $0.place }, at: QueueList.nodePlace) }
        return TableLines(columns, on: self)
    }
    public func groups(by grouping: QueueGrouping) -> TableLines<QueueGroup> {
        TableLines(GroupsPane.columns(grouping), on: self)
    }
    public var connections: TableLines<ConnectionRow> { TableLines(ConnectionList.columns, on: self) }
    public var nextHops: TableLines<DestinationRow> { TableLines(DestinationList.columns, on: self) }
    public var rules: TableLines<RuleRow> { TableLines(RulesPane.columns, on: self) }
    public var destinations: TableLines<DestinationAges> {
        TableLines(DestinationAges.columns(self.columns ?? .max, isByDomain: false), on: self)
    }
}
