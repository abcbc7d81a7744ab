import ArgumentParser
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
            """)

    @OptionGroup var engine: EngineOptions
    @OptionGroup var look: ScreenCommandOptions

    func run() async throws {
        try ScreenCommandOptions.requireTerminal("use hoptop serve for the engine alone")
        let whole = try self.engine.wholeConfiguration()
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
        do {
            try await ScreenCommandOptions.show([feed], options)
        } catch {
            await engine.stop { await control.stop() }
            throw error
        }
        if let overview = try? await feed.feed.overview() { print(Self.farewell(overview, configuration)) }
        guard await Departure.waitForEnd({ await engine.stop { await control.stop() } }) else { Hoptop.endNow() }
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
