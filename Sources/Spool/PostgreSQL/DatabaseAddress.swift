/// Where a database is, in libpq's words: `postgresql://user@host:5432/name`, several hosts and parameters allowed
/// (https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING).
public struct DatabaseAddress: Sendable, Hashable, CustomStringConvertible {
    private static let schemes = ["postgresql://", "postgres://"]
    public let url: String

    /// - Returns: `nil` when it is no such address, or when it has a password: that belongs into a file that its owner alone
    ///   can read, `~/.pgpass` or one named by `passfile=`.
    public init?(_ url: String) {
        guard let scheme = Self.schemes.first(where: { url.lowercased().hasPrefix($0) }), !Self.hasPassword(url)
        else { return nil }
        guard url.count > scheme.count, url.allSatisfy({ $0.isASCII && !$0.isWhitespace && $0 != "\0" }) else {
            return nil
        }
        self.url = url
    }

    /// Whether the address tells a password, which would be told again by whoever shows the configuration.
    public static func hasPassword(_ url: String) -> Bool {
        guard let start = url.firstRange(of: "://")?.upperBound else { return false }
        let rest = url[start...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        if let at = authority.lastIndex(of: "@"), authority[..<at].contains(":") { return true }
        let parameters = rest.drop { $0 != "?" }.dropFirst().split(separator: "&")
        return parameters.contains {
            $0.lowercased().hasPrefix("password=") || $0.lowercased().hasPrefix("sslpassword=")
        }
    }

    /// It names no password.
    public var description: String { self.url }

    /// What libpq is handed; what the address says goes before what we would say.
    var keywords: [(name: String, value: String)] {
        [
            ("fallback_application_name", "hoptop"), ("connect_timeout", "5"),
            // A machine that is gone says nothing.
            ("tcp_user_timeout", "15000"), ("keepalives_idle", "15"), ("keepalives_interval", "5"),
            // Of several hosts that one which takes writes, also after it became another.
            ("target_session_attrs", "read-write"), ("client_encoding", "UTF8"), ("dbname", self.url),
        ]
    }
}
