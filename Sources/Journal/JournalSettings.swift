/// How much a journal keeps, and where.
public struct JournalSettings: Hashable, Sendable {
    /// A folder of its own; `nil`: `journal` in the spool's folder.
    public var directory: String?
    /// Without it what became of mail is known as long as the spool has it.
    public var isKept = true
    /// Milliseconds after which an entry goes.
    public var age: Int64 = 90 * 86_400_000
    /// Octets of the database; the oldest entries go before it grows beyond.
    public var octets = 2_000_000_000
    /// Transcripts of sessions in which nothing went wrong, at most; those of failures are bounded by ``octets`` alone.
    public var transcripts = 1000
    public init() {}
}
