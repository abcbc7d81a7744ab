import Glibc
import Logging
import Mail
import Monitor
import Relay
import SMTP
import Spool

/// Lines as Postfix's daemons write them, behind the prefix of a syslog file, so that what reads Postfix's log reads ours.
///
/// What we do not know is not made up: a client's name is `unknown`, since we do not ask for it; of the four parts of `delays`
/// the first is all that came before the attempt, and the last is the attempt, with its connection; `relay` names an address
/// only where the route does.
enum PostfixForm {
    static func lines(_ entry: LogEntry) -> String {
        let lines = entry.fact.map { Self.lines($0, of: entry) } ?? [Self.line(entry)]
        return lines.map { Self.line($0.daemon, $0.words, at: entry.at) }.joined()
    }

    /// Nothing of the message is queued any more.
    static func removed(_ id: QueueID, at time: Timestamp) -> String { Self.line("qmgr", "\(id): removed", at: time) }

    private typealias Line = (daemon: String, words: String)

    private static let host: String = {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0, name[0] != 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    private static func line(_ daemon: String, _ words: String, at time: Timestamp) -> String {
        SafeText.describing("\(time.rfc3339) \(self.host) postfix/\(daemon)[\(getpid())]: \(words)") + "\n"
    }

    // MARK: facts

    private static func lines(_ fact: Fact, of entry: LogEntry) -> [Line] {
        guard let id = fact.message else { return [("qmgr", Self.others(fact))] }
        // The identifier knows the second.
        let age = max(fact.at.since(entry.arrived ?? id.time), 0)
        switch fact.kind {
        case .accepted: return Self.accepted(id, fact, entry.recipients)
        case .relayed: return [("smtp", Self.delivered(id, fact, "sent", age))]
        case .deferred: return [("smtp", Self.delivered(id, fact, "deferred", age))]
        case .bounced: return [("smtp", Self.delivered(id, fact, "bounced", age))]
        case .expired:
            return [
                ("smtp", Self.delivered(id, fact, "deferred", age)),
                ("qmgr", "\(id): from=\(Self.address(fact.from)), status=expired, returned to sender"),
            ]
        case .reported:
            return [("bounce", "\(id): sender non-delivery notification: \(fact.text ?? "")")]
        case .held: return [("smtpd", Self.set(aside: id, fact, "hold")), ("postsuper", "\(id): placed on hold")]
        case .released: return [("postsuper", "\(id): released from hold")]
        case .retried: return [("postsuper", "\(id): requeued")]
        case .dropped: return [("smtpd", Self.set(aside: id, fact, "discard"))]
        case .restored, .damaged, .rerouted, .readdressed, .ruleSet, .ruleEnded, .refused, .limited, .purged, .closed,
            .drained, .undrained, .forgotten, .reloaded, .shutdown, .reloadFailed:
            return [("qmgr", Self.others(fact))]
        }
    }

    /// As of mail that an access table holds or discards, which is counted by what reads Postfix's log; whose client it was
    /// is with the message's first line.
    private static func set(aside id: QueueID, _ fact: Fact, _ action: String) -> String {
        let reason = [fact.actor.map { "by \($0)" }, fact.text].compactMap { $0 }.joined(separator: ": ")
        return "\(id): \(action): RCPT from unknown[unknown]: \(self.address(fact.to)): \(reason); "
            + "from=\(self.address(fact.from)) to=\(self.address(fact.to)) proto=SMTP helo=<>"
    }

    /// What Postfix has no words for.
    private static func others(_ fact: Fact) -> String {
        (fact.message.map { "\($0): " } ?? "") + TextForm.words(fact)
    }

    private static func accepted(_ id: QueueID, _ fact: Fact, _ recipients: Int?) -> [Line] {
        var lines: [Line] = []
        if let arrival = fact.arrival, let peer = arrival.peer {
            let words = peer.split(separator: " (uid ")
            if words.count == 2 {
                lines.append(("pickup", "\(id): uid=\(words[1].dropLast()) from=\(Self.address(fact.from))"))
            } else {
                let user = arrival.user.map { ", sasl_username=\(Self.word($0))" } ?? ""
                lines.append(("smtpd", "\(id): client=\(Self.client(peer))\(user)"))
            }
        }
        if let messageID = fact.messageID { lines.append(("cleanup", "\(id): message-id=\(Self.word(messageID))")) }
        let count = recipients.map { ", nrcpt=\($0)" } ?? ""
        lines.append(
            ("qmgr", "\(id): from=\(Self.address(fact.from)), size=\(fact.contentOctets ?? 0)\(count) (queue active)"))
        return lines
    }

    private static func delivered(_ id: QueueID, _ fact: Fact, _ status: String, _ age: Int64) -> String {
        let reply = fact.text ?? ""
        let attempt = min(fact.milliseconds ?? 0, age)
        let isHosts = fact.saidBy == .nextHop
        let words = isHosts && status != "sent" ? "host \(fact.nextHop ?? "?") said: \(reply)" : reply
        return "\(id): to=\(Self.address(fact.to)), relay=\(fact.nextHop.map(Self.relay) ?? "none"), "
            + "delay=\(Self.seconds(age)), delays=\(Self.seconds(age - attempt))/0/0/\(Self.seconds(attempt)), "
            + "dsn=\(Self.code(reply, isHosts: isHosts, status)), status=\(status) (\(words))"
    }

    /// The enhanced status code of `450 4.2.0 greylisted`, or a general one.
    private static func code(_ reply: String, isHosts: Bool, _ status: String) -> String {
        let words = reply.split(separator: " ", maxSplits: 2)
        if words.count > 1, words[0].utf8.count == 3, Int(words[0]) != nil, EnhancedStatusCode(words[1]) != nil {
            return String(words[1])
        }
        return switch status {
        case "sent": "2.0.0"
        case "bounced": "5.0.0"
        default: isHosts ? "4.0.0" : "4.4.1"
        }
    }

    /// Two digits or so, as Postfix has it.
    private static func seconds(_ milliseconds: Int64) -> String {
        switch milliseconds {
        case ..<10: "0"
        case ..<100: "0.0\(milliseconds / 10)"
        case ..<1000: "0.\(milliseconds / 10)"
        case ..<10_000: "\(milliseconds / 1000).\(milliseconds % 1000 / 100)"
        default: "\(milliseconds / 1000)"
        }
    }

    /// `127.0.0.1:2526` is `127.0.0.1[127.0.0.1]:2526`.
    private static func relay(_ nextHop: String) -> String {
        guard let endpoint = SocketEndpoint(nextHop), Network.octets(endpoint.host) != nil else {
            return self.word(nextHop)
        }
        return "\(endpoint.host)[\(endpoint.host)]:\(endpoint.port)"
    }

    /// `192.0.2.7:40112` is `unknown[192.0.2.7]`.
    private static func client(_ peer: String) -> String {
        "unknown[\(SocketEndpoint(peer)?.host ?? self.word(peer))]"
    }

    // MARK: what clients are refused, and the rest

    private static func line(_ entry: LogEntry) -> Line {
        let client = entry.text("client").map(self.client) ?? "unknown[unknown]"
        switch (entry.part, entry.event) {
        case (.reception, ReceptionEvent.refused):
            let command = entry.text("command") ?? ""
            let verb = command.prefix(4).uppercased()
            let to = verb == "RCPT" ? " to=\(self.address(self.path(in: command)))" : ""
            return (
                "smtpd",
                "NOQUEUE: reject: \(verb.isEmpty ? "CONNECT" : verb) from \(client): \(entry.text("reply") ?? ""); "
                    + "from=\(self.address(entry.text("from")))\(to) proto=\(entry.text("with") ?? "SMTP") "
                    + "helo=<\(self.word(entry.text("hello") ?? ""))>"
            )
        case (.reception, ReceptionEvent.begun): return ("smtpd", "connect from \(client)")
        case (.reception, ReceptionEvent.ended): return ("smtpd", "disconnect from \(client)")
        default:
            let severity =
                switch entry.level {
                case .trace, .debug, .info, .notice: ""
                case .warning: "warning: "
                case .error: "error: "
                case .critical: "fatal: "
                }
            return (entry.part.daemon, severity + TextForm.words(entry))
        }
    }

    /// What stands in the angle brackets of a command.
    private static func path(in command: String) -> String? {
        guard let start = command.firstIndex(of: "<"), let end = command[start...].firstIndex(of: ">") else {
            return nil
        }
        return String(command[start...end])
    }

    /// With angle brackets around it and none in it, so that what reads lines finds its end; spaces and quotation marks are as
    /// they came, as Postfix has them.
    private static func address(_ path: String?) -> String {
        guard let path else { return "<>" }
        let inner = path.hasPrefix("<") && path.hasSuffix(">") ? path.dropFirst().dropLast() : path[...]
        return "<\(inner.map { "<>".contains($0) ? "?" : String($0) }.joined())>"
    }

    private static func word(_ text: String) -> String {
        text.map { ", ".contains($0) ? "?" : String($0) }.joined()
    }
}

extension LogPart {
    /// The daemon of Postfix that does most of what this part does.
    fileprivate var daemon: String {
        switch self {
        case .main, .control: "master"
        case .reception: "smtpd"
        case .delivery, .dns: "smtp"
        case .queue: "qmgr"
        case .spool: "cleanup"
        }
    }
}
