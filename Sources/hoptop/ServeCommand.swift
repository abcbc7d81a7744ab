import ArgumentParser
import Foundation
import Logging
import Monitor
import Relay
import Service
import UnixSignals

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "The engine alone; its log goes to stderr.",
        discussion: """
            SIGTERM or SIGINT lets messages under way finish, for as long as stop-timeout says, and ends with 0; a second one \
            does not wait for them. SIGHUP reads the configuration again, and tells what waits for a start. SIGUSR1 makes \
            everything deferred due now. Each thing that happens to mail is a line of the log: accepted, relayed, deferred, \
            bounced, and what operators did.

            EXAMPLE
              hoptop serve --spool /tmp/spool --route '*=127.0.0.1:2526'
            """)

    @OptionGroup var engine: EngineOptions
    @Flag(help: "Log no line for each message, only what operators do to the node, or remove.")
    var quiet = false
    @Option(help: ArgumentHelp("How lines of the log look.", valueName: "format"))
    var logFormat: LogFormat?

    func run() async throws {
        var whole = try self.wholeConfiguration()
        let configuration = whole.relay
        let output = try LogOutput(whole.log)
        let log = output.logger
        // Before the engine starts, so that no signal finds the default that ends the program.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup, .sigusr1)
        let environment = ProcessInfo.processInfo.environment
        let groundwork = try Groundwork(whole, passed: PassedSockets(environment: environment), log: log)
        var place: LogPlace?
        let engine = try await Engine.start(configuration, on: groundwork, journal: whole.journal, log: log) { spool in
            place = try await LogPlace(spool, output.writer, log)
        }
        engine.relay.allowShutdown { kill(getpid(), SIGTERM) }
        let control = try await engine.openControl(whole, on: groundwork, log: log)
        let reload = Reload(
            engine: engine, control: control, output: output, identity: groundwork.identity, log: log)
        let service = ServiceManager(environment: environment).map {
            ServiceReport(manager: $0, relay: engine.relay, log: log)
        }
        log.info(
            "hoptop \(Relay.version) is ready",
            metadata: ["hostname": "\(configuration.hostname)", "spool": "\(configuration.spoolPlace)"])
        if let advice = groundwork.advice { log.warning("\(advice)") }
        if configuration.routes.isEmpty {
            log.warning("no route is configured: mail is taken and waits; add a [[route]] or --route PATTERN=HOST:PORT")
        }
        if let advice = control.advice { log.info("\(advice)") }
        service?.tell(.ready)
        service?.begin()
        let mail = MailLog(engine, output, leavesOutMail: self.quiet, log: log)
        let following = Task { [place] in
            guard let place else { preconditionFailure("the engine was started without its spool") }
            return await mail.follow(from: place)
        }
        for await signal in signals {
            switch signal {
            case .sighup:
                service?.tell(.reloading)
                whole = await reload.run(whole) { try self.wholeConfiguration() }
                service?.tell(.ready)
            case .sigusr1: await self.retryAll(engine, log)
            default:
                service?.tell(.stopping)
                let seconds = (whole.service.stopTimeout + 999) / 1000
                log.info("stopping: messages under way may finish", metadata: ["seconds": "\(seconds)"])
                let again = await UnixSignalsSequence(trapping: .sigterm, .sigint)
                let impatience = Task { await self.endNow(on: again, output) }
                defer { impatience.cancel() }
                await engine.relay.toldToStop(by: "signal")
                await engine.stop(within: seconds) {
                    await control.stop()
                    let (end, place) = await following.value
                    await place.end(at: await mail.tell(after: end))
                }
                log.info("stopped")
                output.writer.flush(within: 2)
                return
            }
        }
    }

    /// What the file says, with what the options say.
    private func wholeConfiguration() throws -> Configuration {
        var whole = try self.engine.wholeConfiguration()
        whole.log.format = self.logFormat ?? whole.log.format
        return whole
    }

    /// Whoever asks again does not wait for sessions. What was taken is in the spool.
    private func endNow(on signals: UnixSignalsSequence, _ output: LogOutput) async {
        for await _ in signals {
            output.logger.notice("ended at once, with sessions under way")
            output.writer.flush(within: 2)
            Hoptop.endNow()
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
