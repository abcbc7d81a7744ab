import FoundationEssentials
import Spool
import TLSPolicy

/// How TLS with one host went.
struct TLSSessionResult: Sendable {
    /// Whose mail it was for, in A-labels.
    var domain: String
    var policy: ReportedPolicy
    /// `nil`: all was as the policy has it.
    var failure: TLSFailure?
    var host: String
    /// Addresses, where there was a connection.
    var local: String?
    var remote: String?
}

/// What is counted of sessions that went alike: the words of a ``Tally``.
struct TLSTally: Codable, Hashable {
    var policy: ReportedPolicy
    /// With 0 sessions; `nil`: they went well.
    var failure: TLSReport.FailureDetails?

    /// Octets of words that others may have chosen.
    private static let reasonOctets = 200

    init(_ result: TLSSessionResult) {
        self.policy = result.policy
        self.failure = result.failure.map { failure in
            let reason = String(decoding: failure.reason.utf8.prefix(Self.reasonOctets), as: UTF8.self)
            return TLSReport.FailureDetails(
                failure.kind, sendingAddress: result.local, receivingHost: result.host,
                receivingAddress: result.remote, sessions: 0, reason: reason)
        }
    }

    /// `nil` when it was written by somebody else.
    init?(_ text: String) {
        guard let tally = try? JSONDecoder().decode(TLSTally.self, from: Data(text.utf8)) else { return nil }
        self = tally
    }

    /// The same for what is the same.
    var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
