/// Whose mail a client asks for with ETRN (RFC 1985 §5.3).
public enum QueueRequest: Hashable, Sendable, CustomStringConvertible {
    case domain(Domain)
    /// `@domain`: it and all below it.
    case subdomains(Domain)
    /// `#queue`: a name that server and client have agreed on.
    case queue(String)

    /// The request as it stands behind ETRN.
    public var description: String {
        switch self {
        case .domain(let domain): domain.text
        case .subdomains(let domain): "@\(domain)"
        case .queue(let name): "#\(name)"
        }
    }
}
