/// What is known of one type of record at a name, with CNAMEs followed.
public struct Answer<Record: ResourceRecord>: Sendable, Hashable {
    public enum Content: Sendable, Hashable {
        /// At least one, at most ``ResourceRecord/most``.
        case records([Record])
        /// The name exists, but has none.
        case noRecords
        /// The name does not exist (NXDOMAIN, RFC 8020).
        case noSuchName
        case failed(LookupFailure)
    }
    public var content: Content
    /// It was validated, be it that there are such records or that there are none (RFC 4033 §5).
    public var isSecure: Bool
    /// Seconds for which it holds; 0 for a failure.
    public var ttl: Int
    /// The name at the end of CNAMEs; `nil` without any.
    public var canonicalName: HostName?

    public init(_ content: Content, isSecure: Bool = false, ttl: Int = 0, canonicalName: HostName? = nil) {
        self.content = content
        self.isSecure = isSecure
        self.ttl = ttl
        self.canonicalName = canonicalName
    }

    public var records: [Record] {
        if case .records(let records) = self.content { records } else { [] }
    }
}

/// Why nothing is known for now.
public enum LookupFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// It is signed, and the signatures do not bear it out: why, in the words of a library.
    case bogus(String)
    /// A server's word for it, such as `SERVFAIL`.
    case refused(String)
    case timedOut
    /// It was not even asked, since so much is.
    case unavailable(String)

    /// In a few words.
    public var description: String {
        switch self {
        case .bogus(let why): "bogus\(why.isEmpty ? "" : " (\(why))")"
        case .refused(let word): word
        case .timedOut: "no answer"
        case .unavailable(let why): why
        }
    }
}

/// An answer before anybody says which records are expected in it.
struct RawAnswer: Sendable {
    var records: [[UInt8]] = []
    var hasNoSuchName = false
    var failure: LookupFailure?
    var isSecure = false
    var ttl = 0
    var canonicalName: HostName?
}

extension Answer {
    init(_ raw: RawAnswer) {
        let records = raw.records.compactMap { Record($0) }
        let content: Content =
            if let failure = raw.failure {
                .failed(failure)
            } else if raw.hasNoSuchName {
                .noSuchName
            } else if raw.records.isEmpty {
                .noRecords
            } else if records.isEmpty {
                .failed(.refused("records that are not \(Record.type)"))
            } else {
                .records(Record.first(records))
            }
        self.init(content, isSecure: raw.isSecure, ttl: raw.ttl, canonicalName: raw.canonicalName)
    }
}
