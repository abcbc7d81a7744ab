import Relay
import SMTP

extension ConfigurationKey<Listener> {
    /// The keys of each `[[listen]]`.
    static let listen: [ConfigurationKey<Listener>] = [
        .init(
            path: "address",
            explanation:
                "Where mail comes in; a [[listen]] for each. \"unix:/run/hoptop/submit\" is for this machine's users. "
                + "\"systemd:smtp\" is what the service manager passes on as that (FileDescriptorName=smtp in the socket "
                + "unit), \"systemd:1\" its first socket, where none has that name.",
            read: { listener, value throws(Refusal) in
                guard case .text(let text) = value, let address = ListenAddress(text) else {
                    throw Refusal(
                        "\"127.0.0.1:2525\", \"[::1]:2525\", \"unix:/run/hoptop/submit\", \"systemd:smtp\"")
                }
                listener.address = address
            }, write: { quoted($0.address.description) }),
        .word(
            "role", "relay takes mail by policy, submission from users that logged in, lmtp answers per recipient.",
            \.role),
        .optionalWord(
            "tls", "none, starttls (the default where [tls] has a certificate), or implicit.",
            example: "\"starttls\"", \.tls),
        .networks("proxy", "Clients whose connections begin with a PROXY header.", \.proxies),
    ]
}

extension ConfigurationKey<SigningRule> {
    /// The keys of each `[[dkim]]`.
    static let dkim: [ConfigurationKey<SigningRule>] = [
        .init(
            path: "domain", explanation: "The domain that answers for the mail (d=).",
            read: { rule, value throws(Refusal) in
                guard case .text(let text) = value, let name = Self.name(text) else {
                    throw Refusal("a domain name such as \"example.org\", in ASCII")
                }
                rule.domain = name
            }, write: { quoted($0.domain) }, example: "\"example.org\""),
        .init(
            path: "selector", explanation: "Its name in DNS: SELECTOR._domainkey.DOMAIN (s=).",
            read: { rule, value throws(Refusal) in
                guard case .text(let text) = value, let name = Self.name(text) else {
                    throw Refusal("a name such as \"mail2026\"")
                }
                rule.selector = name
            }, write: { quoted($0.selector) }, example: "\"mail\""),
        .init(
            path: "key", explanation: "The private key (PEM): a file made by hoptop dkim keygen.",
            read: { rule, value throws(Refusal) in
                guard case .text(let text) = value, !text.isEmpty else { throw Refusal("a PEM file") }
                rule.key = text
            }, write: { quoted($0.key) }, example: "\"/etc/hoptop/dkim/example.org.pem\""),
        .init(
            path: "from", explanation: "Domains of the From field that it signs; without it the domain alone.",
            read: { rule, value throws(Refusal) in
                let form = "a list of domains such as [\"example.org\", \"*.example.org\"]"
                guard case .texts(let texts) = value, !texts.isEmpty else { throw Refusal(form) }
                let patterns = texts.map { DomainPattern($0) }
                guard !patterns.contains(nil) else { throw Refusal(form) }
                rule.from = patterns.compactMap { $0 }
            }, write: { $0.from.isEmpty ? nil : list($0.from.map(\.description)) },
            example: "[\"example.org\", \"*.example.org\"]"),
    ]

    /// In lower case, as it stands in a signature.
    private static func name(_ text: String) -> String? {
        guard let domain = try? Domain(parsing: text), !domain.isAddressLiteral else { return nil }
        return domain.canonical
    }
}

extension ConfigurationKey<Milter> {
    /// The keys of each `[[milter]]`.
    static let milter: [ConfigurationKey<Milter>] = [
        .init(
            path: "address", explanation: "Where the filter listens.",
            read: { milter, value throws(Refusal) in
                guard case .text(let text) = value, let address = Milter.Address(text) else {
                    throw Refusal("\"127.0.0.1:8891\", \"unix:/run/filter/filter.sock\"")
                }
                milter.address = address
            }, write: { quoted($0.address.description) }, example: "\"127.0.0.1:8891\""),
        .word(
            "on-error",
            "When it cannot be asked: tempfail (the client tries again later), accept (without it), reject.",
            \.onError),
        .words("roles", "The listeners whose sessions it is asked about.", \.roles),
        .networks("except", "Clients about whom it is not asked.", \.except),
        .duration("connect-timeout", "For the connection to it.", \.connectTimeout),
        .duration("command-timeout", "For its answer to a step.", \.commandTimeout),
        .duration("content-timeout", "For its answer to a whole message.", \.contentTimeout),
    ]
}

/// A `[[route]]` while its keys are read.
struct RouteDraft: Sendable {
    var pattern: DomainPattern?
    var via: Route.Via?
    var security = RouteSecurity()
    var limits = RouteLimits()
    var retry = RouteRetry()
    var user: String?
    var password: Secret?
    var token: Secret?
    var srs: SenderRewriting?

    init() {}
    init(_ route: Route) {
        self.pattern = route.pattern
        self.via = route.via
        self.security = route.security
        self.limits = route.limits
        self.retry = route.retry
        self.srs = route.srs
        self.user = route.security.login?.user
        switch route.security.login?.kind {
        case .password: self.password = route.security.login?.secret
        case .token: self.token = route.security.login?.secret
        case nil: break
        }
    }

    /// `nil` when a user comes without a secret, or a secret without a user, or there are two secrets.
    var login: RouteSecurity.Login?? {
        switch (self.user, self.password, self.token) {
        case (nil, nil, nil): .some(nil)
        case (let user?, let password?, nil): .init(user: user, secret: password, kind: .password)
        case (let user?, nil, let token?): .init(user: user, secret: token, kind: .token)
        case (_, _, _): nil
        }
    }
}

extension ConfigurationKey<RouteDraft> {
    /// Where a route leads, and what its hosts are held to.
    static let way: [ConfigurationKey<RouteDraft>] = [
        .init(
            path: "domain", explanation: "\"example.org\", \"*.example.org\" (all below it) or \"*\".",
            read: { route, value throws(Refusal) in
                guard case .text(let text) = value, let pattern = DomainPattern(text) else {
                    throw Refusal("\"example.org\", \"*.example.org\", \"*\"")
                }
                route.pattern = pattern
            }, write: { $0.pattern.map { quoted($0.description) } }, example: "\"*\""),
        .init(
            path: "via",
            explanation: "Hosts, tried in order; [\"mx\"]: the mail exchangers of the recipient's domain, by DNS.",
            read: { route, value throws(Refusal) in
                guard case .texts(let hosts) = value, !hosts.isEmpty else {
                    throw Refusal("[\"host:port\", …] or [\"mx\"]")
                }
                route.via = try ConfigurationFile.via(hosts)
            },
            write: { route in
                switch route.via {
                case .hosts(let hosts): list(hosts.map(\.description))
                case .exchangers: list(["mx"])
                case nil: nil
                }
            },
            example: "[\"smarthost.example.net:25\"]"),
        .word(
            "tls",
            "none, opportunistic (any certificate, or none), required (any); the domain may demand more of these two by "
                + "DANE and MTA-STS; verified (name and authority).",
            \.security.tls),
        .flag("implicit-tls", "TLS before anything is said, as on port 465.", \.security.isImplicit),
        .init(
            path: "fingerprint", explanation: "SHA-256 of the one certificate that is taken, in hexadecimal.",
            read: { route, value throws(Refusal) in
                guard case .text(let text) = value, let octets = Self.fingerprint(text) else {
                    throw Refusal("64 hexadecimal digits, with or without colons")
                }
                route.security.fingerprint = octets
            },
            write: { route in
                route.security.fingerprint.map { octets in
                    quoted(octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":"))
                }
            }, example: "\"ab:cd:…\""),
        .text(
            "authorities", "The authorities that are believed (PEM); without it those of this machine.", "a PEM file",
            example: "\"/etc/hoptop/ca.pem\"", \.security.authorities),
        .text("user", "Who we log in as.", "a user name", example: "\"relay@example.net\"", \.user),
        .secret("password", "With that password.", \.password, allowed: ["file", "environment"]),
        .secret("token", "Or with that token (XOAUTH2).", \.token, allowed: ["file", "environment", "command"]),
        .init(
            path: "srs", explanation: "Senders are rewritten to that domain, whose mail comes to us (for forwarders).",
            read: { route, value throws(Refusal) in
                let form = "{ domain = \"srs.example.net\", secret-file = \"…\" }"
                guard case .table(let table) = value, table.count == 2, let domain = table["domain"],
                    let file = table["secret-file"], !file.isEmpty, let name = try? Domain(parsing: domain),
                    !name.isAddressLiteral
                else { throw Refusal(withoutValue: form) }
                route.srs = SenderRewriting(domain: name.canonical, secretFile: file)
            },
            write: { route in
                route.srs.map { "{ domain = \(quoted($0.domain)), secret-file = \(quoted($0.secretFile)) }" }
            }, example: "{ domain = \"srs.example.net\", secret-file = \"/etc/hoptop/srs\" }"),
    ]

    private static func fingerprint(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8.filter { $0 != UInt8(ascii: ":") })
        guard digits.count == 64 else { return nil }
        let octets = stride(from: 0, to: 64, by: 2).compactMap { place in
            UInt8(String(decoding: digits[place..<place + 2], as: UTF8.self), radix: 16)
        }
        return octets.count == 32 ? octets : nil
    }

    /// `{ file = "…" }`, so that no secret stands in the configuration.
    private static func secret(
        _ path: String, _ explanation: String, _ field: any WritableKeyPath<RouteDraft, Secret?> & Sendable,
        allowed: [String]
    ) -> ConfigurationKey {
        let form = allowed.map { "{ \($0) = \"…\" }" }.joined(separator: " or ")
        return ConfigurationKey(
            path: path, explanation: explanation,
            read: { route, value throws(Refusal) in
                guard case .table(let table) = value, table.count == 1, let (name, place) = table.first,
                    allowed.contains(name), !place.isEmpty
                else { throw Refusal(withoutValue: form) }
                route[keyPath: field] =
                    switch name {
                    case "file": .file(place)
                    case "environment": .environment(place)
                    default: .command(place)
                    }
            },
            write: { route in
                switch route[keyPath: field] {
                case .file(let place): "{ file = \(quoted(place)) }"
                case .environment(let place): "{ environment = \(quoted(place)) }"
                case .command(let place): "{ command = \(quoted(place)) }"
                case nil: nil
                }
            }, example: "{ \(allowed[0]) = \"/etc/hoptop/secret\" }")
    }
}
