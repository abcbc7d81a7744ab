public import SMTP

/// One `[[milter]]`: a filter that is asked about inbound sessions and their mail. Durations are milliseconds.
public struct Milter: Sendable, Hashable {
    public enum Address: Sendable, Hashable, CustomStringConvertible {
        case tcp(SocketEndpoint)
        case unix(path: String)

        /// Reads `unix:/run/filter.sock`, `127.0.0.1:8891`, and as Postfix writes it `inet:127.0.0.1:8891`.
        public init?(_ text: String) {
            if text.hasPrefix("unix:") {
                let path = String(text.dropFirst(5))
                // sockaddr_un has room for no more.
                guard path.hasPrefix("/"), path.utf8.count < 108 else { return nil }
                self = .unix(path: path)
            } else {
                let endpoint = SocketEndpoint(text.hasPrefix("inet:") ? String(text.dropFirst(5)) : text)
                guard let endpoint, endpoint.port > 0 else { return nil }
                self = .tcp(endpoint)
            }
        }

        public var description: String {
            switch self {
            case .tcp(let endpoint): endpoint.description
            case .unix(let path): "unix:\(path)"
            }
        }
    }

    /// What is done with mail when the filter cannot be asked.
    public enum OnError: String, Sendable, Hashable, CaseIterable { case tempfail, accept, reject }

    public var address: Address
    public var onError = OnError.tempfail
    /// The listeners whose sessions it is asked about, by their roles.
    public var roles: [ServerSession.Role] = ServerSession.Role.allCases
    /// Clients about whose sessions it is not asked.
    public var except: [Network] = []
    public var connectTimeout: Int64 = 30_000
    /// For its answer to a step.
    public var commandTimeout: Int64 = 30_000
    /// For its answer to the end of a message.
    public var contentTimeout: Int64 = 5 * 60_000

    public init(_ address: Address) { self.address = address }
}
