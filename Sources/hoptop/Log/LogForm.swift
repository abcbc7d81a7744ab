import ArgumentParser
import Foundation
import Journal
import Logging
import Mail
import Monitor
import Relay
import Spool

/// How lines of the log look. What peers said can be in them, so none of it reaches a terminal or a program as it is.
enum LogFormat: String, CaseIterable, Sendable, ExpressibleByArgument {
    /// `2026-11-25T04:30:00.123Z info relayed DGMZ00004 from=<a@b> …`
    case text
    /// An object on each line.
    case json
    /// As Postfix logs, for programs that read that.
    case postfix

    /// Whole lines, each with its end; none where the form has nothing to say.
    func lines(_ entry: LogEntry) -> String {
        switch self {
        case .text: SafeText.describing("\(entry.at.rfc3339) \(entry.level) \(TextForm.words(entry))") + "\n"
        case .json: JSONForm.line(entry)
        case .postfix: PostfixForm.lines(entry)
        }
    }
}

/// Lines for people.
enum TextForm {
    static func words(_ entry: LogEntry) -> String {
        guard let fact = entry.fact else {
            return entry.event + entry.fields.map { " \($0.name)=\(Self.word($0.value, of: $0.name))" }.joined()
        }
        return self.words(fact)
    }

    /// What others said is told apart from what follows it, as in the lines about mail.
    private static func word(_ value: LogEntry.Value, of name: String) -> String {
        name == "command" || name == "reply" ? "\"\(value)\"" : "\(value)"
    }

    /// `relayed DGMZ00004 from=<a@b> to=<c@d> via=127.0.0.1:2526 took=12ms reply="250 2.0.0 Ok: queued as 4Q7K"`
    private static func words(_ fact: Fact) -> String {
        var words = ""
        words.reserveCapacity(256)
        words += FactRow.Kind(fact.kind).word
        if let message = fact.message { words += " \(message)" }
        if let from = fact.from { words += " from=\(from)" }
        if let to = fact.to { words += " to=\(to)" }
        if let hop = fact.nextHop { words += " via=\(hop)" }
        if let octets = fact.contentOctets { words += " size=\(octets)" }
        if let took = fact.milliseconds { words += " took=\(took)ms" }
        if let text = fact.text ?? fact.arrival.map({ $0.peer ?? $0.with }) {
            switch fact.kind {
            case .accepted: words += " client=\"\(text)\""
            case .deferred, .relayed, .bounced, .expired, .refused: words += " reply=\"\(text)\""
            case .damaged, .held, .released, .rerouted: words += " reason=\"\(text)\""
            case .readdressed: words += " was=\(text)"
            case .reported: words += " report=\(text)"
            case .ruleSet, .ruleEnded: words += " rule=\"\(text)\""
            case .limited: words += " limit=\"\(text)\""
            case .dropped, .retried, .restored: words += " \(text)"
            }
        }
        if let actor = fact.actor { words += actor.contains(" ") ? " by=\"\(actor)\"" : " by=\(actor)" }
        return words
    }
}

extension LogEntry.Value: CustomStringConvertible {
    var description: String {
        switch self {
        case .text(let text): text
        case .number(let number): "\(number)"
        }
    }
}

/// An object a line: `time`, `level`, `part`, `event`, and the fields. Facts have their words by the names of the API.
enum JSONForm {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private struct Object: Encodable {
        let entry: LogEntry
        func encode(to encoder: any Encoder) throws {
            var object = encoder.container(keyedBy: Key.self)
            for (name, value) in self.entry.fields {
                switch value {
                case .text(let text): try object.encode(text, forKey: Key(stringValue: name))
                case .number(let number): try object.encode(number, forKey: Key(stringValue: name))
                }
            }
            try object.encode(self.entry.at.rfc3339, forKey: Key(stringValue: "time"))
            try object.encode(self.entry.level.rawValue, forKey: Key(stringValue: "level"))
            try object.encode(self.entry.part.rawValue, forKey: Key(stringValue: "part"))
            try object.encode(self.entry.event, forKey: Key(stringValue: "event"))
        }
    }

    static func line(_ entry: LogEntry) -> String {
        guard let octets = try? SafeJSON.encode(Object(entry: entry)) else {
            preconditionFailure("texts and numbers have a JSON form")
        }
        return String(decoding: octets, as: UTF8.self) + "\n"
    }
}
