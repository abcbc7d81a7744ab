import CNcurses
import Foundation
import Glibc
public import Screen

/// Runs a screen in the terminal of stdin and stdout. One thread owns curses; everybody else sends it values.
public final class Terminal: Sendable {
    /// Updates are painted at most so often; a key is painted at once.
    private static let frame = Duration.milliseconds(100)

    /// Whether stdin and stdout are a terminal.
    public static var isThere: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

    /// Whether the locale can show more than ASCII. Sets the program's locale.
    public static var isUnicode: Bool {
        hoptop_set_locale()
        return hoptop_is_utf8()
    }

    private let screen: Screen
    private let environment: [String: String]

    public init(_ screen: Screen, environment: [String: String]) {
        self.screen = screen
        self.environment = environment
    }

    /// Returns when the operator quits, or a signal asks for it. The terminal is then as it was.
    ///
    /// - Throws: ``TerminalError`` when there is no terminal that curses knows; nothing was changed then.
    public func run() async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let thread = Thread { continuation.resume(with: Result { try self.own() }) }
            thread.name = "hoptop-terminal"
            thread.stackSize = 4 << 20
            thread.start()
        }
    }

    // MARK: on the thread that owns curses

    private func own() throws {
        hoptop_set_locale()
        hoptop_keep_modes()
        var reading: Int32 = -1
        var writing: Int32 = -1
        guard hoptop_pipe(&reading, &writing) else { throw TerminalError("no descriptors are left") }
        defer {
            close(reading)
            close(writing)
        }
        guard let curses = hoptop_start() else {
            let name = self.environment["TERM"] ?? ""
            throw TerminalError("the terminal \"\(name)\" is not known: set TERM, for example to xterm-256color")
        }
        hoptop_arm()
        hoptop_catch_signals()
        hoptop_paste_mode(true)
        Keyboard.define()
        let wake = writing
        let watching = Task {
            await self.screen.watch()
            for await _ in self.screen.updates { _ = Glibc.write(wake, "u", 1) }
        }
        self.loop(reading)
        watching.cancel()
        self.wait { await self.screen.stop() }
        hoptop_release_signals()
        hoptop_paste_mode(false)
        hoptop_disarm()
        hoptop_end(curses)
    }

    private func loop(_ pipe: Int32) {
        let colours = hoptop_is_direct() ? 1 << 24 : Int(hoptop_colours())
        var glass = Glass(depth: ColourDepth.resolve(colours: colours, environment: self.environment))
        var keyboard = Keyboard()
        let clock = ContinuousClock()
        var nextTick = clock.now
        var lastFrame = clock.now
        var isDue = true
        self.wait {
            await self.screen.resize(columns: Int(hoptop_columns()), rows: Int(hoptop_rows()))
            await self.screen.start()
        }
        while true {
            let now = clock.now
            if now >= nextTick {
                // On whole seconds, so that one wake-up serves every clock on the screen.
                nextTick = now.advanced(by: .seconds(1))
                self.wait { await self.screen.tick() }
                isDue = true
            }
            if isDue, now >= lastFrame.advanced(by: Self.frame) {
                self.paint(&glass)
                lastFrame = now
                isDue = false
            }
            let until = isDue ? min(nextTick, lastFrame.advanced(by: Self.frame)) : nextTick
            let ready = hoptop_wait(pipe, Int32(max((until - clock.now) / .milliseconds(1), 0).rounded(.up)))
            if ready & 2 != 0 {
                let notes = Self.drain(pipe)
                if notes.contains(UInt8(ascii: "q")) { return }
                if notes.contains(UInt8(ascii: "u")) { isDue = true }
                if notes.contains(UInt8(ascii: "w")) { self.resize(&isDue) }
            }
            if ready & 1 != 0 {
                let keys = keyboard.read()
                if keys.isEmpty, ready & 4 != 0 { return }  // The terminal is gone.
                guard !self.press(keys) else { return }
                self.paint(&glass)
                lastFrame = clock.now
            }
        }
    }

    private func resize(_ isDue: inout Bool) {
        guard hoptop_resize() else { return }
        self.wait { await self.screen.resize(columns: Int(hoptop_columns()), rows: Int(hoptop_rows())) }
        isDue = true
    }

    /// - Returns: whether the operator wants to leave.
    private func press(_ keys: [Key]) -> Bool {
        self.wait {
            for key in keys {
                await self.screen.press(key)
                if await self.screen.wantsQuit { return true }
            }
            return false
        }
    }

    private func paint(_ glass: inout Glass) {
        let (canvas, theme, repaints) = self.wait { await self.screen.picture }
        glass.show(canvas, theme: theme, repaints: repaints)
    }

    private static func drain(_ pipe: Int32) -> [UInt8] {
        var notes = [UInt8](repeating: 0, count: 256)
        let count = Glibc.read(pipe, &notes, notes.count)
        return Array(notes.prefix(max(count, 0)))
    }

    /// Waits for the screen. This thread is nobody else's, so it may block.
    private func wait<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value {
        let done = DispatchSemaphore(value: 0)
        let answer = Answer<Value>()
        Task {
            answer.value = await body()
            done.signal()
        }
        done.wait()
        guard let value = answer.value else { preconditionFailure("the screen did not answer") }
        return value
    }

    /// `@unchecked Sendable`: written before the semaphore is signalled, read after.
    private final class Answer<Value>: @unchecked Sendable { var value: Value? }
}

/// Why there is no screen. The description is one line and says what to do.
public struct TerminalError: Error, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
