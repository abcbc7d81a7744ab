import ArgumentParser
import Logging
import Monitor
import NIOPosix
import Relay
import SMTP
import Spool

struct TLSReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tls-report", abstract: "Show what is collected for TLS reports, or send them now (RFC 8460).",
        discussion: """
            Lists each domain and day (UTC) that was not reported yet, with its sessions. With --domain it prints the \
            reports to that domain as they would be sent, in JSON. A relay may run meanwhile, which writes every ten seconds \
            and sends by itself what is due. --send needs the spool for itself: it sends what the list shows, also of today; \
            reports by mail go into the queue, and leave with the next start.

            EXAMPLES
              hoptop tls-report
              hoptop tls-report --domain example.org
              hoptop tls-report --domain example.org --send
            """)
    @Option(help: ArgumentHelp("Only the reports to this domain.", valueName: "domain"))
    var domain: String?
    @Flag(help: "Send them now, and forget what was sent.")
    var send = false
    @Flag(help: "With --send: print the reports instead, in JSON.")
    var dryRun = false
    @OptionGroup var engine: EngineOptions

    func run() async throws {
        let configuration = try self.engine.configuration()
        let domain = try self.domain.map { text in
            guard (try? Domain(parsing: text)) != nil, let name = DomainName.ascii(text)?.lowercased() else {
                throw Failure("\(text) is no domain: name one such as example.org")
            }
            return name
        }
        do {
            if self.send, !self.dryRun {
                try await self.send(configuration, domain)
            } else {
                _ = try configuration.spoolFiles(for: "hoptop tls-report without --send")
                self.show(try TLSReportPreview.all(configuration, domain: domain))
            }
        } catch { throw Failure(error) }
    }

    private func show(_ reports: [TLSReportPreview]) {
        if reports.isEmpty { return print("nothing is collected\(self.domain.map { " for \(SafeText($0))" } ?? "")") }
        for report in reports {
            if self.domain != nil || self.dryRun {
                print(report.json)
            } else {
                print("\(report.date)  \(report.successful) well, \(report.failed) failed  \(SafeText(report.domain))")
            }
        }
    }

    private func send(_ configuration: RelayConfiguration, _ domain: String?) async throws {
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        defer { threads.shutdownGracefully { _ in } }
        let spool = try configuration.openSpool(threads: threads)
        let log = Logger(label: "hoptop") { _ in SwiftLogNoOpLogHandler() }
        let outcomes = try await TLSReportOutcome.sendAll(configuration, of: spool, domain: domain, log: log)
        await spool.close()
        if outcomes.isEmpty { print("nothing is collected\(domain.map { " for \(SafeText($0))" } ?? "")") }
        for outcome in outcomes {
            let words = outcome.failure.map { "not sent: \($0)" } ?? "done"
            print("\(outcome.date)  \(SafeText(outcome.domain))  \(SafeText(words))")
        }
        if outcomes.contains(where: { $0.failure != nil }) { throw ExitCode(1) }
    }
}
