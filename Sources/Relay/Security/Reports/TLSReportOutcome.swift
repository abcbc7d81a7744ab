import DNS
public import Logging
import NIOCore
import NIOPosix
public import Spool

/// What became of a TLS report that was to be sent at once.
public struct TLSReportOutcome: Sendable {
    public let domain: String
    /// `2026-11-29`, in UTC.
    public let date: String
    /// Why no destination took it; `nil`: one did, or the domain wants none any more.
    public let failure: String?

    /// Sends all that is collected, also of today. What goes by mail is in the spool then, and leaves with the next start.
    ///
    /// - Parameters:
    ///   - spool: no engine has it.
    ///   - domain: the only one; `nil`: all.
    /// - Throws: ``TLSReportError``, ``SpoolError``.
    public static func sendAll(
        _ configuration: RelayConfiguration, of spool: any Spool, domain: String?, log: Logger
    ) async throws -> [TLSReportOutcome] {
        _ = try TLSReportSender.wanted(configuration)
        let rules = StandingRules()
        for rule in try await spool.rules().rules { try? rules.add(rule) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let dns = StubResolver(configuration.resolver) { log.warning("\($0)") }
        let reporter = TLSReporter(
            dns, group: group, spool: spool, rules: rules, configuration, clock: .system, log: log,
            isItsTurn: { true }, accepted: { _ in })
        let outcomes = try await reporter.sendAll(domain: domain)
        await dns.stop()
        try? await group.shutdownGracefully()
        return outcomes
    }
}
