import CoreMetrics
import Mail
import Measures
import Monitor
import NIOCore
import SMTP
import Spool

/// What the engine counts as it goes: each is an atomic addition, from any event loop. What is counted elsewhere already (by
/// the spool, the registry of sessions, the queue's index) is looked up instead, when somebody asks.
final class EngineMeasures: Sendable {
    /// Counts nowhere.
    static let none = EngineMeasures(on: NOOPMetricsHandler.instance)

    private let acceptance: CoreMetrics.Timer
    private let failedLogins: Counter
    private let refusals: [Int: Counter]
    private let otherRefusals: Counter
    private let handshakes: [SessionDirection: [TLSVersion: Counter]]
    private let attempts: [AttemptResult: Counter]
    private let attemptDuration: CoreMetrics.Timer
    private let deliveryDelay: CoreMetrics.Timer
    private let failures: [FailureOutcome: [FailureSubject: Counter]]

    init(on board: any MetricsFactory) {
        self.acceptance = Metric.acceptance.timer(on: board)
        self.failedLogins = Metric.failedLogins.counter(on: board)
        self.refusals = Dictionary(
            uniqueKeysWithValues: Metric.refusalCodes.map { ($0, Metric.refusals.counter("\($0)", on: board)) })
        self.otherRefusals = Metric.refusals.counter("other", on: board)
        self.handshakes = Metric.tlsSessions.counters(SessionDirection.self, TLSVersion.self, on: board)
        self.attempts = Metric.attempts.counters(AttemptResult.self, on: board)
        self.attemptDuration = Metric.attemptDuration.timer(on: board)
        self.deliveryDelay = Metric.deliveryDelay.timer(on: board)
        self.failures = Metric.failures.counters(FailureOutcome.self, FailureSubject.self, on: board)
    }

    /// A message became durable.
    func accepted(after time: TimeAmount) { self.acceptance.recordNanoseconds(time.nanoseconds) }

    func loginFailed() { self.failedLogins.increment() }

    /// A client was told so.
    func replied(_ reply: Reply) {
        guard !reply.code.isPositive else { return }
        (self.refusals[Int(reply.code.rawValue)] ?? self.otherRefusals).increment()
    }

    /// - Parameter version: `TLSv1.3`.
    func secured(_ direction: ConnectionRow.Direction, _ version: String?) {
        self.handshakes[direction == .inbound ? .inbound : .outbound]?[
            version.flatMap { TLSVersion(rawValue: $0) } ?? .other]?.increment()
    }

    func attempted(_ result: JobResult) {
        let word: AttemptResult =
            switch result.verdict {
            case .outcomes: .answered
            case .unreachable: .unreachable
            case .unresolved: .unresolved
            case .unreadable, .away, .damaged: .unreadable
            case .untried, .changed, .suspended: .untried
            }
        self.attempts[word]?.increment()
        if word != .untried { self.attemptDuration.recordMilliseconds(result.milliseconds) }
    }

    /// - Parameter milliseconds: since arrival.
    func settled(_ outcome: Settlement.Outcome, after milliseconds: Int64) {
        switch outcome.state {
        case .relayed: self.deliveryDelay.recordMilliseconds(milliseconds)
        case .deferred: if outcome.countsAsTry { self.failed(.deferred, outcome) }
        case .bounced: self.failed(.bounced, outcome)
        case .expired: self.failed(.expired, outcome)
        case .queued, .active, .hold, .dropped: break
        }
    }

    private func failed(_ word: FailureOutcome, _ outcome: Settlement.Outcome) {
        guard outcome.actor == nil else { return }  // An operator's decision is no failure.
        self.failures[word]?[FailureSubject(outcome.reply.flatMap(Self.subject))]?.increment()
    }

    /// `450 4.2.0 greylisted` is about 2; `nil` where there is no enhanced status code.
    static func subject(of reply: String) -> Int? {
        let words = reply.prefix(24).split(separator: " ", maxSplits: 2)
        guard words.count > 1, words[0].utf8.count == 3, Int(words[0]) != nil else { return nil }
        return EnhancedStatusCode(words[1]).map { Int($0.subject) }
    }
}
