/// Where mail comes in: `127.0.0.1:2525`, `unix:/run/hoptop/submit` for users of this machine, or `systemd:smtp`, sockets that
/// the service manager passes on.
public enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    case endpoint(SocketEndpoint)
    /// A Unix socket, by its path.
    case socket(String)
    /// What the service manager has by that name, or at that place.
    case passed(String)

    private static let scheme = "unix:"
    private static let passedScheme = "systemd:"
    /// `sun_path` holds 108 octets, the last of them 0.
    private static let pathLimit = 107

    /// `nil` when it is none of these, or the path is not absolute or too long.
    public init?(_ text: String) {
        if text.hasPrefix(Self.passedScheme) {
            let name = text.dropFirst(Self.passedScheme.count)
            // What systemd takes for FileDescriptorName=.
            guard (1...255).contains(name.utf8.count), name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
                !name.contains(":")
            else { return nil }
            self = .passed(String(name))
            return
        }
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

    /// `nil` for any other than that.
    public var endpoint: SocketEndpoint? { if case .endpoint(let endpoint) = self { endpoint } else { nil } }

    public var description: String {
        switch self {
        case .endpoint(let endpoint): endpoint.description
        case .socket(let path): "\(Self.scheme)\(path)"
        case .passed(let name): "\(Self.passedScheme)\(name)"
        }
    }
}
