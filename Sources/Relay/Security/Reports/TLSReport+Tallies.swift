import Mail
import SMTP
import Spool
import TLSPolicy

extension TLSReport {
    /// The report to a domain on a day.
    ///
    /// Its identifier is made of what it is about, so that one that comes twice is known for that.
    init(_ tallies: [Tally], of domain: String, on day: Int, by sender: TLSReportSender) {
        var order: [ReportedPolicy] = []
        var results: [ReportedPolicy: Results] = [:]
        for tally in tallies {
            guard let what = TLSTally(tally.what) else { continue }
            if results[what.policy] == nil { order.append(what.policy) }
            var result = results[what.policy] ?? Results(what.policy, Summary(successful: 0, failed: 0))
            if var failure = what.failure {
                failure.sessions = tally.count
                result.failures = (result.failures ?? []) + [failure]
                result.summary.failed += tally.count
            } else {
                result.summary.successful += tally.count
            }
            results[what.policy] = result
        }
        let (start, end) = (Timestamp(startOf: day), Timestamp(startOf: day + 1).adding(milliseconds: -1000))
        self.init(
            organization: sender.organization,
            range: Range(
                start: InternetDateTime.text(milliseconds: start.milliseconds),
                end: InternetDateTime.text(milliseconds: end.milliseconds)),
            contact: sender.contact, id: "\(day.date.filter { $0 != "-" }).\(domain)@\(sender.hostname)",
            policies: order.compactMap { results[$0] })
    }
}

/// Who tells domains how TLS went.
struct TLSReportSender: Sendable, Hashable {
    var from: Mailbox
    var organization: String
    var contact: String
    var hostname: String

    /// `nil` where the configuration wants no reports.
    init?(_ configuration: RelayConfiguration) {
        guard let from = configuration.tlsReporting.from else { return nil }
        self.from = from
        self.organization = configuration.tlsReporting.organization ?? configuration.hostname
        self.contact = configuration.tlsReporting.contact ?? from.description
        self.hostname = configuration.hostname
    }

    /// The domain that reports (RFC 8460 §5.3).
    var submitter: String { self.from.domain.text }
}

extension Timestamp {
    static let dayMilliseconds: Int64 = 86_400_000

    /// - Parameter day: of UTC, since 1970-01-01.
    init(startOf day: Int) { self.init(milliseconds: Int64(day) * Self.dayMilliseconds) }

    /// Of UTC, since 1970-01-01.
    var day: Int { Int(self.milliseconds.quotientAndFloorRemainder(by: Self.dayMilliseconds).quotient) }
}

extension Int {
    /// `2026-11-29`, of a day of UTC since 1970-01-01.
    var date: String { String(InternetDateTime.text(milliseconds: Timestamp(startOf: self).milliseconds).prefix(10)) }
}
