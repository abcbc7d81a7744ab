public import Mail
import SMTP

/// What is typed behind `:suspend`, `:rule` and their like, on the screen or behind a command, read word by word.
public struct StandingWords {
    /// Why the words cannot be read, and how they are written.
    public struct Problem: Error, Hashable { public let text: String }

    private var words: [(text: String, isQuoted: Bool)] = []
    private let now: Timestamp

    public init(_ text: String?, at now: Timestamp) {
        self.now = now
        var word = ""
        var isQuoted = false
        var isInside = false
        for character in text ?? "" {
            switch character {
            case "\"":
                isInside.toggle()
                isQuoted = true
            case " " where !isInside:
                if !word.isEmpty || isQuoted { self.words.append((word, isQuoted)) }
                (word, isQuoted) = ("", false)
            default: word.append(character)
            }
        }
        if !word.isEmpty || isQuoted { self.words.append((word, isQuoted)) }
    }

    public var isEmpty: Bool { self.words.isEmpty }
    /// `to` comes next: no destination is named.
    public var isAtWay: Bool { self.first == "to" }
    private var first: String? { self.words.first?.text }
    private mutating func take() -> String? { self.words.isEmpty ? nil : self.words.removeFirst().text }
    private mutating func take(_ word: String) -> Bool {
        guard self.first == word else { return false }
        self.words.removeFirst()
        return true
    }

    /// A destination; that of the cursor where none is named.
    public mutating func destination(_ pane: String?) throws(Problem) -> String {
        if let first = self.first, !["until", "for", "to"].contains(first) {
            self.words.removeFirst()
            return first
        }
        guard let pane else { throw Problem(text: "name a destination, such as mx.example.org:25") }
        return pane
    }

    /// `to mx2.example.org:25`
    public mutating func way() throws(Problem) -> String {
        guard self.take("to"), let via = self.take() else {
            throw Problem(text: "say to HOST:PORT, to mx, or to route for the way back")
        }
        return via
    }

    /// `2`; `off`, which is none.
    public mutating func limit() throws(Problem) -> Int? {
        if self.take("off") { return nil }
        guard let count = self.take().flatMap({ Int($0) }) else {
            throw Problem(text: "say how many connections, or off")
        }
        return count
    }

    /// `hold to example.org`, `refuse 550 "No" from *.example.net`
    public mutating func rule() throws(Problem) -> StandingOrder {
        let problem = Problem(text: "write hold|refuse [550] from|to|user|client WHOSE")
        switch self.take() {
        case "hold": return .hold(mail: try self.condition(problem))
        case "refuse":
            var code = 550
            if let given = self.first.flatMap({ Int($0) }) {
                code = given
                self.words.removeFirst()
            }
            var text: String?
            if let word = self.words.first, word.isQuoted { text = self.take() }
            return .refuse(mail: try self.condition(problem), with: Refusal(code: code, text: text))
        default: throw problem
        }
    }

    private mutating func condition(_ problem: Problem) throws(Problem) -> MailCondition {
        guard let word = self.take(), let value = self.take(), let condition = MailCondition(word, value) else {
            throw problem
        }
        return condition
    }

    /// `until 06:00 maintenance`, `for 2h`: what is left.
    public mutating func terms(_ order: StandingOrder) throws(Problem) -> StandingRule.Terms {
        var until: Timestamp?
        if self.take("until") {
            until = try self.time()
        } else if self.take("for") {
            until = self.now.adding(milliseconds: try self.span())
        }
        let reason = self.words.map(\.text).joined(separator: " ")
        return StandingRule.Terms(order, until: until, reason: reason.isEmpty ? nil : reason)
    }

    public func checkEnd() throws(Problem) {
        if let first = self.first { throw Problem(text: "\(first): nothing more is understood here") }
    }

    /// `06:00`, the next one; `2026-11-30`, `2026-11-30T06:00`. As all clocks of the screen, in UTC.
    private mutating func time() throws(Problem) -> Timestamp {
        let problem = Problem(text: "write until 06:00 or until 2026-11-30T06:00, in UTC")
        guard var word = self.take() else { throw problem }
        if word.hasSuffix("Z") { word.removeLast() }
        let parts = word.split(separator: "T", omittingEmptySubsequences: false)
        if parts.count == 1, word.contains(":") {
            guard let clock = Self.clock(parts[0]) else { throw problem }
            let day = self.now.milliseconds / 86_400_000
            let today = day * 86_400_000 + clock
            return Timestamp(milliseconds: today > self.now.milliseconds ? today : today + 86_400_000)
        }
        let numbers = (parts.first ?? "").split(separator: "-").map { Int($0) ?? -1 }
        guard numbers.count == 3, (1970...9999).contains(numbers[0]) else { throw problem }
        let date = CivilDate(year: numbers[0], month: numbers[1], day: numbers[2])
        guard (1...12).contains(date.month), CivilDate(days: date.days) == date,
            let clock = parts.count == 1 ? 0 : parts.count == 2 ? Self.clock(parts[1]) : nil
        else { throw problem }
        return Timestamp(milliseconds: Int64(date.days) * 86_400_000 + clock)
    }

    /// Milliseconds since midnight.
    private static func clock(_ text: Substring) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int64($0) ?? -1 }
        guard parts.count == 2 || parts.count == 3, (0...23).contains(parts[0]),
            parts.dropFirst().allSatisfy({ (0...59).contains($0) })
        else { return nil }
        return (parts[0] * 3600 + parts[1] * 60 + (parts.count == 3 ? parts[2] : 0)) * 1000
    }

    /// `90s`, `30m`, `2h`, `3d`
    private mutating func span() throws(Problem) -> Int64 {
        let units: [Character: Int64] = ["s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        guard let word = self.take(), let unit = word.last.flatMap({ units[$0] }),
            let count = Int64(word.dropLast()), (1...1_000_000).contains(count)
        else { throw Problem(text: "write for 30m, for 2h or for 3d") }
        return count * unit
    }
}
