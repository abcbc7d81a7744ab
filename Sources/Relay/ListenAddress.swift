/// Where mail comes in: `127.0.0.1:2525`, or `unix:/run/hoptop/submit` for users of this machine.
public enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    case endpoint(SocketEndpoint)
    /// A Unix socket, by its path.
    case socket(String)

    private static let scheme = "unix:"
    /// `sun_path` holds 108 octets, the last of them 0.
    private static let pathLimit = 107

    /// `nil` when it is neither, or the path is not absolute or too long.
    public init?(_ text: String) {
        guard text.hasPrefix(Self.scheme) else {
            guard let endpoint = SocketEndpoint(text) else { return nil }
            self = .endpoint(endpoint)
            return
        }
        let path = String(text.dropFirst(Self.scheme.count))
        guard path.hasPrefix("/"), !path.hasSuffix("/"), path.utf8.count <= Self.pathLimit, !path.utf8.contains(0)
        else { return nil }
        self = .socket(path)
    }

    /// `nil` for a Unix socket.
    public var endpoint: SocketEndpoint? { if case .endpoint(let endpoint) = self { endpoint } else { nil } }

    public var description: String {
        switch self {
        case .endpoint(let endpoint): endpoint.description
        case .socket(let path): "\(Self.scheme)\(path)"
        }
    }
}
