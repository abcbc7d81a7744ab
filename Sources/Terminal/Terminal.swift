import CNcurses
import Foundation
import Glibc
public import Screen
import Synchronization

/// Runs a screen in the terminal of stdin and stdout. One thread owns curses; everybody else sends it values.
public final class Terminal: Sendable {
    /// Whether stdin and stdout are a terminal.
    public static var isThere: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

    /// Looks at the terminal that `TERM` names, and leaves it as it is.
    ///
    /// - Throws: ``TerminalError`` when no screen can be shown on it.
    public static func check(environment: [String: String]) throws {
        switch hoptop_terminal_fitness() {
        case HOPTOP_TERMINAL_FITS: break
        case HOPTOP_TERMINAL_TOO_SIMPLE: throw TerminalError.tooSimple(environment)
        default: throw TerminalError.unknown(environment)
        }
    }

    /// Whether the locale can show more than ASCII. Sets the program's locale.
    public static var isUnicode: Bool {
        hoptop_set_locale()
        return hoptop_is_utf8()
    }

    private let screen: Screen
    private let environment: [String: String]
    private let colours: ColourDepth.Choice
    private let usesMouse: Bool
    private let executor = ThreadExecutor()
    /// The loop knows that something changed since what it painted last, and need not be woken again for that.
    private let isTold = Atomic(false)

    public init(
        _ screen: Screen, environment: [String: String], colours: ColourDepth.Choice = .auto, usesMouse: Bool = false
    ) {
        self.screen = screen
        self.colours = colours
        self.usesMouse = usesMouse
        self.environment = environment
    }

    /// Why a screen is no longer shown.
    public enum End: Sendable {
        /// The operator quit.
        case quit
        /// SIGTERM, SIGINT or SIGHUP asked for it.
        case signal
        /// The terminal is gone.
        case loss
    }

    /// Returns when the operator quits, or SIGTERM, SIGINT or SIGHUP asks for it. The terminal is then as it was, as it is
    /// while SIGTSTP or Ctrl-Z has the program stopped, and after a crash or SIGQUIT.
    ///
    /// - Throws: ``TerminalError`` when there is no terminal that curses knows; nothing was changed then.
    @discardableResult
    public func run() async throws -> End {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<End, any Error>) in
            let thread = Thread { continuation.resume(with: Result { try self.own() }) }
            thread.name = "hoptop-terminal"
            thread.stackSize = 4 << 20
            thread.start()
        }
    }

    // MARK: on the thread that owns curses

    private func own() throws -> End {
        hoptop_set_locale()
        guard let curses = hoptop_start(self.usesMouse) else { throw TerminalError.unknown(self.environment) }
        hoptop_set_listening(true)
        Keyboard.define()
        let watching = Task {
            await self.screen.watch()
            for await _ in self.screen.updates where !self.isTold.exchange(true, ordering: .acquiringAndReleasing) {
                hoptop_note(UInt32(HOPTOP_NOTE_UPDATED))
            }
        }
        let end = self.loop()
        watching.cancel()
        self.executor.wait { await self.screen.stop() }
        hoptop_set_listening(false)
        hoptop_end(curses)
        return end
    }

    private func loop() -> End {
        let colours = hoptop_is_direct() ? 1 << 24 : Int(hoptop_colours())
        var glass = Glass(
            depth: ColourDepth.resolve(colours: colours, environment: self.environment, choice: self.colours),
            colours: colours)
        var keyboard = Keyboard()
        var pace = Pace()
        /// The program was stopped, and may be in the background since, where it goes on without a screen.
        var isAway = false
        self.resize()
        self.executor.wait { await self.screen.start() }
        while true {
            if isAway, hoptop_is_in_foreground() {
                hoptop_resume()
                glass.forget()
                self.resize()
                pace.isDue = true
                isAway = false
            }
            if !isAway {
                if pace.isTick {
                    if pace.isSecond { self.executor.wait { await self.screen.tick() } }
                    pace.isDue = true
                }
                if pace.isFrame { pace.painted(self.paint(&glass)) }
            }
            let ready = hoptop_wait(!isAway, isAway ? 1000 : pace.patience)
            let notes = hoptop_take_notes()
            func has(_ note: Int) -> Bool { notes & UInt32(note) != 0 }
            if has(HOPTOP_NOTE_LEAVE) || has(HOPTOP_NOTE_HANG_UP) { return .signal }
            if has(HOPTOP_NOTE_RESUMED) {
                isAway = true
                if !hoptop_is_in_foreground() { hoptop_stay_away() }
            }
            if has(HOPTOP_NOTE_SUSPEND), !isAway {
                hoptop_suspend(false)
                isAway = true
            }
            if has(HOPTOP_NOTE_UPDATED) { pace.isDue = true }
            if has(HOPTOP_NOTE_RESIZED), !isAway, hoptop_resize() {
                self.resize()
                pace.isDue = true
            }
            if ready & 1 != 0, !isAway {
                let keys = keyboard.read()
                // Who typed them saw the terminal as it is by now, though nobody has been told of that yet.
                if hoptop_has_other_size(), hoptop_resize() { self.resize() }
                if keys.isEmpty, ready & 4 != 0 { return .loss }
                pace.pressed()
                for key in keys {
                    switch self.press(key) {
                    case .quit: return .quit
                    case .suspend:
                        hoptop_suspend(true)
                        isAway = true
                    case .copy(let text): Self.copy(text)
                    case .goOn: break
                    }
                }
                if !isAway { pace.painted(self.paint(&glass)) }
            }
        }
    }

    /// When the screen wants to be told of the time.
    private enum NextTick { case never, second, frame }

    /// When to paint: a change at most so often, a key at once and its answers soon after, each second for the clocks, and
    /// what moves as it does.
    private struct Pace {
        private static let frame = Duration.milliseconds(100)
        /// What comes so soon behind a key may be its answer, which the operator waits for.
        private static let answers = (within: Duration.milliseconds(400), frame: Duration.milliseconds(20))
        private let clock = ContinuousClock()
        private var lastFrame: ContinuousClock.Instant
        private var lastKey: ContinuousClock.Instant
        private var nextTick: ContinuousClock.Instant?
        /// The next tick begins a second; else something only moves on.
        private(set) var isSecond = true
        /// Something changed since the last frame.
        var isDue = true

        init() {
            // What is asked for first is mostly answered by the first frame.
            self.lastFrame = self.clock.now
            self.lastKey = self.lastFrame
            self.nextTick = self.lastFrame
        }

        var isTick: Bool { self.tick.map { $0 <= self.clock.now } ?? false }
        /// Not before it can be painted: else the loop would turn until then.
        private var tick: ContinuousClock.Instant? { self.nextTick.map { max($0, self.nextFrame) } }
        var isFrame: Bool { self.isDue && self.nextFrame <= self.clock.now }
        private var nextFrame: ContinuousClock.Instant {
            let isAnswer = self.lastFrame < self.lastKey + Self.answers.within
            return self.lastFrame + (isAnswer ? Self.answers.frame : Self.frame)
        }

        /// Milliseconds until there is something to do; -1: only when something happens.
        var patience: Int32 {
            let times = [self.tick, self.isDue ? self.nextFrame : nil].compactMap { $0 }
            return times.min().map { Int32(max(($0 - self.clock.now) / .milliseconds(1), 0).rounded(.up)) } ?? -1
        }

        mutating func pressed() { self.lastKey = self.clock.now }

        mutating func painted(_ next: NextTick) {
            self.isDue = false
            self.lastFrame = self.clock.now
            let (second, frame) = (Self.untilNextSecond, Duration.milliseconds(Screen.frame))
            self.isSecond = next != .frame || second <= frame
            self.nextTick = next == .never ? nil : self.lastFrame + (self.isSecond ? second : frame)
        }

        /// Seconds begin for everybody at the same time, so that one wake-up serves every clock on the screen.
        private static var untilNextSecond: Duration {
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            return .nanoseconds(1_000_000_000 - now.tv_nsec)
        }
    }

    private func resize() {
        self.executor.wait { await self.screen.resize(columns: Int(hoptop_columns()), rows: Int(hoptop_rows())) }
    }

    private enum Wish { case quit, suspend, copy(String), goOn }

    private func press(_ key: Key) -> Wish {
        self.executor.wait {
            await self.screen.press(key)
            if await self.screen.wantsQuit { return .quit }
            if let text = await self.screen.takeCopy() { return .copy(text) }
            return await self.screen.takeSuspension() ? .suspend : .goOn
        }
    }

    /// More is more than terminals take.
    private static let clipboardOctets = 64 << 10

    /// Asks the terminal to take a text into its clipboard (OSC 52). Nothing that it says can end the request: it goes as
    /// base64.
    private static func copy(_ text: String) {
        let octets = Data(text.utf8.prefix(Self.clipboardOctets))
        var rest = Array("\u{1b}]52;c;\(octets.base64EncodedString())\u{7}".utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            guard written > 0 || errno == EINTR else { return }
            rest = rest.dropFirst(max(0, written))
        }
    }

    private func paint(_ glass: inout Glass) -> NextTick {
        // Before the picture is made, so that what comes meanwhile is told.
        self.isTold.store(false, ordering: .releasing)
        let (picture, isMoving, wantsTicks) = self.executor.wait {
            (await self.screen.picture, await self.screen.isMoving, await self.screen.wantsTicks)
        }
        glass.show(picture.canvas, theme: picture.theme, repaints: picture.repaints)
        return isMoving ? .frame : wantsTicks ? .second : .never
    }
}

/// Why there is no screen. The description is one line and says what to do.
public struct TerminalError: Error, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
    static func unknown(_ environment: [String: String]) -> TerminalError {
        TerminalError("\(self.subject(environment)) is not known: \(self.advice)")
    }
    static func tooSimple(_ environment: [String: String]) -> TerminalError {
        TerminalError("\(self.subject(environment)) cannot move its cursor: \(self.advice)")
    }
    private static func subject(_ environment: [String: String]) -> String {
        "the terminal \"\(environment["TERM"] ?? "")\""
    }
    private static let advice = "set TERM to what it is, for example xterm-256color, or use one that can show a screen"
}
