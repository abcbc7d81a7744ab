import ArgumentParser
import Glibc
import Monitor
import Screen
import Terminal

struct AttachCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach", abstract: "The screen of a relay that runs already, here or elsewhere.",
        discussion: """
            Shows what hoptop serve does, as hoptop run would, and comes and goes without touching it: q leaves, the relay \
            goes on. When it is restarted, the screen waits for it and goes on by itself. Nothing can be changed until L \
            unlocks it, for ten minutes. Any number may watch at once.

            EXAMPLES
              hoptop attach                        the relay of this machine
              hoptop attach --to /run/hoptop/control.sock
              hoptop attach --to https://mx1.example.net:8025 --token-file token
              hoptop attach --to ssh://ann@mx1.example.net  what runs there
              hoptop attach --to ./a.sock --to ./b.sock     two as one; > shows one
              hoptop attach --to demo              the relays of hoptop demo elsewhere

            ENVIRONMENT
              HOPTOP_TO      where daemons are, without --to; several are separated by spaces
              HOPTOP_TOKEN   the token, without --token-file
              HOPTOP_SSH     the ssh to use, with its options: ssh -F my.config
            """)

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var look: ScreenCommandOptions
    @Flag(exclusivity: .chooseLast, help: "Whether L has to unlock what changes mail (the default).")
    var lock = Lock.locked

    @Option(help: "Print that view as lines, and end; the overview where standard output is no terminal.")
    var once: PrintedView?

    enum Lock: String, EnumerableFlag { case locked, unlocked }

    func run() async throws {
        if let view = self.once ?? (isatty(STDOUT_FILENO) == 1 ? nil : .overview) {
            try await ViewLines.print(view, try await self.daemon.feeds())
            return
        }
        try ScreenCommandOptions.requireTerminal("a screen needs one")
        let feeds = try await self.daemon.feeds()
        try await Self.attach(feeds, try self.look.options(), self.lock)
    }

    /// Shows daemons until the operator leaves.
    static func attach(_ feeds: [FeedEntry], _ options: ScreenOptions, _ lock: Lock) async throws {
        let feeds = try await self.named(feeds)
        var options = options
        options.isLocked = lock == .locked
        options.locksAgain = lock == .locked
        do { try Departure.listen() } catch { throw Failure(error) }
        try await ScreenCommandOptions.show(FeedEntry.joined(feeds), options)
        print("\(feeds.map(\.name).joined(separator: ", ")) \(feeds.count == 1 ? "goes" : "go") on")
    }

    /// One of several daemons that does not answer in that time does not hold up the others.
    private static let patience = Duration.seconds(3)

    /// Gives them the names by which they call themselves.
    ///
    /// - Throws: ``Failure`` when none answers. Of several, the screen says which does not.
    static func named(_ feeds: [FeedEntry]) async throws -> [FeedEntry] {
        let questions = feeds.map { entry in Task { try await entry.feed.capabilities().node } }
        let waiting = Task {
            try? await Task.sleep(for: Self.patience)
            if feeds.count > 1, !Task.isCancelled { for question in questions { question.cancel() } }
        }
        defer { waiting.cancel() }
        var named = feeds
        var isSomebodyThere = false
        var failure: (any Error)?
        for (index, question) in questions.enumerated() {
            do {
                named[index].name = try await question.value
                isSomebodyThere = true
            } catch is CancellationError {
                failure = failure ?? FeedError(.unavailable, "\(feeds[index].name) does not answer within 3 s")
            } catch { failure = failure ?? error }
        }
        if let failure, !isSomebodyThere { throw Failure(failure) }
        return named
    }
}
