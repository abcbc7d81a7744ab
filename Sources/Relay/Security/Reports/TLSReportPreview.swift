import Monitor
import Spool
import TLSPolicy

/// What is collected for the TLS report to one domain on one day: what `hoptop tls-report` tells.
public struct TLSReportPreview: Sendable {
    public let domain: String
    /// `2026-11-29`, in UTC.
    public let date: String
    public let successful: Int
    public let failed: Int
    /// The report as it would be sent now: JSON that a terminal may be given.
    public let json: String

    /// Of all days that were not reported yet, oldest first. Blocks; a relay may have the spool.
    ///
    /// - Parameter domain: the only one; `nil`: all.
    /// - Throws: ``TLSReportError``, ``SpoolError``.
    public static func all(_ configuration: RelayConfiguration, domain: String?) throws -> [TLSReportPreview] {
        let sender = try TLSReportSender.wanted(configuration)
        let directory = configuration.spoolDirectory
        return try SpoolListing.talliedDays(in: directory).filter { domain == nil || $0.domain == domain }.map { day in
            let tallies = try SpoolListing.tallies(in: directory, of: day.domain, on: day.day)
            return try TLSReportPreview(TLSReport(tallies, of: day.domain, on: day.day, by: sender), day)
        }
    }

    private init(_ report: TLSReport, _ day: TalliedDay) throws {
        self.domain = day.domain
        self.date = day.day.date
        self.successful = report.policies.reduce(0) { $0 + $1.summary.successful }
        self.failed = report.policies.reduce(0) { $0 + $1.summary.failed }
        self.json = String(decoding: try SafeJSON.encode(report, isPretty: true), as: UTF8.self)
    }
}

/// Why there are no TLS reports. The description is one line and says what to do.
public struct TLSReportError: Error, CustomStringConvertible {
    public let description: String
}

extension TLSReportSender {
    static func wanted(_ configuration: RelayConfiguration) throws -> TLSReportSender {
        guard let sender = TLSReportSender(configuration) else {
            throw TLSReportError(
                description: "no TLS reports are collected: name their sender with from = \"ADDRESS\" in [tls-report]")
        }
        return sender
    }
}
