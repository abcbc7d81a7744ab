import Logging
import Mail
import Monitor
import Relay
import SMTP
import Spool

/// Something that is logged, before it has a form.
struct LogEntry: Sendable {
    enum Value: Sendable, Hashable {
        case text(String)
        case number(Int64)
    }
    var at: Timestamp
    var level: Logger.Level
    var part: LogPart
    /// `relayed`, or a sentence.
    var event: String
    /// Of what is no fact, in the order in which a line has them.
    var fields: [(name: String, value: Value)] = []
    /// What it is a line about, where it is a fact; its fields are those of ``Fact/fields``.
    var fact: Fact?
    /// How many the message of an accepted fact has, where that is known.
    var recipients: Int?
    /// When the fact's message came in, where that is known to the millisecond.
    var arrived: Timestamp?

    func text(_ name: String) -> String? {
        for field in self.fields where field.name == name {
            if case .text(let text) = field.value { return text }
        }
        return nil
    }
}

extension LogEntry {
    init(_ fact: Fact) {
        self.init(at: fact.at, level: fact.kind.level, part: fact.kind.part, event: fact.kind.rawValue, fact: fact)
    }
}

extension Fact {
    /// What is known of it, by the names of the API, in the order in which a line has them.
    var fields: [(name: String, value: LogEntry.Value)] {
        var fields: [(name: String, value: LogEntry.Value)] = []
        func add(_ name: String, _ text: String?) { if let text { fields.append((name, .text(text))) } }
        func add(_ name: String, _ number: Int64?) { if let number { fields.append((name, .number(number))) } }
        add("message", self.message?.description)
        add("from", self.from)
        add("to", self.to)
        add("nextHop", self.nextHop)
        add("remoteID", self.remoteID)
        add("messageID", self.messageID)
        add("contentOctets", self.contentOctets.map(Int64.init))
        add("milliseconds", self.milliseconds)
        add("text", self.text)
        add("saidBy", self.saidBy?.name)
        if let arrival = self.arrival {
            add("client", arrival.peer)
            add("hello", arrival.hello)
            add("with", arrival.with.isEmpty ? nil : arrival.with)
            add("tls", arrival.tls)
            add("user", arrival.user)
        }
        add("security", self.security?.description)
        add("session", self.session)
        add("actor", self.actor)
        return fields
    }
}

extension FactKind {
    /// Whose level decides whether it is logged.
    var part: LogPart {
        switch self {
        case .accepted, .refused: .reception
        case .deferred, .relayed, .bounced, .expired: .delivery
        case .dropped, .held, .released, .retried, .restored, .reported, .rerouted, .readdressed, .ruleSet, .ruleEnded,
            .limited, .purged, .drained, .undrained, .forgotten:
            .queue
        case .damaged: .spool
        case .closed: .control
        case .reloaded, .shutdown, .reloadFailed: .main
        }
    }
    /// What is done to a node is seldom, and as good to know as what goes wrong.
    var level: Logger.Level { self.isAboutNode ? .notice : .info }
}
