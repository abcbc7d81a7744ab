public import Monitor

/// Where a daemon's control API is.
public enum DaemonAddress: Hashable, Sendable, CustomStringConvertible {
    /// A Unix socket of this machine, by its path.
    case socket(String)
    /// HTTPS; a name with a colon in it is an IPv6 address.
    case host(String, port: Int)
    /// A Unix socket of another machine.
    case ssh(SSHPlace)

    /// - Parameter text: a path, `unix:PATH`, `https://HOST[:PORT]` or `ssh://[USER@]HOST[:PORT][/PATH]`.
    /// - Throws: `.invalid`, with what would be right.
    public init(_ text: String) throws(FeedError) {
        let scheme = text.firstRange(of: "://").map { text[..<$0.lowerBound].lowercased() }
        switch scheme {
        case nil:
            let path = text.hasPrefix("unix:") ? String(text.dropFirst(5)) : text
            // What has no slash is more likely the name of a host than that of a file.
            guard path.contains("/") else { throw Self.unknown(text) }
            self = .socket(path)
        case "https":
            let authority = Authority(text.dropFirst("https://".count))
            guard let authority, authority.user == nil, authority.path.isEmpty || authority.path == "/" else {
                throw FeedError(.invalid, "\(SafeText(text)) is no address: https://HOST or https://HOST:PORT")
            }
            self = .host(authority.host, port: authority.port ?? 443)
        case "ssh":
            guard let authority = Authority(text.dropFirst("ssh://".count)) else {
                throw FeedError(
                    .invalid, "\(SafeText(text)) is no address: ssh://[USER@]HOST[:PORT][/PATH/OF/control.sock]")
            }
            let socket = authority.path.count > 1 ? authority.path : Self.usualSocket
            self = .ssh(
                SSHPlace(user: authority.user, host: authority.host, port: authority.port, socket: socket))
        case "http":
            throw FeedError(
                .invalid, "\(SafeText(text)) would send the token for all to read: use https://, a socket or ssh://")
        default: throw Self.unknown(text)
        }
    }

    /// Where a machine's daemon is asked, when nobody says where.
    private static let usualSocket = "/run/hoptop/control.sock"

    private static func unknown(_ text: String) -> FeedError {
        FeedError(
            .invalid,
            "\(SafeText(text)) is no address of a daemon: the path of its socket (./NAME in this folder), "
                + "https://HOST:PORT, or ssh://HOST")
    }

    public var description: String {
        switch self {
        case .socket(let path): path
        case .ssh(let place): place.description
        case .host(let host, let port): "https://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        }
    }
}

/// `[USER@]HOST[:PORT][/PATH]`, as URLs have it (RFC 3986 §3.2).
struct Authority: Hashable {
    var user: String?
    var host: String
    var port: Int?
    /// With its slash; empty where there is none.
    var path: String

    init?(_ text: Substring) {
        let end = text.firstIndex(of: "/") ?? text.endIndex
        self.path = String(text[end...])
        var rest = text[..<end]
        if let at = rest.lastIndex(of: "@") {
            self.user = String(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        if rest.first == "[" {
            guard let close = rest.firstIndex(of: "]") else { return nil }
            self.host = String(rest[rest.index(after: rest.startIndex)..<close])
            rest = rest[rest.index(after: close)...]
        } else {
            let colon = rest.firstIndex(of: ":") ?? rest.endIndex
            self.host = String(rest[..<colon])
            rest = rest[colon...]
        }
        if !rest.isEmpty {
            guard rest.first == ":", let port = UInt16(rest.dropFirst()), port > 0 else { return nil }
            self.port = Int(port)
        }
        // Names and addresses, and no word that a program would take for an option.
        guard let first = self.host.first, first != "-", self.host.utf8.allSatisfy(Self.isOfNames) else { return nil }
        if let user = self.user {
            guard let first = user.first, first != "-", user.utf8.allSatisfy(Self.isOfNames) else { return nil }
        }
    }

    private static func isOfNames(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: ":"), UInt8(ascii: "%"):
            true
        default: octet >= 0x80
        }
    }
}
