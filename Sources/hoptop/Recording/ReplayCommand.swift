import ArgumentParser
import Glibc
import Mail
import Monitor
import Recording
import Screen
import Terminal

struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "The screen of what hoptop record wrote down.",
        discussion: """
            Shows a recording as hoptop attach would have shown it: all views, filters, searches, messages and dialogues, as \
            of the moment that stands at the top right. Time goes on by itself. Nothing can be changed. ] and [ step from \
            change to change, } and { go to the next failure and the one before, p pauses, + and - change the speed; \
            :goto 12:41 jumps, :speed 60 makes a minute of a second. ? shows all keys.

            EXAMPLES
              hoptop replay incident.hoptop
              hoptop replay incident.hoptop --at 04:30 --speed 10
              hoptop replay incident.hoptop --once queue     the queue at its end
            """)

    @Argument(help: ArgumentHelp("A file that hoptop record made.", valueName: "file"), completion: .file())
    var file: String
    @Option(
        help: ArgumentHelp(
            "The moment to begin with: \(PlaybackPosition.timeForm). In UTC.", valueName: "time"))
    var at: String?
    @Option(help: ArgumentHelp("Seconds of the recording in a second.", valueName: "number"))
    var speed: Double = 1
    @Flag(help: "Begin with a pause.")
    var paused = false
    @Option(help: "Print that view as lines, and end; the overview where standard output is no terminal.")
    var once: PrintedView?
    @OptionGroup var look: ScreenCommandOptions

    func validate() throws {
        guard PlaybackOrder.speeds.contains(self.speed) else {
            throw ValidationError("--speed is a number from 0.01 to 10000")
        }
    }

    func run() async throws {
        let replay: Replay
        do { replay = try Replay(of: RecordingFile(at: self.file)) } catch { throw Failure(error) }
        let once = self.once ?? (isatty(STDOUT_FILENO) == 1 ? nil : .overview)
        try await self.begin(replay, isPaused: self.paused || once != nil, at: self.at ?? (once == nil ? nil : "end"))
        let feeds = replay.feeds.map { FeedEntry(name: $0.name, feed: $0.feed) }
        if let once {
            if let remark = replay.remark { Hoptop.complain(remark) }
            let output = Output.standard(at: replay.position.at)
            try await ViewLines.print(once, feeds, output)
            return
        }
        try ScreenCommandOptions.requireTerminal("a screen needs one")
        var options = try self.look.options()
        options.playback = replay
        options.isLocked = true
        do { try Departure.listen() } catch { throw Failure(error) }
        let playing = Task { await replay.run() }
        defer { playing.cancel() }
        try await ScreenCommandOptions.show(FeedEntry.joined(feeds, clock: { replay.position.at }), options)
    }

    private func begin(_ replay: Replay, isPaused: Bool, at text: String?) async throws {
        if let text {
            guard let time = replay.position.time(text) else {
                throw Failure("--at \(text) is no time: write \(PlaybackPosition.timeForm)")
            }
            let position = replay.position
            guard time >= position.begins.adding(milliseconds: -60_000), time <= position.ends else {
                throw Failure(
                    "--at \(text) is not in the recording, which goes from \(position.begins.rfc3339) to "
                        + position.ends.rfc3339)
            }
            _ = try await replay.perform(.go(to: time))
        }
        _ = try await replay.perform(.speed(self.speed))
        _ = try await replay.perform(.pause(isPaused))
    }
}
