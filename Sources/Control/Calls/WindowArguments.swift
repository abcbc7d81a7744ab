import Monitor

/// How a window of a list is written in a query: `row=0&count=50`, `row=last`, or `around=ID&offset=3&row=12`.
enum WindowArguments {
    static let names: Set<String> = ["row", "around", "offset", "count"]
    /// Rows of one answer at most.
    static let mostRows = 1000

    /// - Parameter item: the thing of that name.
    static func read<ID>(
        _ arguments: CallArguments, item: (String) -> ID
    ) throws(FeedError) -> WindowRequest<ID> {
        let count = try arguments.number("count", default: 100, in: 0...Self.mostRows)
        let offset = try arguments.number("offset", default: 0, in: 0...Self.mostRows)
        if arguments.query["row"] == "last" { return WindowRequest(.last, count: count) }
        let row = try arguments.number("row", default: 0, in: 0...Int(Int32.max))
        guard let around = arguments.query["around"] else { return WindowRequest(.row(number: row), count: count) }
        return WindowRequest(.item(id: item(around), offset: offset, fallback: row), count: count)
    }

    static func write<ID>(
        _ request: WindowRequest<ID>, into query: inout [String: String], name: (ID) -> String
    ) {
        query["count"] = "\(request.count)"
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
