import Relay
import SMTP

/// What the command line says over the file.
struct Overrides {
    var listen: [String] = []
    var spool: String?
    var hostname: String?
    var routes: [String] = []
    var user: String?

    /// - Throws: every mistake there is, named by its option.
    func apply(to whole: inout Configuration) throws(ConfigurationError) {
        // With another user goes another group.
        if let user = self.user { (whole.service.user, whole.service.group) = (user, nil) }
        try self.apply(to: &whole.relay)
    }

    func apply(to configuration: inout RelayConfiguration) throws(ConfigurationError) {
        var mistakes: [ConfigurationError.Mistake] = []
        func fail(_ option: String, _ reason: String) {
            mistakes.append(.init(source: option, line: nil, key: nil, reason: reason))
        }
        if !self.listen.isEmpty { configuration.listen = [] }
        for text in self.listen {
            if let address = ListenAddress(text) {
                configuration.listen.append(Listener(address))
            } else {
                fail(
                    "--listen \(text)",
                    "is no address; allowed: ADDRESS:PORT, such as 127.0.0.1:2525, unix:/run/hoptop/submit, or systemd:NAME"
                )
            }
        }
        if let spool = self.spool {
            if spool.isEmpty {
                fail("--spool", "names no directory")
            } else if let database = configuration.spoolDatabase {
                // Whoever says so by mistake would have another queue than the one that is meant, and the mail in it.
                fail(
                    "--spool \(spool)",
                    "names a directory, but the queue is in \(database), as the configuration says: leave --spool out, or take "
                        + "spool.store out of the file")
            } else {
                configuration.spoolDirectory = spool
            }
        }
        if let hostname = self.hostname {
            if (try? Domain(parsing: hostname)) == nil {
                fail("--hostname \(hostname)", "is no domain name; allowed: such as mx1.example.net")
            } else {
                configuration.hostname = hostname
            }
        }
        var routes: [Route] = []
        for text in self.routes {
            guard let route = Self.route(text, fail) else { continue }
            if routes.contains(where: { $0.pattern == route.pattern }) {
                fail("--route \(text)", "\(route.pattern) has a route already")
            }
            routes.append(route)
        }
        let given = Set(routes.map(\.pattern))
        configuration.routes = routes + configuration.routes.filter { !given.contains($0.pattern) }
        guard mistakes.isEmpty else { throw ConfigurationError(mistakes: mistakes) }
    }

    private static func route(_ text: String, _ fail: (String, String) -> Void) -> Route? {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let pattern = DomainPattern(String(parts[0])), !parts[1].isEmpty else {
            fail("--route \(text)", "is no route; allowed: PATTERN=HOST:PORT or PATTERN=mx, such as '*=127.0.0.1:2526'")
            return nil
        }
        let hosts = parts[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        do {
            return Route(pattern: pattern, via: try ConfigurationFile.via(hosts))
        } catch {
            fail("--route \(text)", error.reason(String(parts[1])))
            return nil
        }
    }
}
