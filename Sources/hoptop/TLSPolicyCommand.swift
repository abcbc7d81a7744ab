import ArgumentParser
import Foundation
import Logging
import Monitor
import Relay
import SMTP

struct TLSPolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tls-policy", abstract: "Tell what would be demanded of the TLS to a domain's hosts, and why.",
        discussion: """
            Looks up what a relay with this configuration would: the route, the mail exchangers and whether they are \
            signed, TLSA records (DANE), the MTA-STS policy as it is published now. Sends nothing to the hosts. The exit \
            status is 0 when mail could go to one of them, else 1.

            EXAMPLES
              hoptop tls-policy example.org
              hoptop tls-policy example.org --json --config /etc/hoptop/hoptop.toml
            """)
    @Argument(help: "The domain of a recipient.")
    var domain: String
    @Flag(help: "Print JSON.")
    var json = false
    @OptionGroup var engine: EngineOptions

    func run() async throws {
        guard (try? Domain(parsing: self.domain)) != nil else {
            throw Failure("\(self.domain) is no domain: name one such as example.org")
        }
        let configuration = try self.engine.configuration()
        do { _ = try Keyring(configuration) } catch { throw Failure(error) }
        let log = Logger(label: "hoptop") { _ in SwiftLogNoOpLogHandler() }
        let report = await TLSPolicyReport(on: self.domain, configuration, log: log)
        if self.json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        } else {
            for line in report.lines { print(SafeText(line)) }
        }
        guard report.allowsMail else { throw ExitCode(1) }
    }
}

extension TLSPolicyReport {
    /// For people.
    var lines: [String] {
        var lines: [String] = []
        if let tls = self.tls {
            let way = self.isByExchangers ? "its mail exchangers" : "the hosts of its route"
            lines.append("\(self.domain): to \(way), with tls = \"\(tls)\"")
        }
        switch (self.sts?.mode, self.sts) {
        case (let mode?, let sts?):
            lines.append(
                "MTA-STS: \(mode)\(sts.hosts.isEmpty ? "" : " for ")\(sts.hosts.joined(separator: ", "))"
                    + (sts.maximumAgeSeconds.map { ", for \($0) s" } ?? ""))
        case (nil, let sts?): lines.append("MTA-STS: none, \(sts.why ?? "")")
        case (_, nil): break
        }
        for host in self.hosts {
            let preference = host.preference.map { "\($0) " } ?? ""
            lines.append("\(preference)\(host.host)\(host.isSigned ? " (signed)" : "")")
            let policy = TLSPolicyReport.words[host.policy].map { "\($0): " } ?? ""
            lines.append("    \(host.demand.words)")
            lines.append("    \(policy)\(host.why)")
        }
        if let problem = self.problem { lines.append(problem) }
        return lines
    }

    private static let words = ["dane": "DANE", "mta-sts": "MTA-STS", "route": "route"]
}

extension TLSPolicyReport.Demand {
    fileprivate var words: String {
        switch self {
        case .never: "no TLS"
        case .ifOffered: "TLS where it is offered, with any certificate"
        case .encrypted: "TLS, with any certificate"
        case .verified: "TLS, with a certificate that passes the check"
        case .passedOver: "no mail for now"
        }
    }
}
