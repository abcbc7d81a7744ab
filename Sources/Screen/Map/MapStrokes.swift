import Monitor

/// Lines that may cross and part, as signs of a frame.
struct MapStrokes {
    private struct Sides: OptionSet, Hashable {
        let rawValue: UInt8
        static let left = Sides(rawValue: 1)
        static let right = Sides(rawValue: 2)
        static let up = Sides(rawValue: 4)
        static let down = Sides(rawValue: 8)
    }
    private struct Cell {
        var sides: Sides = []
        var role: Role
        var rank: Int
    }
    private var cells: [Point: Cell] = [:]

    /// - Parameters:
    ///   - path: each cell beside the one before; it comes from the left and goes to the right.
    ///   - rank: of several that share a cell, the highest has its colour.
    mutating func add(_ path: [Point], role: Role, rank: Int) {
        for (index, point) in path.enumerated() {
            let before = index > 0 ? path[index - 1] : Point(x: point.x - 1, y: point.y)
            let after = index + 1 < path.count ? path[index + 1] : Point(x: point.x + 1, y: point.y)
            var cell = self.cells[point] ?? Cell(role: role, rank: rank)
            cell.sides.formUnion([Self.side(of: before, from: point), Self.side(of: after, from: point)])
            if rank > cell.rank { (cell.role, cell.rank) = (role, rank) }
            self.cells[point] = cell
        }
    }

    private static func side(of other: Point, from point: Point) -> Sides {
        if other.x != point.x { return other.x < point.x ? .left : .right }
        return other.y < point.y ? .up : .down
    }

    func paint(_ painter: inout Painter, _ area: Rect) {
        for (point, cell) in self.cells {
            let sign = painter.sign(Self.signs[cell.sides] ?? "─", Self.ascii(cell.sides))
            painter.text(sign, x: area.x + point.x, y: area.y + point.y, columns: 1, role: cell.role)
        }
    }

    private static func ascii(_ sides: Sides) -> String {
        if sides.isSubset(of: [.left, .right]) { return "-" }
        return sides.isSubset(of: [.up, .down]) ? "|" : "+"
    }

    private static let signs: [Sides: String] = [
        [.up, .down]: "│", [.right, .down]: "╭", [.left, .down]: "╮", [.right, .up]: "╰", [.left, .up]: "╯",
        [.up, .down, .right]: "├", [.up, .down, .left]: "┤", [.left, .right, .down]: "┬", [.left, .right, .up]: "┴",
        [.left, .right, .up, .down]: "┼",
    ]
}
