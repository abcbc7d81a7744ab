import Monitor

/// How a window of a list is written in a query: `row=0&count=50`, `row=last`, or `around=ID&offset=3&row=12`; with `part=true`
/// what is found so far is welcome.
enum WindowArguments {
    static let names: Set<String> = ["row", "around", "offset", "count", "part"]
    /// Rows of one answer at most.
    static let mostRows = 1000

    /// - Parameter item: the thing of that name.
    static func read<ID>(
        _ arguments: CallArguments, item: (String) -> ID
    ) throws(FeedError) -> WindowRequest<ID> {
        let count = try arguments.number("count", default: 100, in: 0...Self.mostRows)
        let takesPart = try arguments.flag("part", default: false) ? true : nil
        let offset = try arguments.number("offset", default: 0, in: 0...Self.mostRows)
        if arguments.query["row"] == "last" { return WindowRequest(.last, count: count, takesPart: takesPart) }
        let row = try arguments.number("row", default: 0, in: 0...Int(Int32.max))
        let anchor: WindowRequest<ID>.Anchor =
            arguments.query["around"].map { .item(id: item($0), offset: offset, fallback: row) } ?? .row(number: row)
        return WindowRequest(anchor, count: count, takesPart: takesPart)
    }

    static func write<ID>(
        _ request: WindowRequest<ID>, into query: inout [String: String], name: (ID) -> String
    ) {
        query["count"] = "\(request.count)"
        if request.takesPart == true { query["part"] = "true" }
        switch request.anchor {
        case .row(let number): query["row"] = "\(number)"
        case .last: query["row"] = "last"
        case .item(let id, let offset, let fallback):
            query["around"] = name(id)
            query["offset"] = "\(offset)"
            query["row"] = "\(fallback)"
        }
    }
}
