import ArgumentParser
import Foundation
import Journal
import Logging
import Mail
import Monitor
import Relay
import SMTP
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
        case .text: TextForm.line(entry)
        case .json: JSONForm.line(entry)
        case .postfix: PostfixForm.lines(entry)
        }
    }
}

/// Lines for people, with fields as in logfmt: whatever a peer said ends where its quotation mark does.
enum TextForm {
    static func line(_ entry: LogEntry) -> String {
        var text = LineOctets()
        text.add(entry.at.rfc3339)
        text.add(" ")
        text.add(entry.level.rawValue)
        text.add(" ")
        if let fact = entry.fact { self.add(fact, to: &text) } else { self.add(entry, to: &text) }
        return text.text + "\n"
    }

    static func words(_ fact: Fact) -> String {
        var text = LineOctets()
        self.add(fact, to: &text)
        return text.text
    }

    /// Of what is no fact.
    static func words(_ entry: LogEntry) -> String {
        var text = LineOctets()
        self.add(entry, to: &text)
        return text.text
    }

    private static func add(_ entry: LogEntry, to line: inout LineOctets) {
        line.add(entry.event)
        for field in entry.fields {
            // What others said is in quotes, as in the lines about mail.
            let isSaid = field.name == "command" || field.name == "reply"
            // Who did something is `by`, as in the lines about mail.
            line.add(field.name == "actor" ? "by" : field.name, field.value.description, isQuoted: isSaid)
        }
    }

    /// `relayed DGMZ00004 from=<a@b> to=<c@d> via=127.0.0.1:2526 took=12ms reply="250 2.0.0 Ok: queued as 4Q7K"`
    private static func add(_ fact: Fact, to line: inout LineOctets) {
        line.add(fact.kind.word)
        if let message = fact.message {
            line.add(" ")
            line.add(message.description)
        }
        if let from = fact.from { line.add("from", from) }
        if let to = fact.to { line.add("to", to) }
        if let hop = fact.nextHop { line.add("via", hop) }
        if let octets = fact.contentOctets { line.add("size", String(octets)) }
        if let took = fact.milliseconds { line.add("took", "\(took)ms") }
        let isAccepted = fact.kind == .accepted
        if !isAccepted, let client = fact.arrival?.peer { line.add("client", client, isQuoted: true) }
        if let text = fact.text ?? (isAccepted ? fact.arrival.map { $0.peer ?? $0.with } : nil) {
            switch fact.kind {
            case .accepted: line.add("client", text, isQuoted: true)
            case .deferred, .relayed, .bounced, .expired:
                line.add(fact.saidBy == .nextHop ? "reply" : "reason", text, isQuoted: true)
            case .refused: line.add("reply", text, isQuoted: true)
            case .damaged, .held, .released, .rerouted, .reloadFailed, .dropped, .retried, .restored, .purged:
                line.add("reason", text, isQuoted: true)
            case .readdressed: line.add("was", text)
            case .reported: line.add("report", text)
            case .ruleSet, .ruleEnded: line.add("rule", text, isQuoted: true)
            case .limited: line.add("limit", text, isQuoted: true)
            case .closed, .drained, .undrained, .forgotten, .reloaded, .shutdown:
                line.add("node", text, isQuoted: true)
            }
        }
        if fact.kind == .closed, let session = fact.session { line.add("session", session) }
        if let actor = fact.actor { line.add("by", actor) }
    }
}

/// A line as octets while it is put together of texts, which costs a fourth of appending each to a `String`: each recipient of
/// a message has a line of a dozen texts.
private struct LineOctets {
    private static let quote = UInt8(ascii: "\"")
    private static let escape = UInt8(ascii: "\\")
    private var octets: [UInt8] = []

    init() { self.octets.reserveCapacity(256) }

    /// What controls is made visible, and what is too long is cut, of each text by itself: none ends the line before the others.
    mutating func add(_ text: String) { self.octets.append(contentsOf: SafeText.describing(text).utf8) }

    /// ` name=value`. A value is quoted where it would not end by itself, or could be taken for more than one; a quotation mark or
    /// a backslash in it has a backslash before it.
    mutating func add(_ name: String, _ value: String, isQuoted: Bool = false) {
        self.octets.append(UInt8(ascii: " "))
        self.add(name)
        self.octets.append(UInt8(ascii: "="))
        let value = SafeText.describing(value)
        guard isQuoted || value.isEmpty || value.utf8.contains(where: Self.needsQuotes) else {
            self.octets.append(contentsOf: value.utf8)
            return
        }
        self.octets.append(Self.quote)
        for octet in value.utf8 {
            if octet == Self.quote || octet == Self.escape { self.octets.append(Self.escape) }
            self.octets.append(octet)
        }
        self.octets.append(Self.quote)
    }

    /// White space beyond ASCII is none to who takes lines apart at spaces.
    private static func needsQuotes(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: " "), self.quote, self.escape, UInt8(ascii: "="), UInt8(ascii: "'"): true
        default: false
        }
    }

    var text: String { String(decoding: self.octets, as: UTF8.self) }
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
            for (name, value) in self.entry.fact?.fields ?? self.entry.fields {
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
