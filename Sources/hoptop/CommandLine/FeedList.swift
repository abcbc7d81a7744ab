import ArgumentParser
import Foundation
import Monitor
import Screen

struct ListLimit: ParsableArguments {
    @Option(help: ArgumentHelp("So many at most.", valueName: "count"))
    var limit: Int?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit \(limit): a number from 1 on") }
    }
}

/// A long list of a feed, read part by part, so that a queue of a million is never in memory.
struct FeedList<Row: Hashable & Sendable & Codable, ID: Hashable & Sendable & Codable> {
    /// Rows of a part: as many as a daemon gives at once.
    private static var rowsInPart: Int { 1000 }

    /// Rows at most; `nil`: all of them.
    var limit: Int?
    /// What a row is known by.
    let id: (Row) -> ID
    let window: (WindowRequest<ID>) async throws -> Window<Row>

    /// A part begins with the row that was the last one, which is known where numbers have changed meanwhile.
    ///
    /// - Parameter body: gets rows as they come.
    /// - Returns: the first part, and how many rows there were.
    func each(_ body: ([Row]) async throws -> Void) async throws -> (first: Window<Row>, count: Int) {
        var first: Window<Row>?
        var last: ID?
        var count = 0
        while true {
            let left = self.limit.map { $0 - count } ?? Self.rowsInPart
            let anchor = last.map { WindowRequest.Anchor.item(id: $0, offset: 0, fallback: count) }
            let window = try await self.window(
                WindowRequest(
                    anchor ?? .row(number: 0), count: min(left + (last == nil ? 0 : 1), Self.rowsInPart)))
            first = first ?? window
            let place = window.rows.firstIndex { self.id($0) == last }
            // Near its end a list gives its last rows, some of which came before.
            let known = place.map { $0 + 1 } ?? (last == nil ? 0 : max(0, count - window.first))
            let rows = Array(window.rows.dropFirst(known).prefix(left))
            try await body(rows)
            count += rows.count
            last = rows.last.map(self.id) ?? last
            let isEnd = rows.isEmpty || window.first + window.rows.count >= window.matched
            if isEnd || count == self.limit { return (first ?? window, count) }
        }
    }

    func json(_ output: Output, isFiltered: Bool) async throws -> CommandStatus {
        var separator = "["
        let (_, count) = try await self.each { rows in
            var part = ""
            for row in rows {
                part += separator + "\n" + String(decoding: try SafeJSON.encode(row), as: UTF8.self)
                separator = ","
            }
            output.json(part: part)
        }
        output.json(part: count == 0 ? "[]\n" : "\n]\n")
        return count == 0 && isFiltered ? .nothing : .done
    }

    /// - Parameters:
    ///   - noun: `message`
    ///   - empty: what is said where there is nothing at all; `nil`: a filter was given.
    func lines(
        _ output: Output, _ table: TableLines<Row>, noun: String, empty: String?
    ) async throws -> CommandStatus {
        var table = table
        var isFirst = true
        let (window, count) = try await self.each { rows in
            guard !rows.isEmpty else { return }
            output.lines((isFirst ? [table.header(rows)] : []) + table.lines(rows))
            isFirst = false
        }
        guard count > 0 else {
            output.say(empty ?? "nothing matches")
            return empty == nil ? .nothing : .done
        }
        let all = window.matched > count ? "\(Format.count(count)) of " : ""
        let others = window.total > window.matched ? ", \(Format.count(window.total)) without the filter" : ""
        output.line("-- \(all)\(Format.plural(window.matched, noun))\(others)", .muted)
        return .done
    }
}
