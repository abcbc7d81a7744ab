public import Mail
public import Monitor

/// One thing that changed at a node: a line of a recording.
public enum RecordedChange: Hashable, Sendable {
    case capabilities(FeedCapabilities)
    case overview(Overview)
    /// So many messages are in the queue, of which the recording may have fewer.
    case queued(Int)
    /// A message of the queue, new or as it is now.
    case row(QueueRow)
    /// The message of this queue ID is no longer in the queue, or no longer among those that are recorded.
    case departed(String)
    /// A session, new or as it is now.
    case session(ConnectionRow)
    /// The session of this identifier is no longer kept.
    case closed(String)
    case fact(FactRow)
    /// A fact with what a journal knows of it besides.
    case entry(JournalEntry)
    /// So many facts came before the next one, of which the recording may lack some.
    case facts(Int)
    case rules([RuleRow])
    /// Everything known of one message.
    case message(MessageDetail)
    /// What was known of the message of this queue ID is dropped.
    case forgotten(String)
    /// The next lines of a session's dialogue.
    case lines(RecordedLines)
    /// The dialogue of the session of this identifier is dropped.
    case erased(String)
    /// The node does not answer, for this reason; `nil`: it does again.
    case silent(String?)
    /// What was there and is not in the recording, so far.
    case missed(MissedDetails)
}

/// How much of what happened at a node is not in its recording: the node no longer had it when it was asked, or there was no
/// time to ask.
public struct MissedDetails: Hashable, Sendable, Codable {
    public var facts = 0
    /// That cannot be opened.
    public var messages = 0
    public var dialogues = 0
    public init() {}

    /// `12 facts, 1,204 dialogues`; `nil`: nothing is.
    public var words: String? {
        let counts = [(self.facts, "fact"), (self.messages, "message"), (self.dialogues, "dialogue")].filter {
            $0.0 > 0
        }
        return counts.isEmpty ? nil : counts.map { Format.plural($0.0, $0.1) }.joined(separator: ", ")
    }

    static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.facts += right.facts
        sum.messages += right.messages
        sum.dialogues += right.dialogues
        return sum
    }
}

/// What was said next in a session.
public struct RecordedLines: Hashable, Sendable, Codable {
    /// As it was then.
    public var session: ConnectionRow
    public var lines: [TranscriptLine]
    /// The number after the session's last line.
    public var end: Int
    /// Lines that the node dropped from the middle.
    public var elided: Int
}

/// A line of a recording: `{"node":0,"row":{…}}`.
struct RecordedLine: Hashable, Sendable {
    /// The node's place in the header's list.
    var node: Int
    var change: RecordedChange
}

extension RecordedLine: Codable {
    enum Key: String, CodingKey, CaseIterable {
        case node, capabilities, overview, queued, row, departed, session, closed, fact, facts, rules, message,
            forgotten
        case lines, erased, silent, missed, entry
    }

    /// - Throws: where no kind is named that is known here.
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func value<Value: Decodable>(_ key: Key) throws -> Value { try container.decode(Value.self, forKey: key) }
        self.node = try value(.node)
        guard let key = container.allKeys.first(where: { $0 != .node }) else {
            throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "nothing that is known"))
        }
        self.change =
            switch key {
            case .capabilities: .capabilities(try value(key))
            case .overview: .overview(try value(key))
            case .queued: .queued(try value(key))
            case .row: .row(try value(key))
            case .departed: .departed(try value(key))
            case .session: .session(try value(key))
            case .closed: .closed(try value(key))
            case .fact: .fact(try value(key))
            case .facts: .facts(try value(key))
            case .entry: .entry(try value(key))
            case .rules: .rules(try value(key))
            case .message: .message(try value(key))
            case .forgotten: .forgotten(try value(key))
            case .lines: .lines(try value(key))
            case .erased: .erased(try value(key))
            case .silent: .silent(try value(key))
            case .missed: .missed(try value(key))
            case .node: preconditionFailure("the node is no change")
            }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(self.node, forKey: .node)
        switch self.change {
        case .capabilities(let value): try container.encode(value, forKey: .capabilities)
        case .overview(let value): try container.encode(value, forKey: .overview)
        case .queued(let value): try container.encode(value, forKey: .queued)
        case .row(let value): try container.encode(value, forKey: .row)
        case .departed(let value): try container.encode(value, forKey: .departed)
        case .session(let value): try container.encode(value, forKey: .session)
        case .closed(let value): try container.encode(value, forKey: .closed)
        case .fact(let value): try container.encode(value, forKey: .fact)
        case .facts(let value): try container.encode(value, forKey: .facts)
        case .entry(let value): try container.encode(value, forKey: .entry)
        case .rules(let value): try container.encode(value, forKey: .rules)
        case .message(let value): try container.encode(value, forKey: .message)
        case .forgotten(let value): try container.encode(value, forKey: .forgotten)
        case .lines(let value): try container.encode(value, forKey: .lines)
        case .erased(let value): try container.encode(value, forKey: .erased)
        case .silent(let value): try container.encode(value, forKey: .silent)
        case .missed(let value): try container.encode(value, forKey: .missed)
        }
    }
}

/// The line that begins a moment; what stands behind it, up to the next one, was so then.
struct MomentLine: Hashable, Sendable, Codable {
    var moment: Timestamp
    /// All that is known follows, so that nothing from before is needed; `nil`: what changed.
    var whole: Bool?
}

/// The first line of a recording.
public struct RecordingHeader: Hashable, Sendable, Codable {
    /// The form of the file. A program refuses one that is newer than its own; kinds of lines that it does not know it
    /// skips, so that those may be added without a new number.
    public static let newestFormat = 1

    public var recording: Int
    /// The program that wrote it: `hoptop 0.1.0`.
    public var software: String
    /// The nodes' names, by whose places lines name them.
    public var nodes: [String]
    public var begins: Timestamp
    /// Names and content were replaced.
    public var isRedacted: Bool
    /// At most so many rows of a node's queue are in it at a moment.
    public var rows: Int

    enum CodingKeys: String, CodingKey {
        case recording, software, nodes, begins, rows
        case isRedacted = "redacted"
    }
    public init(software: String, nodes: [String], begins: Timestamp, isRedacted: Bool, rows: Int) {
        self.recording = Self.newestFormat
        self.software = software
        self.nodes = nodes
        self.begins = begins
        self.isRedacted = isRedacted
        self.rows = rows
    }
}
