import Logging
import Mail
import Monitor
import Relay
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
    /// In the order in which a line has them.
    var fields: [(name: String, value: Value)] = []
    /// What it is a line about, where it is a fact.
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
    /// Its fields have the names that they have in the API.
    init(_ fact: Fact) {
        self.init(at: fact.at, level: .info, part: fact.kind.part, event: fact.kind.rawValue, fact: fact)
        func add(_ name: String, _ text: String?) { if let text { self.fields.append((name, .text(text))) } }
        func add(_ name: String, _ number: Int64?) { if let number { self.fields.append((name, .number(number))) } }
        add("message", fact.message?.description)
        add("from", fact.from)
        add("to", fact.to)
        add("nextHop", fact.nextHop)
        add("remoteID", fact.remoteID)
        add("messageID", fact.messageID)
        add("contentOctets", fact.contentOctets.map(Int64.init))
        add("milliseconds", fact.milliseconds)
        add("text", fact.text)
        if let arrival = fact.arrival {
            add("client", arrival.peer)
            add("hello", arrival.hello)
            add("with", arrival.with.isEmpty ? nil : arrival.with)
            add("tls", arrival.tls)
            add("user", arrival.user)
        }
        add("security", fact.security?.description)
        add("session", fact.session)
        add("actor", fact.actor)
    }
}

extension Fact.Kind {
    /// Whose level decides whether it is logged.
    var part: LogPart {
        switch self {
        case .accepted, .refused: .reception
        case .deferred, .relayed, .bounced, .expired: .delivery
        case .dropped, .held, .released, .retried, .restored, .reported, .rerouted, .readdressed, .ruleSet, .ruleEnded,
            .limited:
            .queue
        case .damaged: .spool
        }
    }
}
