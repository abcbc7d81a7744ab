/// What was found about the records of one host that DANE goes by (RFC 7672 §2.2).
public enum DANEFinding: Hashable, Sendable {
    /// The operator does not want it.
    case off
    /// The way to the host is not signed, or not down to its addresses: what, in a few words.
    case unsigned(String)
    /// All is signed, and there are no TLSA records.
    case none(at: String)
    case records([TLSARecord], at: String)
    /// The records should be there or not, but that cannot be found out: no mail for now, since who hides them could take
    /// it (§2.1.1).
    case unavailable(String)
    /// Its addresses cannot be had for now, and so nothing can be said (§2.2.2).
    case unreachable(String)
}

/// What was found of the MTA-STS policy of a domain.
public enum STSFinding: Hashable, Sendable {
    /// The operator does not want it, or no domain was looked up.
    case off
    /// There is none: why, in a few words.
    case none(String)
    /// There should be one, and it cannot be had or used; mail goes as if there were none.
    case unusable(TLSFailure)
    /// - domain: which published it.
    case policy(STSPolicy, domain: String)
}
