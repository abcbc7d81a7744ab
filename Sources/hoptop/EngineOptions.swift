import ArgumentParser
import CMalloc
import Foundation
import Journal
import Logging
import Measures
import NIOCore
import NIOPosix
import Relay
import Spool

/// Where the configuration comes from; the options win over the file.
struct EngineOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Configuration file (TOML).", valueName: "file"), completion: .file())
    var config: String?
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Listen there instead; may be given more than once.", valueName: "address"))
    var listen: [String] = []
    @Option(help: ArgumentHelp("Directory of the spool.", valueName: "directory"), completion: .directory)
    var spool: String?
    @Option(help: ArgumentHelp("What this relay calls itself.", valueName: "name"))
    var hostname: String?
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "Mail for these domains goes to that host, or with mx to their mail exchangers; may be given more than "
                + "once, before the file's routes.", valueName: "pattern=host:port|mx"))
    var route: [String] = []

    @Option(help: ArgumentHelp("Started as root, become that user when ports are bound.", valueName: "name"))
    var user: String?

    /// The configuration file that is used: the one named, else the first there is of the usual ones.
    var file: String? {
        if let config = self.config { return config }
        return ConfigurationFile.defaultPaths(environment: ProcessInfo.processInfo.environment)
            .first { FileManager.default.fileExists(atPath: $0) }
    }

    /// The engine's part.
    func configuration() throws -> RelayConfiguration { try self.wholeConfiguration().relay }

    func wholeConfiguration() throws -> Configuration { try self.placedConfiguration().configuration }

    /// With where each key of it is written.
    func placedConfiguration() throws -> (configuration: Configuration, places: ConfigurationPlaces) {
        do {
            let file = self.file
            let text = try file.map(Self.text)
            var configuration: Configuration
            if let file, let text {
                configuration = try ConfigurationFile.read(text: text, file: file)
            } else {
                configuration = ConfigurationFile.defaults(environment: ProcessInfo.processInfo.environment)
            }
            let routes = configuration.relay.routes
            try Overrides(
                listen: self.listen, spool: self.spool, hostname: self.hostname, routes: self.route, user: self.user
            ).apply(to: &configuration)
            let places = ConfigurationPlaces(
                file: file, text: text,
                routes: configuration.relay.routes.map { route in
                    // A pattern has one route; one that is given on the command line took the place of the file's.
                    routes.firstIndex { $0 == route }
                })
            return (configuration, places)
        } catch let error as ConfigurationError {
            throw Failure(error)
        }
    }

    static func text(of file: String) throws -> String {
        // Also of a pipe, or of /dev/null for none.
        guard let handle = FileHandle(forReadingAtPath: file),
            case .success(let data) = Result(catching: handle.readToEnd)
        else {
            let reason = FileManager.default.fileExists(atPath: file) ? "cannot be read" : "does not exist"
            throw Failure("\(file) \(reason): name another with --config FILE")
        }
        guard let text = String(data: data ?? Data(), encoding: .utf8) else {
            throw Failure("\(file) is not UTF-8 text: name another with --config FILE")
        }
        return text
    }
}

/// An engine with what it stands on.
struct Engine {
    let relay: Relay
    let spool: any Spool
    let threads: NIOThreadPool
    /// What is counted in it.
    let metrics: MetricsBoard

    /// Opens the spool and starts the engine.
    ///
    /// - Parameters:
    ///   - groundwork: of the same configuration; `nil`: there is nothing but what the engine gets by itself.
    ///   - opened: is shown the spool before anything happens in it; without it there is no log.
    static func start(
        _ configuration: RelayConfiguration, on groundwork: Groundwork? = nil,
        journal settings: JournalSettings = JournalSettings(), log: Logger,
        opened: (any Spool) async throws -> Void = { LogPlace.forget($0) }
    ) async throws -> Engine {
        for warning in configuration.warnings { log.warning("\(warning)") }
        // Content goes from thread to thread, and what lies between the pieces in a heap of each thread's own is a third of
        // all memory when thousands of clients send at once.
        hoptop_limit_heaps(CInt(System.coreCount))
        let threads = NIOThreadPool(numberOfThreads: 4)
        threads.start()
        do {
            let keyring = try groundwork?.keyring ?? Keyring(configuration)
            let metrics = MetricsBoard()
            let spool = try configuration.openSpool(threads: threads, metrics: metrics)
            if settings.isKept, settings.directory == nil, configuration.spoolDatabase != nil {
                try FileManager.default.createDirectory(
                    atPath: configuration.spoolDirectory, withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700])
            }
            let journal =
                settings.isKept
                ? Journal(
                    settings, spoolDirectory: configuration.spoolDirectory, node: configuration.hostname, log: log)
                : nil
            if journal == nil { Journal.forget(spool) }
            let relay = Relay(
                configuration, keyring: keyring, spool: spool, journal: journal, threads: threads, metrics: metrics,
                log: log)
            do {
                try await opened(spool)
                try await relay.start(at: groundwork?.sockets ?? [:])
            } catch {
                await relay.stop(within: 0)
                throw error
            }
            return Engine(relay: relay, spool: spool, threads: threads, metrics: metrics)
        } catch {
            try? await threads.shutdownGracefully()
            throw Failure(error)
        }
    }

    /// Opens a spool that no engine has, for a look at it: nothing is listened on, and nothing is done about the mail.
    ///
    /// - Throws: ``Failure``, also where there is no spool.
    static func look(_ configuration: RelayConfiguration, log: Logger) async throws -> Engine {
        let threads = NIOThreadPool(numberOfThreads: 1)
        do {
            // Nothing is made where nothing is.
            _ = try SpoolInspection(directory: configuration.spoolDirectory)
            threads.start()
            let spool = try configuration.openSpool(threads: threads)
            let relay = Relay(
                configuration, keyring: try Keyring(configuration), spool: spool, threads: threads, log: log)
            let engine = Engine(relay: relay, spool: spool, threads: threads, metrics: MetricsBoard())
            do { try await relay.startForALook() } catch {
                await engine.stop(within: 0)
                throw error
            }
            return engine
        } catch {
            try? await threads.shutdownGracefully()
            throw Failure(error)
        }
    }

    /// - Parameters:
    ///   - seconds: how long sessions may take.
    ///   - lastLook: runs when nothing more happens to mail, while the spool can still be read.
    func stop(within seconds: Int64 = 5, lastLook: () async -> Void = {}) async {
        await self.relay.stop(within: seconds, lastLook: lastLook)
        try? await self.threads.shutdownGracefully()
    }
}
