public import Mail
import SMTP

/// What is typed behind `:suspend`, `:rule` and their like, on the screen or behind a command, read word by word.
public struct StandingWords {
    /// Why the words cannot be read, and how they are written.
    public struct Problem: Error, Hashable { public let text: String }

    private struct Word {
        var text = ""
        var isQuoted = false
        /// Where it stands in all of it, with its quotation marks.
        var range: Range<String.Index>
    }
    private let text: String
    private var words: [Word] = []
    private let now: Timestamp

    public init(_ text: String?, at now: Timestamp) {
        self.text = text ?? ""
        self.now = now
        var word: Word?
        var isInside = false
        for place in self.text.indices {
            let character = self.text[place]
            if character == " ", !isInside {
                if let word { self.words.append(word) }
                word = nil
                continue
            }
            var current = word ?? Word(range: place..<place)
            if character == "\"" {
                isInside.toggle()
                current.isQuoted = true
            } else {
                current.text.append(character)
            }
            current.range = current.range.lowerBound..<self.text.index(after: place)
            word = current
        }
        if let word { self.words.append(word) }
    }

    /// - Parameter words: as a shell tells them apart; one that has a space was quoted there.
    public init(_ words: [String], at now: Timestamp) {
        self.text = words.joined(separator: " ")
        self.now = now
        var place = self.text.startIndex
        for word in words {
            let end = self.text.utf8.index(place, offsetBy: word.utf8.count)
            let isQuoted = word.count > 1 && word.hasPrefix("\"") && word.hasSuffix("\"")
            self.words.append(
                Word(
                    text: isQuoted ? String(word.dropFirst().dropLast()) : word,
                    isQuoted: isQuoted || word.contains(" "), range: place..<end))
            place = end == self.text.endIndex ? end : self.text.utf8.index(after: end)
        }
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
        return StandingRule.Terms(order, until: until, reason: self.reason)
    }

    /// What is left, as it was typed; quotation marks around all of it only keep it together.
    private var reason: String? {
        guard let first = self.words.first, let last = self.words.last else { return nil }
        let reason =
            self.words.count == 1 ? first.text : String(self.text[first.range.lowerBound..<last.range.upperBound])
        return reason.isEmpty ? nil : reason
    }

    public func checkEnd() throws(Problem) {
        if let first = self.first { throw Problem(text: "\(first): nothing more is understood here") }
    }

    /// When it is to be tried: `06:00`, the next one; `2026-11-30T06:00`, in UTC; `2h`, so much later.
    public mutating func moment() throws(Problem) -> Timestamp {
        _ = self.take("in") || self.take("at")
        if let span = self.first.flatMap(TimeWords.span) {
            self.words.removeFirst()
            return self.now.adding(milliseconds: span)
        }
        switch self.take().flatMap(TimeWords.init) {
        case .clock(let clock): return TimeWords.next(clock, after: self.now)
        case .moment(let time): return time
        case nil: throw Problem(text: "say when: 06:00, 2026-11-30T06:00 (in UTC), or 2h from now")
        }
    }

    /// `to bob@example.org`
    public mutating func address() throws(Problem) -> String {
        guard self.take("to"), let address = self.take(), address.contains("@") else {
            throw Problem(text: "say to whom: to bob@example.org")
        }
        return address
    }

    /// `06:00`, the next one; `2026-11-30`, `2026-11-30T06:00`. As all clocks of the screen, in UTC.
    private mutating func time() throws(Problem) -> Timestamp {
        switch self.take().flatMap(TimeWords.init) {
        case .clock(let clock): return TimeWords.next(clock, after: self.now)
        case .moment(let time): return time
        case nil: throw Problem(text: "write until 06:00 or until 2026-11-30T06:00, in UTC")
        }
    }

    /// `90s`, `30m`, `2h`, `3d`
    private mutating func span() throws(Problem) -> Int64 {
        guard let span = self.take().flatMap(TimeWords.span) else {
            throw Problem(text: "write for 30m, for 2h or for 3d")
        }
        return span
    }
}
