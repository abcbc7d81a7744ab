import ArgumentParser
import Glibc
import Logging
import Monitor
import Relay
import Screen
import Terminal

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "The engine and its screen in this terminal (the default).",
        discussion: """
            Without a configuration it listens on 127.0.0.1:2525, keeps mail under $XDG_STATE_HOME/hoptop and has no \
            route: mail for anywhere waits in the queue. Quitting, as SIGTERM, SIGINT and SIGHUP do too, ends its sessions \
            properly; nothing queued is lost. A second q or SIGTERM does not wait for them. Where a relay with this spool \
            runs already, it offers to attach to that one.

            With --once, and where standard output is no terminal, it starts nothing: it prints a view and ends, for a cron \
            job or a pipe. Where a relay with this spool runs, that one is asked; else the spool is read as it lies there, \
            which is said on standard error, and mail in it is neither delivered nor expired. A queue in a database is told of \
            by a relay that runs, and by nothing else.

            EXAMPLES
              hoptop                        the engine and its screen
              hoptop --once queue           what is queued in this spool
            """)

    @OptionGroup var engine: EngineOptions
    @OptionGroup var look: ScreenCommandOptions
    @Option(help: "Print that view as lines, start nothing, and end.")
    var once: PrintedView?

    func run() async throws {
        let whole = try self.engine.wholeConfiguration()
        if let view = self.once { return try await Self.printOnce(view, whole) }
        guard isatty(STDOUT_FILENO) == 1 else {
            try await Self.printOnce(.overview, whole)
            return Hoptop.complain(
                "standard output is no terminal, so nothing was started: hoptop serve is the engine alone")
        }
        try ScreenCommandOptions.requireTerminal("use hoptop serve for the engine alone")
        let configuration = whole.relay
        let options = try self.look.options(whole.screen)
        // The screen tells what a log would; a line on stderr would spoil it.
        let log = Logger(label: "hoptop") { _ in SwiftLogNoOpLogHandler() }
        do { try Departure.listen() } catch { throw Failure(error) }
        let groundwork = try Groundwork(whole, log: log)
        let engine: Engine
        do {
            engine = try await Engine.start(configuration, on: groundwork, journal: whole.journal, log: log)
        } catch let failure as Failure {
            guard let holder = SpoolHolder(failure, whole.control) else { throw failure }
            guard await holder.offersToAttach() else { throw failure }
            return try await holder.attach(options)
        }
        let control = try await engine.openControl(whole, on: groundwork, log: log)
        let feed = FeedEntry(
            name: configuration.hostname, feed: engine.relay.feed(user: ScreenCommandOptions.userName))
        let end: Terminal.End
        do {
            end = try await ScreenCommandOptions.show([feed], options)
        } catch {
            await engine.stop { await control.stop() }
            throw error
        }
        await engine.relay.toldToStop(by: Self.name(of: end))
        if let overview = try? await feed.feed.overview() { print(Self.farewell(overview, configuration)) }
        guard await Departure.waitForEnd({ await engine.stop { await control.stop() } }) else { Hoptop.endNow() }
    }

    /// Who had the node stop.
    private static func name(of end: Terminal.End) -> String {
        switch end {
        case .quit: ScreenCommandOptions.userName
        case .signal: "signal"
        case .loss: "terminal"
        }
    }

    /// Prints a view of the relay that has the spool, or of the spool where none has it.
    private static func printOnce(_ view: PrintedView, _ whole: Configuration) async throws {
        guard whole.relay.spoolDatabase == nil else {
            // A look at a database would take the node's number, and its lease.
            guard let holder = SpoolHolder(of: whole.control) else {
                throw Failure(
                    "the queue is in a database, and no relay runs here that could be asked: ask another node of it "
                        + "(hoptop attach --once \(view.rawValue) --to …)")
            }
            return try await ViewLines.print(view, [holder.feed()])
        }
        let log = Logger(label: "hoptop") { _ in SwiftLogNoOpLogHandler() }
        let engine: Engine
        do { engine = try await Engine.look(whole.relay, log: log) } catch let failure as Failure {
            guard let holder = SpoolHolder(failure, whole.control) else { throw failure }
            return try await ViewLines.print(view, [holder.feed()])
        }
        let feed = engine.relay.feed(user: ScreenCommandOptions.userName)
        do {
            guard view != .journal else {
                throw Failure("no relay runs with this spool, and only one that runs reads its journal: start it first")
            }
            try await ViewLines.print(view, [FeedEntry(name: whole.relay.hostname, feed: feed)])
        } catch {
            await engine.stop(within: 0)
            throw error
        }
        await engine.stop(within: 0)
        Hoptop.complain("no relay runs with this spool: that is how it lies there")
    }

    /// What is left when the operator leaves: sessions that are ended now, and mail that stays.
    static func farewell(_ overview: Overview, _ configuration: RelayConfiguration) -> String {
        let sessions = overview.sessionsIn + overview.sessionsOut
        let ending =
            sessions == 0 ? "" : "waiting for \(sessions) session\(sessions == 1 ? "" : "s") to end (q: end now); "
        let count = overview.queuedMessages
        return count == 0
            ? "\(ending)the queue is empty"
            : "\(ending)\(count) message\(count == 1 ? " stays" : "s stay") queued in \(configuration.spoolPlace)"
    }
}
