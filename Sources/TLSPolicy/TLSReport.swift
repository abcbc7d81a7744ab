import FoundationEssentials

/// What a domain is told of a day's sessions with its hosts (RFC 8460 §4.4). Codes as the JSON of that section.
public struct TLSReport: Hashable, Sendable, Codable {
    /// Date-times of RFC 3339.
    public struct Range: Hashable, Sendable, Codable {
        public var start: String
        public var end: String

        public init(start: String, end: String) {
            self.start = start
            self.end = end
        }

        private enum CodingKeys: String, CodingKey {
            case start = "start-datetime"
            case end = "end-datetime"
        }
    }

    /// Sessions.
    public struct Summary: Hashable, Sendable, Codable {
        public var successful: Int
        public var failed: Int

        public init(successful: Int, failed: Int) {
            self.successful = successful
            self.failed = failed
        }

        private enum CodingKeys: String, CodingKey {
            case successful = "total-successful-session-count"
            case failed = "total-failure-session-count"
        }
    }

    public struct FailureDetails: Hashable, Sendable, Codable {
        public var result: TLSFailure.Kind
        /// Ours.
        public var sendingAddress: String?
        public var receivingHost: String?
        public var receivingHello: String?
        public var receivingAddress: String?
        public var sessions: Int
        /// Where more is to be read.
        public var information: String?
        /// In words.
        public var reason: String?

        public init(
            _ result: TLSFailure.Kind, sendingAddress: String? = nil, receivingHost: String? = nil,
            receivingAddress: String? = nil, sessions: Int, reason: String? = nil
        ) {
            self.result = result
            self.sendingAddress = sendingAddress
            self.receivingHost = receivingHost
            self.receivingAddress = receivingAddress
            self.sessions = sessions
            self.reason = reason
        }

        private enum CodingKeys: String, CodingKey {
            case result = "result-type"
            case sendingAddress = "sending-mta-ip"
            case receivingHost = "receiving-mx-hostname"
            case receivingHello = "receiving-mx-helo"
            case receivingAddress = "receiving-ip"
            case sessions = "failed-session-count"
            case information = "additional-information"
            case reason = "failure-reason-code"
        }
    }

    /// How sessions went under one policy.
    public struct Results: Hashable, Sendable, Codable {
        public var policy: ReportedPolicy
        public var summary: Summary
        public var failures: [FailureDetails]?

        public init(_ policy: ReportedPolicy, _ summary: Summary, failures: [FailureDetails]? = nil) {
            self.policy = policy
            self.summary = summary
            self.failures = failures
        }

        private enum CodingKeys: String, CodingKey {
            case policy, summary
            case failures = "failure-details"
        }
    }

    public var organization: String
    public var range: Range
    public var contact: String
    public var id: String
    public var policies: [Results]

    public init(organization: String, range: Range, contact: String, id: String, policies: [Results]) {
        self.organization = organization
        self.range = range
        self.contact = contact
        self.id = id
        self.policies = policies
    }

    private enum CodingKeys: String, CodingKey {
        case organization = "organization-name"
        case range = "date-range"
        case contact = "contact-info"
        case id = "report-id"
        case policies
    }

    /// The JSON.
    public func text() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
