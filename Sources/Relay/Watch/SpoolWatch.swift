import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SMTP
import Spool

/// Whether the spool takes mail, and if not, why: looked at once a second, and told by every write that fails.
///
/// While something is wrong new mail is refused at MAIL, the operator sees why, and the log says when it began and when
/// it was over. What is in the queue stays there.
final class SpoolWatch: Sendable {
    /// What can be wrong, each by itself.
    enum Cause: Sendable, CaseIterable {
        /// Less is free than the configuration wants.
        case space
        /// The spool is gone, read-only, or cannot be opened.
        case access
    }

    private struct Trouble {
        var code: SpoolError.Code
        var words: String
    }

    private struct State {
        /// Octets that are to stay free; 0: no matter.
        var floor: Int
        /// As last seen.
        var free: Int?
        var troubles: [Cause: Trouble] = [:]
        var isLooking = false
    }

    private static let interval = TimeAmount.seconds(1)

    private let spool: any SpoolCondition
    private let threads: NIOThreadPool
    private let loop: any EventLoop
    private let log: Logger
    private let signal: ChangeSignal
    private let state: NIOLockedValueBox<State>

    /// - Parameters:
    ///   - floor: octets that are to stay free; 0: no matter.
    ///   - loop: keeps the time.
    init(
        _ spool: any SpoolCondition, floor: Int, threads: NIOThreadPool, loop: any EventLoop, log: Logger,
        signal: ChangeSignal
    ) {
        self.spool = spool
        self.threads = threads
        self.loop = loop
        self.log = log
        self.signal = signal
        self.state = NIOLockedValueBox(State(floor: floor))
    }

    // MARK: from any thread

    /// Why new mail is not taken now; `nil`: it is.
    ///
    /// - Parameter octets: what the client declared (RFC 1870), which has to fit above the floor.
    func refusal(of octets: Int?) -> Reply? {
        let (codes, fits) = self.state.withLockedValue { state in
            let room = state.free.map { $0 - state.floor } ?? .max
            return (state.troubles.values.map(\.code), state.floor == 0 || octets ?? 0 <= room)
        }
        if codes.contains(.full) || codes.isEmpty && !fits { return Self.full }
        return codes.isEmpty ? nil : Self.unavailable
    }

    /// Nothing is lost by a 4yz: the client keeps the message.
    static func refusal(after error: any Error) -> Reply {
        (error as? SpoolError)?.code == .full ? self.full : self.unavailable
    }

    private static let full = Reply(452, EnhancedStatusCode(4, 3, 1), "Insufficient system storage")
    private static let unavailable = Reply(
        451, EnhancedStatusCode(4, 3, 0), "The message could not be stored, try again later")

    var isAccepting: Bool { self.state.withLockedValue { $0.troubles.isEmpty } }

    /// What an operator should know.
    var attention: [Attention] {
        self.state.withLockedValue { state in
            Cause.allCases.compactMap { cause in
                state.troubles[cause].map { Attention(severity: .failure, subject: "spool", text: $0.words) }
            }
        }
    }

    func reload(floor: Int) { self.state.withLockedValue { $0.floor = floor } }

    // MARK: looking

    /// Looks now, and from then on once a second until the returned task is cancelled.
    func start() async -> RepeatedTask {
        try? await self.look().get()
        return self.loop.scheduleRepeatedTask(initialDelay: Self.interval, delay: Self.interval) { _ in _ = self.look()
        }
    }

    /// Completes when it is known; at once while an earlier look is still under way.
    private func look() -> EventLoopFuture<Void> {
        let isFree = self.state.withLockedValue { state in
            defer { state.isLooking = true }
            return !state.isLooking
        }
        guard isFree else { return self.loop.makeSucceededVoidFuture() }
        return self.threads.runIfActive(eventLoop: self.loop) {
            Result { () throws(SpoolError) in try self.spool.freeOctets() }
        }.map { self.saw($0) }
    }

    private func saw(_ result: Result<Int?, SpoolError>) {
        self.state.withLockedValue { $0.isLooking = false }
        switch result {
        case .failure(let error): self.began(.access, Trouble(code: error.code, words: error.description))
        case .success(let free):
            self.over(.access)
            let (floor, isLow) = self.state.withLockedValue { state in
                state.free = free
                // It is over only when a little more is free, so that it does not come and go at the edge.
                let edge = state.troubles[.space] == nil ? state.floor : state.floor + state.floor / 8
                return (state.floor, free.map { $0 < edge } ?? false)
            }
            guard isLow, let free else { return self.over(.space) }
            let words =
                "\(Self.text(octets: free)) free on its disk, less than spool.free-space = \(Self.text(octets: floor)): "
                + "new mail is refused until there is room"
            self.began(.space, Trouble(code: .full, words: words))
        }
    }

    /// What is wrong may go on in other words; only its beginning is logged.
    private func began(_ cause: Cause, _ trouble: Trouble) {
        let isNew = self.state.withLockedValue { state in
            defer { state.troubles[cause] = trouble }
            return state.troubles[cause] == nil
        }
        guard isNew else { return }
        self.log.error("the spool takes no new mail", metadata: ["reason": "\(trouble.words)"])
        self.signal.raise(.queue)
    }

    private func over(_ cause: Cause) {
        let (ended, others) = self.state.withLockedValue { state in
            (state.troubles.removeValue(forKey: cause), state.troubles.values.map(\.words))
        }
        guard let ended else { return }
        if let other = others.first {
            self.log.notice(
                "one trouble of the spool is over", metadata: ["was": "\(ended.words)", "left": "\(other)"])
        } else {
            self.log.notice("the spool takes mail again", metadata: ["was": "\(ended.words)"])
        }
        self.signal.raise(.queue)
    }

    private static func text(octets: Int) -> String {
        octets < 10_000_000 ? "\(octets / 1000) kB" : "\(octets / 1_000_000) MB"
    }
}
