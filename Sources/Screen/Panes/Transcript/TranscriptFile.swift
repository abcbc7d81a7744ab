import Foundation
import Mail
import Monitor

/// A dialogue as a file: text to read, or JSON where its name ends so.
///
/// Text is safe to show on a terminal; JSON has what was said as it was said, but for what is masked already.
enum TranscriptFile {
    static func content(_ row: ConnectionRow, _ lines: [TranscriptLine], elided: Int, at path: String) throws -> String
    {
        guard path.lowercased().hasSuffix(".json") else { return self.text(row, lines, elided: elided) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let page = TranscriptPage(
            session: row, lines: lines, end: lines.last.map { $0.number + 1 } ?? 0, elided: elided)
        return String(decoding: try encoder.encode(page), as: UTF8.self) + "\n"
    }

    private static func text(_ row: ConnectionRow, _ lines: [TranscriptLine], elided: Int) -> String {
        let way = row.direction == .inbound ? "from" : "to"
        var texts = ["\(row.ref.id) at \(row.ref.node), \(way) \(row.peerWords)"]
        texts.append("since \(row.started.rfc3339), times are UTC")
        if let tls = row.tls { texts.append(tls) }
        if let user = row.user { texts.append("logged in as \(user)") }
        if elided > 0 { texts.append("\(Format.plural(elided, "line")) of the middle are no longer kept") }
        texts.append("")
        var before: Timestamp?
        for line in lines {
            let delta = before.map { Format.delta(milliseconds: line.at.since($0)) } ?? "-"
            texts.append("\(Format.clockFine(line.at)) \(delta.padded(left: 7))  \(line.speaker.sign)  \(line.text)")
            before = line.at
        }
        return texts.map { SafeText(line: $0).description + "\n" }.joined()
    }
}
