import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SMTP
import Spool

/// Whether the spool takes mail, and if not, why: looked at once a second, and told by every write that fails. While no mail
/// comes, nothing is written and nothing is wrong, it is looked at less often, so that an idle relay sleeps.
///
/// While something is wrong new mail is refused at MAIL, the operator sees why, and the log says when it began and when
/// it was over. What is in the queue stays there.
final class SpoolWatch: Sendable {
    /// What can be wrong, each by itself.
    enum Cause: Sendable, CaseIterable {
        /// The disk has less free than the configuration wants.
        case space
        /// The spool is gone, read-only, or cannot be opened.
        case access
        /// A write failed, and none has worked since.
        case write
        /// A write, or a look, does not end. It is told, mail that would wait behind it is refused, and the write is begun
        /// again as far as the kernel lets go of the thread that waits for it.
        case stall
        /// Nothing is wrong: an operator wants the node empty, and other nodes take its mail.
        case drain
    }

    private struct Trouble {
        var code: SpoolError.Code
        var kind: Attention.Kind
        /// The trouble in words, for the log.
        var words: String {
            switch self.kind {
            case .spoolLow(let free, let wanted):
                "only \(SpoolWatch.text(octets: free)) free, mail is refused below "
                    + "\(SpoolWatch.text(octets: wanted)) (spool.free-space)"
            case .spoolFailing(let error): error
            case .spoolStalled(let seconds): "its disk or database has not answered for \(seconds) s"
            case .draining: "this node drains"
            case .unrouted, .backoff, .deferring, .suspended, .damaged, .unreachable, .journalFailing, .nodeGone,
                .unknown:
                ""
            }
        }
    }

    private struct State {
        /// Octets that are to stay free; 0: no matter.
        var floor: Int
        /// Octets that were free when it last looked.
        var free: Int?
        var troubles: [Cause: Trouble] = [:]
        /// The time since when a look is under way.
        var lookingSince: NIODeadline?
        var nextRestart = NIODeadline.now()
        var isTrying = false
        var nextTry = NIODeadline.now()
        /// The wait before the first try to write; longer where writes fail again soon after one worked.
        var patience = SpoolWatch.shortestPatience
        var lastWorked: NIODeadline?
        /// Somebody asked, or was told of trouble, since the last look.
        var isWanted = true
        /// The next look is a while away.
        var isResting = false
        var nextLook: Scheduled<Void>?
        var isStopped = false
    }

    private static let interval = TimeAmount.seconds(1)
    /// Shorter than `stall`, so that a write that does not end is told of in time.
    private static let restInterval = TimeAmount.seconds(10)
    private static let shortestPatience = TimeAmount.seconds(2)
    private static let longestPatience = TimeAmount.seconds(60)
    /// No write of a disk that works takes that long.
    private static let stall = TimeAmount.seconds(15)

    private let spool: any SpoolCondition
    private let threads: NIOThreadPool
    private let loop: any EventLoop
    private let log: Logger
    private let signal: ChangeSignal
    private let state: NIOLockedValueBox<State>
    let damagedMail: DamagedMail

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
        self.damagedMail = DamagedMail(log: log, signal: signal)
        self.state = NIOLockedValueBox(State(floor: floor))
    }

    // MARK: from any thread

    /// Why new mail is not taken now; `nil`: it is.
    ///
    /// - Parameter octets: what the client declared (RFC 1870), which has to fit above the floor.
    func refusal(of octets: Int?) -> Reply? {
        self.wake()
        let (codes, fits, onlyDrains) = self.state.withLockedValue { state in
            let room = state.free.map { $0 - state.floor } ?? .max
            return (
                state.troubles.values.map(\.code), state.floor == 0 || octets ?? 0 <= room,
                state.troubles.keys.elementsEqual([.drain])
            )
        }
        if onlyDrains { return Self.draining }
        if codes.contains(.full) || codes.isEmpty && !fits { return Self.full }
        return codes.isEmpty ? nil : Self.unavailable
    }

    /// Somebody wants to know how it is: what is told next is of this second.
    func isAsked() { self.wake() }

    /// Large content goes on being written; what was free at MAIL may be gone by now.
    ///
    /// - Parameter octets: that are about to be written.
    func refusal(ofPiece octets: Int) -> Reply? {
        self.state.withLockedValue { state in
            guard state.floor > 0, let free = state.free else { return nil }
            state.free = free - octets
            return free < state.floor ? Self.full : nil
        }
    }

    /// Nothing is lost by a 4yz: the client keeps the message.
    static func refusal(after error: any Error) -> Reply {
        (error as? SpoolError)?.code == .full ? self.full : self.unavailable
    }

    private static let full = Reply(452, EnhancedStatusCode(4, 3, 1), "Insufficient system storage")
    private static let draining = Reply(
        451, EnhancedStatusCode(4, 3, 2), "This relay takes no mail for now, try again later")
    private static let unavailable = Reply(
        451, EnhancedStatusCode(4, 3, 0), "The message could not be stored, try again later")

    /// A write of mail, or of what became of it, did not work; from here on it is tried until one does.
    func failed(_ error: any Error) {
        let code = (error as? SpoolError)?.code ?? .unavailable
        self.began(.write, Trouble(code: code, kind: .spoolFailing(error: "\(error)")))
    }

    /// The node drains from now on, or no more.
    func drains(_ isDraining: Bool) {
        self.state.withLockedValue {
            $0.troubles[.drain] = isDraining ? Trouble(code: .unavailable, kind: .draining) : nil
        }
        self.signal.raise(.queue)
    }

    /// Whether writes are believed to work.
    var isWriting: Bool { self.state.withLockedValue { $0.troubles[.write] == nil } }
    var isAccepting: Bool { self.state.withLockedValue { $0.troubles.isEmpty } }

    /// What is wrong now, in words, and the octets that were free when it last looked; `nil`: that is not known.
    var condition: (troubles: [Cause: String], free: Int?) {
        self.state.withLockedValue { ($0.troubles.mapValues(\.words), $0.free) }
    }

    /// What an operator should know.
    var attention: [Attention] {
        let troubles = self.state.withLockedValue { state in
            Cause.allCases.compactMap { cause in
                state.troubles[cause].map { Attention(.failure, $0.kind) }
            }
        }
        return troubles + [self.damagedMail.attention].compactMap { $0 }
    }

    func reload(floor: Int) { self.state.withLockedValue { $0.floor = floor } }

    // MARK: looking

    /// Looks now, and from then on again and again until ``stop()``.
    func start() async {
        try? await self.look().get()
        self.loop.execute { self.armNextLook() }
    }

    func stop() {
        self.state.withLockedValue { state in
            state.isStopped = true
            state.nextLook?.cancel()
        }
    }

    /// From any thread: what is going on is looked at every second.
    private func wake() {
        let wasResting = self.state.withLockedValue { state in
            defer { state.isResting = false }
            state.isWanted = true
            return state.isResting
        }
        guard wasResting else { return }
        self.loop.execute {
            self.state.withLockedValue { $0.nextLook?.cancel() }
            self.lookAround()
        }
    }

    private func lookAround() {
        _ = self.look()
        self.watchForStalls()
        self.tryWriting()
        self.armNextLook()
    }

    private func armNextLook() {
        let isWriting = self.spool.writingSince != nil
        self.state.withLockedValue { state in
            guard !state.isStopped else { return }
            state.isResting = !state.isWanted && !isWriting && state.troubles.isEmpty
            state.isWanted = false
            let wait = state.isResting ? Self.restInterval : Self.interval
            state.nextLook = self.loop.scheduleTask(in: wait) { self.lookAround() }
        }
    }

    /// Completes when it is known; at once while an earlier look is still under way.
    private func look() -> EventLoopFuture<Void> {
        let isFree = self.state.withLockedValue { state in
            guard state.lookingSince == nil else { return false }
            state.lookingSince = .now()
            return true
        }
        guard isFree else { return self.loop.makeSucceededVoidFuture() }
        return self.threads.runIfActive(eventLoop: self.loop) {
            Result { () throws(SpoolError) in try self.spool.freeOctets() }
        }.map { self.saw($0) }
    }

    private func saw(_ result: Result<Int?, SpoolError>) {
        self.state.withLockedValue { $0.lookingSince = nil }
        switch result {
        case .failure(let error):
            self.began(.access, Trouble(code: error.code, kind: .spoolFailing(error: error.description)))
        case .success(let free):
            self.over(.access)
            // It is over only when a little more is free, so that it does not come and go at the edge.
            let (edge, isLow) = self.state.withLockedValue { state in
                state.free = free
                let edge = state.floor + state.floor / 8
                return (edge, free.map { $0 < (state.troubles[.space] == nil ? state.floor : edge) } ?? false)
            }
            guard isLow, let free else { return self.over(.space) }
            self.began(.space, Trouble(code: .full, kind: .spoolLow(free: free, wanted: edge)))
        }
    }

    private func watchForStalls() {
        let begun = [self.spool.writingSince, self.state.withLockedValue { $0.lookingSince }].compactMap { $0 }
        let longest = begun.map { NIODeadline.now() - $0 }.max() ?? .zero
        guard longest >= Self.stall else { return self.over(.stall) }
        let seconds = Int(longest.nanoseconds / 1_000_000_000)
        self.began(.stall, Trouble(code: .unavailable, kind: .spoolStalled(seconds: seconds)))
        self.restartWrites()
    }

    /// Begins them again, once in the time that a write is given.
    private func restartWrites() {
        let now = NIODeadline.now()
        let isDue = self.state.withLockedValue { state in
            guard state.nextRestart <= now else { return false }
            state.nextRestart = now + Self.stall
            return true
        }
        guard isDue else { return }
        let count = self.spool.restartWrites(since: now - Self.stall)
        guard count > 0 else { return }  // Something only looks at the disk.
        self.log.notice("writes that do not end are interrupted, to begin again", metadata: ["writes": "\(count)"])
    }

    // MARK: trying

    /// Whether something can be written just now.
    func canWrite(on eventLoop: any EventLoop) -> EventLoopFuture<Bool> {
        self.spool.tryWriting(on: eventLoop).map { true }.recover { _ in false }
    }

    /// Tries a write where one failed and there is something to write to at all.
    private func tryWriting() {
        let isDue = self.state.withLockedValue { state in
            guard state.troubles[.write] != nil, state.troubles[.access] == nil, !state.isTrying,
                state.nextTry <= .now()
            else { return false }
            state.isTrying = true
            return true
        }
        guard isDue else { return }
        self.spool.tryWriting(on: self.loop).whenComplete { result in
            self.state.withLockedValue { state in
                state.isTrying = false
                state.nextTry = .now() + Self.shortestPatience
            }
            switch result {
            case .success: self.over(.write)
            case .failure(let error): self.failed(error)
            }
        }
    }

    // MARK: telling

    /// What is wrong may go on in other words; only its beginning is logged.
    private func began(_ cause: Cause, _ trouble: Trouble) {
        let isNew = self.state.withLockedValue { state in
            defer { state.troubles[cause] = trouble }
            guard state.troubles[cause] == nil else {
                if state.troubles[cause]?.kind != trouble.kind { self.signal.raise(.queue) }
                return false
            }
            if cause == .write {
                let isBack = state.lastWorked.map { $0 + Self.longestPatience > .now() } ?? false
                state.patience =
                    isBack ? min(state.patience + state.patience, Self.longestPatience) : Self.shortestPatience
                state.nextTry = .now() + state.patience
            }
            return true
        }
        guard isNew else { return }
        self.wake()
        self.log.error("the spool takes no new mail", metadata: ["reason": "\(trouble.words)"])
        self.signal.raise(.queue)
    }

    private func over(_ cause: Cause) {
        let (ended, others) = self.state.withLockedValue { state in
            let ended = state.troubles.removeValue(forKey: cause)
            if cause == .write { state.lastWorked = .now() }
            return (ended, state.troubles.values.map(\.words))
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
        switch octets {
        case ..<10_000_000: "\(octets / 1000) kB"
        case ..<10_000_000_000: "\(octets / 1_000_000) MB"
        default: "\(octets / 1_000_000_000) GB"
        }
    }
}
