import Mail
import Monitor

// The way drawn as the map is: places as boxes, and what is between them as lines.
extension Way {
    /// Rows of one line of boxes.
    static let boxRows = 4

    /// The way in as many lines of boxes as it takes, each of ``boxRows`` rows: in a box the place, and when it had the message
    /// (`c` as a header claims, `E` as a node experienced); on the line between two how the message got there.
    func boxes(columns: Int, _ glyphs: Glyphs) -> [[Run]] {
        var lines: [[[Run]]] = [Self.empty]
        for hop in self.hops {
            let drawn = Self.drawn(hop, columns, glyphs)
            if let last = lines.last, last[0].columns > 0, last[0].columns + drawn[0].columns > columns {
                lines.append(Self.empty)
            }
            for row in 0..<Self.boxRows { lines[lines.count - 1][row] += drawn[row] }
        }
        return lines.flatMap { $0 }
    }

    private static var empty: [[Run]] { Array(repeating: [], count: self.boxRows) }

    private static func drawn(_ hop: Hop, _ columns: Int, _ glyphs: Glyphs) -> [[Run]] {
        let edge = self.edge(hop, glyphs)
        let room = min(36, max(4, columns - edge[0].columns - 4))
        let name = SafeText(address: hop.name).fitted(room, mark: glyphs.elision)
        let below = self.below(hop, room, glyphs)
        let width = max(name.columns, below.columns)
        let line = String(repeating: glyphs.sign("─", "-"), count: width + 2)
        let side = Run(glyphs.sign("│", "|"), .graphGrid)
        func inside(_ runs: [Run]) -> [Run] {
            [side, Run(" ")] + runs + [Run(SafeText(blanks: width - runs.columns), .base), Run(" "), side]
        }
        return [
            edge[0] + [Run(glyphs.sign("╭", "+") + line + glyphs.sign("╮", "+"), .graphGrid)],
            edge[1] + inside([Run(name, hop.role)]), edge[2] + inside(below),
            edge[3] + [Run(glyphs.sign("╰", "+") + line + glyphs.sign("╯", "+"), .graphGrid)],
        ]
    }

    /// When it was there, and what happens there now.
    private static func below(_ hop: Hop, _ columns: Int, _ glyphs: Glyphs) -> [Run] {
        var runs: [Run] = []
        if let time = hop.time {
            let role: Role = time.isClaimed ? .hopClaimed : .hopVerified
            runs = [Run(Format.clock(time.at), role), Run(time.isClaimed ? " c" : " E", role)]
        }
        if !hop.isNoteOfEdge, !hop.note.isEmpty {
            runs += (runs.isEmpty ? [] : [Run(" ")]) + [Run(hop.note, hop.noteRole)]
        }
        return runs.columns <= columns ? runs : Array(runs.prefix(2))
    }

    /// What stands before a box: a line with what became of the message on it, and below that how long it took.
    private static func edge(_ hop: Hop, _ glyphs: Glyphs) -> [[Run]] {
        guard let edge = hop.edge else { return self.empty }
        let note = hop.isNoteOfEdge ? SafeText(hop.note) : SafeText("")
        let sign = SafeText(edge.sign(glyphs))
        let width = max(note.columns, sign.columns + 4)
        let line = glyphs.sign("─", "-")
        let left = (width - sign.columns - 1) / 2
        let right = width - sign.columns - 1 - left
        let path = String(repeating: line, count: left) + sign.description + String(repeating: line, count: right)
        let blanks = [Run(SafeText(blanks: width), .base)]
        let indent = (width - note.columns) / 2
        return [
            blanks, [Run(path + glyphs.sign("▶", ">"), edge.role)],
            [
                Run(SafeText(blanks: indent), .base), Run(note, hop.noteRole),
                Run(SafeText(blanks: width - indent - note.columns), .base),
            ], blanks,
        ]
    }
}
