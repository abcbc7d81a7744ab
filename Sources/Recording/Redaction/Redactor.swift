import Crypto
import Foundation
import Monitor

/// Replaces what tells who wrote to whom about what: addresses, names, IP addresses, subjects, content.
///
/// The same name becomes the same pseudonym wherever it stands in one recording: a keyed hash, whose key is made for the
/// recording and kept nowhere. It works on the JSON of a line, so that what is added to a value later is taken for text that may
/// have names in it, unless it is said otherwise here.
final class Redactor {
    private let pseudonyms: Pseudonyms
    private let text: RedactedText

    /// - Parameter key: for tests.
    init(key: SymmetricKey = SymmetricKey(size: .bits256)) {
        self.pseudonyms = Pseudonyms(key: key)
        self.text = RedactedText(self.pseudonyms)
    }

    func host(_ name: String) -> String { self.text.host(name) }

    /// Each line as JSON. Names of all of them are learned before the texts in which they may stand alone.
    func redacted(_ lines: [RecordedLine]) throws -> [Data] {
        let values = try lines.map { try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode($0)) }
        for value in values { self.learn(value, key: nil) }
        return try values.map { try SafeJSON.encode(self.redacted($0, key: nil, in: [])) }
    }

    /// What is done with the text under a key.
    private enum Treatment {
        /// Words of our own.
        case keep
        /// A name of somebody.
        case name
        /// A host, with or without its port.
        case host
        /// A path of an envelope, in angle brackets.
        case path
        case text
        case hide
    }

    private static let kept: Set<String> = [
        "kind", "state", "phase", "direction", "outcome", "condition", "severity", "speaker", "software", "areas",
        "abilities", "notes", "code", "with",
    ]
    private static let hosts: Set<String> = [
        "node", "nodes", "hello", "name", "destination", "nextHop", "nextHops", "ahead", "relayedTo", "peer", "client",
        "address", "domain", "host", "via",
    ]

    /// - Parameter path: the keys above, outermost first.
    private static func treatment(_ key: String?, in path: [String]) -> Treatment {
        guard let key else { return .text }
        if path == ["message"], ["subject", "header", "text"].contains(key) { return .hide }
        // A Message-ID is whatever its author wrote.
        if path == ["entry"], ["subject", "messageID"].contains(key) { return .hide }
        // An operator's own words.
        if key == "reason", path.contains("rules") || path.contains("suspended") || path.contains("held") {
            return .hide
        }
        switch key {
        case "user", "actor", "by": return .name
        case "from", "to", "forwardPath": return .path
        default: return self.kept.contains(key) ? .keep : self.hosts.contains(key) ? .host : .text
        }
    }

    private func redacted(_ value: JSONValue, key: String?, in path: [String]) -> JSONValue {
        switch value {
        case .null, .bool, .number, .decimal: return value
        case .array(let values): return .array(values.map { self.redacted($0, key: key, in: path) })
        case .object(var object):
            // Its text is the rule's terms, with what the operator wrote.
            if case .text(let kind)? = object["kind"], kind.hasPrefix("rule") { object["text"] = nil }
            let below = path + (key.map { [$0] } ?? [])
            return .object(
                Dictionary(
                    uniqueKeysWithValues: object.map { ($0.key, self.redacted($0.value, key: $0.key, in: below)) }))
        case .text(let text):
            switch Self.treatment(key, in: path) {
            case .keep: return value
            case .hide: return .text("(redacted)")
            case .name: return .text(self.text.name(text))
            case .host: return .text(self.text.host(text))
            case .path: return .text(self.text.path(text))
            case .text: return .text(self.text.redacted(text))
            }
        }
    }

    private func learn(_ value: JSONValue, key: String?) {
        switch value {
        case .null, .bool, .number, .decimal: break
        case .array(let values): for value in values { self.learn(value, key: key) }
        case .object(let object): for (key, value) in object { self.learn(value, key: key) }
        case .text(let text):
            switch Self.treatment(key, in: []) {
            case .name: _ = self.text.name(text)
            case .host: _ = self.text.host(text)
            case .path: _ = self.text.path(text)
            case .keep, .hide, .text: break
            }
        }
    }
}

/// A value of JSON.
private enum JSONValue: Codable {
    case null, bool(Bool), number(Int64), decimal(Double), text(String), array([JSONValue]), object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .bool(flag)
        } else if let number = try? container.decode(Int64.self) {
            self = .number(number)
        } else if let number = try? container.decode(Double.self) {
            self = .decimal(number)
        } else if let values = try? container.decode([JSONValue].self) {
            self = .array(values)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let flag): try container.encode(flag)
        case .number(let number): try container.encode(number)
        case .decimal(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        case .array(let values): try container.encode(values)
        case .object(let object): try container.encode(object)
        }
    }
}
