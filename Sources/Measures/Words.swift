/// The few words of a label.
public protocol LabelWord: CaseIterable, RawRepresentable<String>, Hashable, Sendable {}

/// Whose session: a client's with us, or ours with a next hop.
public enum SessionDirection: String, LabelWord { case inbound = "in", outbound = "out" }
public enum OctetFlow: String, LabelWord { case received, sent }
public enum TLSVersion: String, LabelWord { case tls12 = "TLSv1.2", tls13 = "TLSv1.3", other }

public enum SettledOutcome: String, LabelWord { case relayed, bounced, expired, dropped }
/// How an attempt ended.
public enum AttemptResult: String, LabelWord { case answered, unreachable, unresolved, unreadable, untried }
public enum FailureOutcome: String, LabelWord { case deferred, bounced, expired }
/// The subject of an enhanced status code (RFC 3463 §3).
public enum FailureSubject: String, LabelWord {
    case other, address, mailbox, system, network, `protocol`, content, policy
    /// There was no code.
    case none

    /// - Parameter number: the code's second; `nil` without a code.
    public init(_ number: Int?) {
        let known: [FailureSubject] = [.other, .address, .mailbox, .system, .network, .protocol, .content, .policy]
        self = number.map { known.indices.contains($0) ? known[$0] : .other } ?? .none
    }
}

public enum QueueState: String, LabelWord { case queued, active, deferred, hold }
public enum DestinationCondition: String, LabelWord { case ok, backoff, deferring, unrouted, suspended, hold }
public enum SpoolTrouble: String, LabelWord { case space, access, write, stall, drain }
public enum LookupResult: String, LabelWord { case records, none, bogus, failed }
