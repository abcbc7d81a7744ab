import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import SMTP
import Spool

/// A MAIL or a RCPT that a standing rule refused.
struct RefusedCommand: Sendable {
    var rule: StandingRule
    var reply: Reply
    var from: ReversePath
    /// `nil`: it was MAIL.
    var to: ForwardPath?
    var arrival: Arrival
    var at: Timestamp
}

/// Makes facts of what standing rules refuse, so that somebody who asks for that mail is answered. From any thread.
///
/// The first refusal is a fact at once. Those like it within the next seconds, by rule, paths and client, are counted and
/// become one fact at the end of these; so does, for each rule, what comes beyond ``kindsAtMost`` different ones. A flood
/// costs so some facts a second, however many refuse what.
final class RefusalFacts: Sendable {
    static let gathering = TimeAmount.seconds(10)
    static let kindsAtMost = 50

    private struct Kind: Hashable {
        var rule: Int64
        var from: ReversePath
        var to: ForwardPath?
        var client: String?
    }
    private struct Repeated {
        var last: RefusedCommand
        /// Behind the first, which is told.
        var more = 0
    }
    private struct State {
        var kinds: [Kind: Repeated] = [:]
        /// Of kinds beyond the bound, by their rules.
        var others: [Int64: Repeated] = [:]
        var isGathering = false
    }
    private let spool: any Spool
    private let loop: any EventLoop
    private let log: Logger
    private let signal: ChangeSignal
    private let state = NIOLockedValueBox(State())

    init(_ spool: any Spool, loop: any EventLoop, log: Logger, signal: ChangeSignal) {
        self.spool = spool
        self.loop = loop
        self.log = log
        self.signal = signal
    }

    func refused(_ command: RefusedCommand) {
        let kind = Kind(
            rule: command.rule.id, from: command.from, to: command.to,
            client: command.arrival.peer.map { SocketEndpoint($0)?.host ?? $0 })
        let (isFirst, begins) = self.state.withLockedValue { state in
            let begins = !state.isGathering
            state.isGathering = true
            if state.kinds[kind] != nil {
                state.kinds[kind]?.last = command
                state.kinds[kind]?.more += 1
            } else if state.kinds.count < Self.kindsAtMost {
                state.kinds[kind] = Repeated(last: command)
                return (true, begins)
            } else {
                state.others[command.rule.id, default: Repeated(last: command)].more += 1
                state.others[command.rule.id]?.last = command
            }
            return (false, begins)
        }
        if isFirst { self.write([command.fact(remark: nil)]) }
        if begins { self.loop.scheduleTask(in: Self.gathering) { self.write(self.takeCounted()) } }
    }

    /// Tells what is counted by now; when the engine ends.
    func tell() async {
        try? await self.write(self.takeCounted()).get()
    }

    private func takeCounted() -> [Fact] {
        let state = self.state.withLockedValue { state in
            defer { state = State() }
            return state
        }
        let repeated = state.kinds.values.filter { $0.more > 0 }.map {
            $0.last.fact(remark: "\($0.more) more like it within \(Self.gathering.nanoseconds / 1_000_000_000)s")
        }
        let others = state.others.values.map { others in
            var fact = others.last.fact(
                remark: "\(others.more) more, of others too, within \(Self.gathering.nanoseconds / 1_000_000_000)s")
            (fact.from, fact.to, fact.arrival, fact.session) = (nil, nil, nil, nil)
            return fact
        }
        return (repeated + others).sorted { $0.at < $1.at }
    }

    @discardableResult
    private func write(_ facts: [Fact]) -> EventLoopFuture<Void> {
        guard !facts.isEmpty else { return self.loop.makeSucceededVoidFuture() }
        let written = self.spool.note(facts, on: self.loop)
        written.whenComplete { result in
            switch result {
            case .success: self.signal.raise(.facts)
            case .failure(let error):
                self.log.error(
                    "refusals could not be written down", metadata: ["count": "\(facts.count)", "error": "\(error)"])
            }
        }
        return written
    }
}

extension RefusedCommand {
    /// - Parameter remark: how many were like it.
    fileprivate func fact(remark: String?) -> Fact {
        let words = ["rule \(self.rule.id)", remark].compactMap { $0 }.joined(separator: ", ")
        return Fact(
            at: self.at, kind: .refused, message: nil, from: self.from.description, to: self.to?.description,
            text: "\(self.reply) (\(words))", session: self.arrival.session, actor: self.rule.by,
            arrival: self.arrival)
    }
}
