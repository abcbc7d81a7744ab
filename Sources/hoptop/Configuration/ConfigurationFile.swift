import Foundation
import Relay
import SMTP
import Screen
import TOMLKit

/// Reads and writes the TOML file. It is checked as a whole before anything of it is used.
enum ConfigurationFile {
    /// Where a file is looked for when none is named.
    static func defaultPaths(environment: [String: String]) -> [String] {
        let home = environment["HOME"] ?? "/root"
        let own = environment["XDG_CONFIG_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? "\(home)/.config"
        return ["\(own)/hoptop/hoptop.toml", "/etc/hoptop/hoptop.toml"]
    }

    static func defaults(environment: [String: String] = ProcessInfo.processInfo.environment) -> Configuration {
        let home = environment["HOME"] ?? "/root"
        let state = environment["XDG_STATE_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? "\(home)/.local/state"
        return Configuration(
            relay: RelayConfiguration(
                hostname: self.machineName, listen: [Listener(SocketEndpoint(host: "127.0.0.1", port: 2525))],
                spoolDirectory: "\(state)/hoptop"))
    }

    private static var machineName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (try? Domain(parsing: text)) == nil ? "localhost" : text
    }

    // MARK: reading

    /// - Parameters:
    ///   - file: its name, for messages.
    ///   - counts: whether a mistake of that key matters to whoever reads the file.
    /// - Throws: every mistake there is, not only the first.
    static func read(
        text: String, file: String, where counts: (String) -> Bool = { _ in true }
    ) throws(ConfigurationError) -> Configuration {
        let root: TOMLTable
        do {
            root = try TOMLTable(string: text)
        } catch {
            let parse = error as? TOMLParseError
            let reason = parse?.description.split(whereSeparator: \.isNewline).first.map(String.init) ?? "is not TOML"
            throw ConfigurationError(
                mistakes: [.init(source: file, line: parse?.source.begin.line, key: nil, reason: reason)])
        }
        var reader = Reader(file: file, locator: KeyLocator(text), configuration: self.defaults())
        reader.read(root, under: "")
        for mistake in reader.configuration.contradictions(isWritten: reader.locator.has) {
            reader.fail(mistake.key, mistake.reason)
        }
        let mistakes = reader.mistakes.filter { $0.key.map(counts) ?? true }
        guard mistakes.isEmpty else { throw ConfigurationError(mistakes: mistakes) }
        return reader.configuration
    }

    private struct Reader {
        let file: String
        let locator: KeyLocator
        var configuration: Configuration
        var mistakes: [ConfigurationError.Mistake] = []
        /// The tables that are being read.
        private var listener = Listener(SocketEndpoint(host: "", port: 0))
        private var milter = Milter(.unix(path: ""))
        private var route = RouteDraft()
        private var signing = SigningRule(domain: "", selector: "", key: "")

        init(file: String, locator: KeyLocator, configuration: Configuration) {
            self.file = file
            self.locator = locator
            self.configuration = configuration
        }

        private static let all =
            ConfigurationKey<Configuration>.whole
            + ConfigurationKey<ScreenConfiguration>.inPlaces.map { $0.of(\.screen) }
        private static let keys = Dictionary(uniqueKeysWithValues: Self.all.map { ($0.path, $0) })
        private static let tables = ["listen", "milter", "dkim", "route"]
        private static let sections = Set(
            Self.all.flatMap { key -> [String] in
                let parts = key.path.split(separator: ".")
                return (1..<max(parts.count, 1)).map { parts.prefix($0).joined(separator: ".") }
            })

        mutating func read(_ table: TOMLTable, under prefix: String) {
            for name in table.keys {
                let path = prefix.isEmpty ? name : "\(prefix).\(name)"
                guard let value = table[name] else { continue }
                if Self.tables.contains(path) {
                    self.readTables(value, path)
                } else if let key = Self.keys[path] {
                    self.read(value, key, path, into: \.configuration)
                } else if Self.sections.contains(path) {
                    if let inner = value.table {
                        self.read(inner, under: path)
                    } else {
                        self.fail(path, "is a table: write [\(path)]")
                    }
                } else {
                    self.unknown(path, among: Array(Self.keys.keys) + Self.sections + Self.tables)
                }
            }
        }

        private mutating func read<Target>(
            _ value: any TOMLValueConvertible, _ key: ConfigurationKey<Target>, _ path: String,
            into target: WritableKeyPath<Reader, Target>
        ) {
            do {
                try key.read(&self[keyPath: target], Self.value(value))
            } catch { self.fail(path, error.reason(value.debugDescription)) }
        }

        private static func value(_ value: any TOMLValueConvertible) -> ConfigurationValue {
            if let text = value.string { return .text(text) }
            if let flag = value.bool { return .flag(flag) }
            if let number = value.int { return .number(number) }
            if let table = value.table {
                let texts = table.keys.compactMap { name in table[name]?.string.map { (name, $0) } }
                return texts.count == table.keys.count
                    ? .table(Dictionary(texts, uniquingKeysWith: { $1 })) : .other
            }
            guard let array = value.array else { return .other }
            let texts = array.compactMap { $0.string }
            return texts.count == array.count ? .texts(texts) : .other
        }

        // MARK: [[listen]], [[milter]], [[dkim]] and [[route]]

        private mutating func readTables(_ value: any TOMLValueConvertible, _ name: String) {
            let tables = value.array?.compactMap { $0.table } ?? []
            guard let array = value.array, tables.count == array.count else {
                return self.fail(name, "is a list of tables: write [[\(name)]]")
            }
            if name == "listen" {
                self.configuration.relay.listen = []
                if tables.isEmpty { self.fail(name, "names no address: write [[listen]], or nothing for the default") }
            }
            for (index, table) in tables.enumerated() {
                let path = "\(name)[\(index)]"
                switch name {
                case "listen": self.readListen(table, path)
                case "dkim": self.readSigning(table, path)
                case "milter": self.readMilter(table, path)
                default: self.readRoute(table, path)
                }
            }
        }

        /// - Returns: whether it had no mistake.
        private mutating func readTable<Target>(
            _ table: TOMLTable, _ path: String, _ keys: [ConfigurationKey<Target>],
            into target: WritableKeyPath<Reader, Target>
        ) -> Bool {
            let before = self.mistakes.count
            for name in table.keys {
                guard let value = table[name] else { continue }
                if let key = keys.first(where: { $0.path == name }) {
                    self.read(value, key, "\(path).\(name)", into: target)
                } else {
                    self.unknown("\(path).\(name)", among: keys.map { "\(path).\($0.path)" })
                }
            }
            return self.mistakes.count == before
        }

        private mutating func readListen(_ table: TOMLTable, _ path: String) {
            self.listener = Listener(SocketEndpoint(host: "", port: 0))
            guard self.readTable(table, path, ConfigurationKey<Listener>.listen, into: \.listener) else { return }
            let address = self.listener.address
            guard table["address"] != nil else {
                return self.fail("\(path).address", "is missing; allowed: \"127.0.0.1:2525\", \"[::1]:2525\"")
            }
            let isChosen = if case .endpoint(let endpoint) = address { endpoint.port == 0 } else { false }
            guard isChosen || !self.configuration.relay.listen.contains(where: { $0.address == address }) else {
                return self.fail("\(path).address", "\(address) is listened on already")
            }
            if case .socket = address {
                let unused = self.listener.tls != nil ? "tls" : self.listener.proxies.isEmpty ? nil : "proxy"
                if let unused { return self.fail("\(path).\(unused)", "means nothing for \(address): remove it") }
            }
            self.configuration.relay.listen.append(self.listener)
        }

        private mutating func readMilter(_ table: TOMLTable, _ path: String) {
            self.milter = Milter(.unix(path: ""))
            guard self.readTable(table, path, ConfigurationKey<Milter>.milter, into: \.milter) else { return }
            guard table["address"] != nil else {
                return self.fail(
                    "\(path).address", "is missing; allowed: \"127.0.0.1:8891\", \"unix:/run/filter/filter.sock\"")
            }
            let address = self.milter.address
            guard !self.configuration.relay.milters.contains(where: { $0.address == address }) else {
                return self.fail("\(path).address", "\(address) is asked already")
            }
            self.configuration.relay.milters.append(self.milter)
        }

        private mutating func readRoute(_ table: TOMLTable, _ path: String) {
            self.route = RouteDraft()
            guard self.readTable(table, path, ConfigurationKey<RouteDraft>.route, into: \.route) else { return }
            guard let pattern = self.route.pattern else {
                return self.fail(
                    "\(path).domain", "is missing; allowed: \"example.org\", \"*.example.org\", \"*\"")
            }
            guard !self.configuration.relay.routes.contains(where: { $0.pattern == pattern }) else {
                return self.fail(
                    "\(path).domain", "\(pattern) has a route already: the first match wins, so remove one")
            }
            guard let via = self.route.via else {
                return self.fail("\(path).via", "is missing; allowed: [\"host:port\", …] or [\"mx\"]")
            }
            guard let login = self.route.login else {
                return self.fail("\(path).user", "needs a password or a token beside it, and each of those a user")
            }
            var security = self.route.security
            security.login = login
            if security.tls == .none, security.isImplicit || security.fingerprint != nil {
                return self.fail("\(path).tls", "\"none\" contradicts implicit-tls and fingerprint")
            }
            if security.authorities != nil, security.tls != .verified || security.fingerprint != nil {
                return self.fail(
                    "\(path).authorities", "is asked only with tls = \"verified\" and without fingerprint")
            }
            var route = Route(pattern: pattern, via: via, security: security)
            route.limits = self.route.limits
            route.retry = self.route.retry
            route.srs = self.route.srs
            if let srs = route.srs, self.configuration.relay.routes.contains(where: { $0.srs?.isOther(srs) == true }) {
                return self.fail("\(path).srs", "\(srs.domain) has another secret already")
            }
            self.configuration.relay.routes.append(route)
        }

        private mutating func readSigning(_ table: TOMLTable, _ path: String) {
            self.signing = SigningRule(domain: "", selector: "", key: "")
            guard self.readTable(table, path, ConfigurationKey<SigningRule>.dkim, into: \.signing) else { return }
            for key in ConfigurationKey<SigningRule>.dkim where key.path != "from" && table[key.path] == nil {
                return self.fail("\(path).\(key.path)", "is missing; allowed: such as \(key.example ?? "")")
            }
            let rule = self.signing
            let isKnown = self.configuration.relay.signing.contains {
                $0.domain == rule.domain && $0.selector == rule.selector
            }
            guard !isKnown else {
                return self.fail("\(path).selector", "\(rule.selector) of \(rule.domain) names another key already")
            }
            self.configuration.relay.signing.append(rule)
        }

        private mutating func unknown(_ path: String, among known: [String]) {
            let near = known.min { Self.distance($0, path) < Self.distance($1, path) }
            let hint = near.flatMap { Self.distance($0, path) <= 3 ? "; did you mean \($0)?" : nil }
            self.fail(path, "is no key\(hint ?? "; hoptop config default lists all of them")")
        }

        mutating func fail(_ path: String, _ reason: String) {
            self.mistakes.append(.init(source: self.file, line: self.locator.line(of: path), key: path, reason: reason))
        }

        /// Letters to change, add or take away (Levenshtein).
        private static func distance(_ left: String, _ right: String) -> Int {
            let right = Array(right)
            var row = Array(0...right.count)
            for (line, letter) in left.enumerated() {
                var before = row[0]
                row[0] = line + 1
                for column in right.indices {
                    let changed = before + (right[column] == letter ? 0 : 1)
                    before = row[column + 1]
                    row[column + 1] = min(changed, before + 1, row[column] + 1)
                }
            }
            return row[right.count]
        }
    }

    /// Where a route leads.
    ///
    /// - Parameter hosts: at least one.
    static func via(_ hosts: [String]) throws(ConfigurationRefusal) -> Route.Via {
        if hosts.count == 1, hosts[0].lowercased() == "mx" { return .exchangers }
        var endpoints: [SocketEndpoint] = []
        for host in hosts { endpoints.append(try self.host(host)) }
        return .hosts(endpoints)
    }

    private static func host(_ text: String) throws(ConfigurationRefusal) -> SocketEndpoint {
        if text.lowercased() == "mx" {
            throw ConfigurationRefusal(because: "\"mx\" (delivery by DNS) stands alone; name it or hosts")
        }
        guard let endpoint = SocketEndpoint(text, defaultPort: 25), endpoint.port > 0 else {
            throw ConfigurationRefusal(
                because: "\(text) is no host; allowed: \"host\", \"host:port\", \"[2001:db8::1]:25\", or \"mx\" alone")
        }
        return endpoint
    }
}
