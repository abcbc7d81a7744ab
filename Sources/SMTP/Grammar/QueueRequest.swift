/// Whose mail a client asks for with ETRN (RFC 1985 §5.3).
public enum QueueRequest: Hashable, Sendable, CustomStringConvertible {
    case domain(Domain)
    /// `@domain`: it and all below it.
    case subdomains(Domain)
    /// `#queue`: a name that server and client have agreed on.
    case queue(String)

    /// All mail, by a name that our `sendmail -q` and our server have agreed on.
    public static let all = QueueRequest.queue("all")

    /// The request as it stands behind ETRN.
    public var description: String {
        switch self {
        case .domain(let domain): domain.text
        case .subdomains(let domain): "@\(domain)"
        case .queue(let name): "#\(name)"
        }
    }
}
