public import SMTP

/// `example.org`, `*.example.org` (everything below it) or `*` (everything).
public struct DomainPattern: Sendable, Hashable, CustomStringConvertible {
    public let description: String
    private let kind: Kind
    private enum Kind: Sendable, Hashable {
        case any
        case exact(String)
        case below(String)
    }

    /// `nil` when it is neither `*` nor a domain, with `*.` before it at most: what no domain can match is no pattern.
    public init?(_ text: String) {
        self.description = text
        if text == "*" {
            self.kind = .any
            return
        }
        let below = text.hasPrefix("*.")
        let name = below ? String(text.dropFirst(2)) : text
        guard !name.split(separator: ".", omittingEmptySubsequences: false).contains(""), !name.contains("*"),
            name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "@") })
        else { return nil }
        self.kind = below ? .below("." + name.lowercased()) : .exact(name.lowercased())
    }

    /// Those of the same letters without case are one.
    public static func == (left: Self, right: Self) -> Bool { left.kind == right.kind }
    public func hash(into hasher: inout Hasher) { hasher.combine(self.kind) }

    /// The patterns that match all that this one does, and more; the narrowest first.
    var wider: [DomainPattern] {
        let name: Substring
        switch self.kind {
        case .any: return []
        case .exact(let domain): name = domain[...]
        case .below(let suffix): name = suffix.dropFirst()
        }
        let labels = name.split(separator: ".")
        let above = labels.indices.dropFirst().map { "*." + labels[$0...].joined(separator: ".") }
        return (above + ["*"]).compactMap { DomainPattern($0) }
    }

    /// It is `*`.
    public var isAny: Bool { self.kind == .any }

    /// - Parameter domain: in canonical form, lower case.
    public func matches(_ domain: String) -> Bool {
        switch self.kind {
        case .any: true
        case .exact(let name): name == domain
        case .below(let suffix): domain.hasSuffix(suffix) && domain.utf8.count > suffix.utf8.count
        }
    }
}

/// The operator's routes in their order; the first match wins; nothing leaves without one.
public struct RouteTable: Sendable {
    private let routes: [Route]
    /// Exact names resolve by the table itself, so that a thousand routes cost one look-up each.
    private var cache: [String: NextHop?] = [:]

    public init(_ routes: [Route]) { self.routes = routes }

    /// - Parameter domain: see ``routedDomain(of:hostname:)``.
    /// - Returns: `nil` when no route matches.
    public mutating func nextHop(for domain: String) -> NextHop? {
        if let known = self.cache[domain] { return known }
        let hop = self.routes.first { $0.pattern.matches(domain) }?.nextHop(for: domain)
        if self.cache.count >= 10_000 { self.cache.removeAll(keepingCapacity: true) }
        self.cache[domain] = .some(hop)
        return hop
    }

    /// The first route that names a host before all others; `nil`: none does.
    func route(via endpoint: SocketEndpoint) -> Route? { self.routes.first { $0.firstHost == endpoint } }

    /// The name that the table is asked for: the next host of a source route, else the mailbox's domain.
    ///
    /// - Parameter path: our own name already taken off its route.
    public static func routedDomain(of path: ForwardPath, hostname: String) -> String {
        switch path {
        case .postmaster: hostname.lowercased()
        case .path(let path): (path.route.first ?? path.mailbox.domain).canonical
        }
    }

    /// Why mail that matches no route waits, naming the key that is missing.
    public static func missingRoute(_ domain: String) -> String {
        "no route for \(domain): add a [[route]] with domain = \"\(domain)\" (or \"*\") and via = [\"host:port\"]"
    }
}
