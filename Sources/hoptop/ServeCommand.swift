import ArgumentParser
import Logging
import Monitor
import Relay
import UnixSignals

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "The engine alone; its log goes to stderr.",
        discussion: """
            SIGTERM or SIGINT lets sessions finish and ends with 0. SIGHUP reads the configuration again. SIGUSR1 makes \
            everything deferred due now. Each thing that happens to mail is a line of the log: accepted, relayed, deferred, \
            bounced, and what operators did.

            EXAMPLE
              hoptop serve --listen 127.0.0.1:2525 --spool /tmp/spool --route '*=127.0.0.1:2526'
            """)

    @OptionGroup var engine: EngineOptions
    @Flag(help: "Log no line for each message.")
    var quiet = false
    @Option(help: ArgumentHelp("How lines of the log look.", valueName: "format"))
    var logFormat: LogFormat?

    func run() async throws {
        let whole = try self.engine.wholeConfiguration()
        let configuration = whole.relay
        let output = try LogOutput(self.log(of: whole))
        let log = output.logger
        // Before the engine starts, so that no signal finds the default that ends the program.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup, .sigusr1)
        let engine = try await Engine.start(configuration, journal: whole.journal, log: log)
        let control = try await engine.openControl(whole, log: log)
        log.info(
            "hoptop \(Relay.version) is ready",
            metadata: ["hostname": "\(configuration.hostname)", "spool": "\(configuration.spoolDirectory)"])
        if configuration.routes.isEmpty {
            log.warning("no route is configured: mail is taken and waits; add a [[route]] or --route PATTERN=HOST:PORT")
        }
        if let advice = control.advice { log.info("\(advice)") }
        let mail = MailLog(engine, output, log: log)
        let before = self.quiet ? nil : try await mail.newest()
        let following = before.map { before in Task { await mail.follow(after: before) } }
        for await signal in signals {
            switch signal {
            case .sighup: self.reload(engine, control, output, log)
            case .sigusr1: await self.retryAll(engine, log)
            default:
                log.info("stopping: sessions may finish")
                await engine.stop {
                    await control.stop()
                    if let following { _ = await mail.tell(after: await following.value) }
                }
                log.info("stopped")
                output.writer.flush(within: 2)
                return
            }
        }
    }

    /// What the file says of the log, with what the options say.
    private func log(of configuration: Configuration) -> LogConfiguration {
        var log = configuration.log
        log.format = self.logFormat ?? log.format
        return log
    }

    /// A mistake in the file leaves everything as it was.
    private func reload(_ engine: Engine, _ control: ControlPoint, _ output: LogOutput, _ log: Logger) {
        do {
            // Whoever rotated the log waits for that, whatever else there is to say.
            try output.reopen()
            let configuration = try self.engine.wholeConfiguration()
            let keyring = try Keyring(configuration.relay)
            control.reload(try ControlKeyring(configuration))
            try output.reload(self.log(of: configuration))
            engine.relay.reload(configuration.relay, keyring: keyring)
            log.info("the configuration was read again; listen and spool stay as they were")
        } catch {
            log.error("the configuration was not taken", metadata: ["error": "\(error)"])
        }
    }

    private func retryAll(_ engine: Engine, _ log: Logger) async {
        do {
            let receipt = try await engine.relay.retryAll(by: "signal")
            log.info(
                "everything deferred is due now",
                metadata: ["recipients": "\(receipt.done)", "messages": "\(receipt.messages)"])
        } catch {
            log.error("nothing was made due", metadata: ["error": "\(error)"])
        }
    }
}
