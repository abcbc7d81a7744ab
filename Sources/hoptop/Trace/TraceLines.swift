import Glibc
import Mail
import Monitor

/// Events of a trace as lines for people: `12:41:07.123 out#9121 mx.example.org:25  S: 250 2.0.0 Ok`. All that peers said
/// passes `SafeText`.
struct TraceLines {
    private let hasColour: Bool
    /// The other sides of the sessions that are told of.
    private var peers: [SessionRef: SafeText] = [:]
    private var day = Self.clock(of: .now).day

    init(hasColour: Bool) { self.hasColour = hasColour }

    mutating func text(of events: [TraceEvent]) -> String {
        var text = ""
        for event in events {
            switch event {
            case .began(let row):
                self.peers[row.ref] = SafeText(row.peer)
                self.add("*", "began", of: row.ref, at: row.started, .quiet, to: &text)
            case .lines(let session, let lines):
                for line in lines {
                    let (speaker, ink) = Self.look(of: line)
                    self.add(speaker, line.text, of: session, at: line.at, ink, to: &text)
                }
            case .ended(let row):
                let remark = row.remark.map { ": \($0)" } ?? ""
                let ink: Ink = row.remark == nil ? .quiet : .bad
                self.add("*", "ended\(remark)", of: row.ref, at: row.ended ?? row.lastActivity, ink, to: &text)
                self.peers[row.ref] = nil
            case .missed(let session, let lines):
                let of = session.map { " of \(SafeText($0.id))" } ?? ""
                text += self.coloured("-- \(lines) lines\(of) are missing: they came faster than they were read", .bad)
                text += "\n"
            }
        }
        return text
    }

    private mutating func add(
        _ speaker: String, _ words: String, of session: SessionRef, at time: Timestamp, _ ink: Ink,
        to text: inout String
    ) {
        let (day, clock) = Self.clock(of: time)
        if day != self.day { text += self.coloured("-- \(day)", .quiet) + "\n" }
        self.day = day
        let peer = self.peers[session].map { " \($0)" } ?? ""
        text += self.coloured("\(clock) \(SafeText(session.id))\(peer)", .quiet)
        text += "  " + self.coloured("\(speaker): \(SafeText(words))", ink) + "\n"
    }

    // MARK: looks

    private enum Ink: String { case quiet = "2", client = "36", good = "32", later = "33", bad = "31" }

    private static func look(of line: TranscriptLine) -> (speaker: String, Ink) {
        switch line.speaker {
        case .client: ("C", .client)
        case .relay: ("*", .quiet)
        case .server: ("S", line.text.hasPrefix("4") ? .later : line.text.hasPrefix("5") ? .bad : .good)
        }
    }

    private func coloured(_ text: String, _ ink: Ink) -> String {
        self.hasColour ? "\u{1B}[\(ink.rawValue)m\(text)\u{1B}[m" : text
    }

    /// The time of day where the program runs.
    private static func clock(of time: Timestamp) -> (day: String, time: String) {
        var seconds = time_t(time.milliseconds / 1000)
        var parts = tm()
        localtime_r(&seconds, &parts)
        func digits(_ value: Int, _ count: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let day = [Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday)].map { digits($0, 2) }
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { digits(Int($0), 2) }
        return (
            day.joined(separator: "-"),
            clock.joined(separator: ":") + "." + digits(Int(time.milliseconds % 1000), 3)
        )
    }
}
