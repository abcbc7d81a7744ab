import ArgumentParser
import Logging
import Relay
import Screen

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "The engine and its screen in this terminal (the default).",
        discussion: """
            Without a configuration it listens on 127.0.0.1:2525, keeps mail under $XDG_STATE_HOME/hoptop and has no \
            route: mail for anywhere waits in the queue. Quitting ends its sessions properly; nothing queued is lost.
            """)

    @OptionGroup var engine: EngineOptions
    @OptionGroup var look: ScreenCommandOptions

    func run() async throws {
        try ScreenCommandOptions.requireTerminal("use hoptop serve for the engine alone")
        let configuration = try self.engine.configuration()
        let options = try self.look.options()
        // The screen tells what a log would; a line on stderr would spoil it.
        let log = Logger(label: "hoptop") { _ in SwiftLogNoOpLogHandler() }
        let engine = try await Engine.start(configuration, log: log)
        let feed = FeedEntry(
            name: configuration.hostname, feed: engine.relay.feed(user: ScreenCommandOptions.userName),
            listening: engine.relay.listening)
        do {
            try await ScreenCommandOptions.show([feed], options)
        } catch {
            await engine.stop()
            throw error
        }
        await engine.stop()
    }
}
