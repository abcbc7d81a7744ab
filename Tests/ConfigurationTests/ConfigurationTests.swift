import Foundation
import Journal
import Logging
import Relay
import SMTP
import Testing

@testable import hoptop

@Suite("the configuration file")
struct ConfigurationTests {
    private func mistakes(_ text: String) -> [String] {
        do {
            _ = try ConfigurationFile.read(text: text, file: "hoptop.toml")
            return []
        } catch { return error.mistakes.map(\.description) }
    }

    @Test("the default text reads back as the defaults")
    func defaults() throws {
        #expect(
            try ConfigurationFile.read(text: ConfigurationFile.defaultText, file: "x") == ConfigurationFile.defaults())
    }

    @Test("what config show prints reads back equal")
    func showReadsBack() throws {
        var whole = ConfigurationFile.defaults()
        var configuration = whole.relay
        configuration.hostname = "mx1.example.net"
        configuration.postmaster = Mailbox(localPart: "ops", domain: Domain("example.net"))
        configuration.listen.append(
            Listener(
                SocketEndpoint(host: "::1", port: 2526), role: .submission, tls: .implicit,
                proxies: [try #require(Network("10.0.0.0/8"))]))
        configuration.listen.append(Listener(.socket("/run/hoptop/submit"), role: .submission))
        configuration.tls = TLSFiles(certificate: "cert.pem", key: "key.pem")
        configuration.users = "users"
        configuration.bareLineEnds = .reject
        configuration.without = [.chunking, .binaryMIME]
        configuration.limits.hold = 3_600_000
        configuration.timeouts.handshake = 7000
        configuration.sourceRoutes = .honor
        configuration.limits.messageOctets = 64 << 10
        var milter = Milter(.unix(path: "/run/filter.sock"))
        milter.onError = .accept
        milter.roles = [.submission]
        milter.except = Network.loopback
        milter.contentTimeout = 90_000
        configuration.milters = [milter, Milter(.tcp(SocketEndpoint(host: "::1", port: 8891)))]
        configuration.retry.first = 1500
        configuration.routes = [
            Route(
                pattern: try #require(DomainPattern("*.example.org")),
                via: [SocketEndpoint(host: "a.example", port: 25), SocketEndpoint(host: "2001:db8::1", port: 2525)])
        ]
        var security = RouteSecurity()
        security.tls = .verified
        security.isImplicit = true
        security.authorities = "ca.pem"
        security.login = .init(user: "me", secret: .command("token --now"), kind: .token)
        configuration.routes.append(
            Route(
                pattern: try #require(DomainPattern("*")), via: [SocketEndpoint(host: "b.example", port: 465)],
                security: security))
        configuration.routes[1].limits.connections = 5
        configuration.routes[1].limits.messagesPerConnection = 20
        configuration.routes[1].limits.rate = RouteLimits.Rate(messages: 600, milliseconds: 60_000)
        configuration.routes[1].retry.first = 600_000
        configuration.routes[1].retry.delayNotice = 0
        security = RouteSecurity()
        security.fingerprint = (0..<32).map { $0 * 8 }
        security.login = .init(user: "you", secret: .file("secret"), kind: .password)
        configuration.routes.append(
            Route(
                pattern: try #require(DomainPattern("c.example")), via: [SocketEndpoint(host: "c.example", port: 587)],
                security: security))
        configuration.routes[0].srs = SenderRewriting(domain: "srs.example.net", secretFile: "srs")
        configuration.signing = [
            SigningRule(domain: "example.org", selector: "mail", key: "key.pem"),
            SigningRule(
                domain: "example.org", selector: "old", key: "old.pem",
                from: [try #require(DomainPattern("*.example.org"))]),
        ]
        whole.relay = configuration
        whole.control = ControlConfiguration(
            socket: .path("/run/x.sock"), group: "mail", operators: ["ann", "*"],
            listen: SocketEndpoint(host: "::1", port: 8025), tokens: "tokens", certificate: "c.pem", key: "k.pem")
        whole.metrics.listen = SocketEndpoint(host: "127.0.0.1", port: 9125)
        whole.log = LogConfiguration(level: .notice, levels: [.dns: .error, .main: .debug], format: .json, file: "log")
        let text = ConfigurationFile.text(of: whole)
        #expect(try ConfigurationFile.read(text: text, file: "x") == whole)
    }

    @Test(
        "a mistake names file, line, key and what is allowed",
        arguments: [
            (
                "hostname = 5",
                "hoptop.toml:1: hostname: 5 is not allowed here; allowed: a domain name such as \"mx1.example.net\""
            ),
            (
                "\n[limits]\nmesage-size = \"5MB\"",
                "hoptop.toml:3: limits.mesage-size: is no key; did you mean limits.message-size?"
            ),
            (
                "[queue.retry]\nfirst = \"5 parsecs\"",
                "hoptop.toml:2: queue.retry.first: \"5 parsecs\" is not allowed here; allowed: a duration such as \"500ms\", \"30s\", \"5m\", \"4h\" or \"5d\""
            ),
            (
                "[[route]]\ndomain = \"*\"\nvia = [\"mx\", \"a:25\"]",
                "hoptop.toml:3: route[0].via: \"mx\" (delivery by DNS) stands alone; name it or hosts"
            ),
            (
                "resolver = \"ns.example\"",
                "hoptop.toml:1: resolver: \"ns.example\" is not allowed here; allowed: \"system\", an address such as \"127.0.0.1\" or \"127.0.0.1:5353\", or a list of addresses"
            ),
            (
                "[[route]]\ndomain = \"*\"\nvia = [\"a:1\"]\n\n[[route]]\ndomain = \"*\"\nvia = [\"b:1\"]",
                "hoptop.toml:6: route[1].domain: * has a route already: the first match wins, so remove one"
            ),
            (
                "[[listen]]\nrole = \"mda\"\naddress = \"127.0.0.1:24\"",
                "hoptop.toml:2: listen[0].role: \"mda\" is not allowed here; allowed: \"relay\", \"submission\" or \"lmtp\""
            ),
            (
                "[[listen]]\naddress = \"127.0.0.1:587\"\nrole = \"submission\"",
                "hoptop.toml:3: listen[0].role: \"submission\" needs users who may log in: [auth] users"
            ),
            (
                "[[listen]]\naddress = \"127.0.0.1:465\"\ntls = \"implicit\"",
                "hoptop.toml:3: listen[0].tls: needs a certificate: [tls] certificate and key"
            ),
            (
                "[log.levels]\nreception = \"loud\"",
                "hoptop.toml:2: log.levels.reception: \"loud\" is not allowed here; allowed: \"trace\", \"debug\", \"info\", \"notice\", \"warning\", \"error\" or \"critical\""
            ),
            (
                "[metrics]\nlisten = 9125",
                "hoptop.toml:2: metrics.listen: 9125 is not allowed here; allowed: \"127.0.0.1:9125\", \"[::1]:9125\""
            ),
            (
                "[[milter]]\non-error = \"accept\"",
                "hoptop.toml:1: milter[0].address: is missing; allowed: \"127.0.0.1:8891\", \"unix:/run/filter/filter.sock\""
            ),
            (
                "[[milter]]\naddress = \"unix:relative\"",
                "hoptop.toml:2: milter[0].address: \"unix:relative\" is not allowed here; allowed: \"127.0.0.1:8891\", \"unix:/run/filter/filter.sock\""
            ),
            (
                "[[milter]]\naddress = \"127.0.0.1:1\"\non-error = \"ignore\"",
                "hoptop.toml:3: milter[0].on-error: \"ignore\" is not allowed here; allowed: \"tempfail\", \"accept\" or \"reject\""
            ),
            (
                "[[milter]]\naddress = \"127.0.0.1:1\"\nroles = []",
                "hoptop.toml:3: milter[0].roles: [] is not allowed here; allowed: a list of \"relay\", \"submission\" or \"lmtp\""
            ),
            (
                "[[milter]]\naddress = \"127.0.0.1:1\"\n[[milter]]\naddress = \"inet:127.0.0.1:1\"",
                "hoptop.toml:4: milter[1].address: 127.0.0.1:1 is asked already"
            ),
            (
                "[[route]]\ndomain = \"*\"\nvia = [\"a:1\"]\nrate = \"10 a second\"",
                "hoptop.toml:4: route[0].rate: \"10 a second\" is not allowed here; allowed: a rate such as \"10/s\", \"600/m\", \"1000/h\" or \"5000/d\""
            ),
            (
                "[[route]]\ndomain = \"*\"\nvia = [\"a:1\"]\nconnections = 0",
                "hoptop.toml:4: route[0].connections: 0 is not allowed here; allowed: a number from 1 to 10000"
            ),
            (
                "[[route]]\ndomain = \"*\"\nvia = [\"a:1\"]\nretry = { frist = \"5m\" }",
                "hoptop.toml:4: route[0].retry: { frist = '5m' } is not allowed here; allowed: a table of first, longest, give-up, delay-notice, each a duration such as \"500ms\", \"30s\", \"5m\", \"4h\" or \"5d\""
            ),
            (
                "[queue.retry]\nfirst = \"5d\"\ngive-up = \"1d\"",
                "hoptop.toml:2: queue.retry.first: is longer than queue.retry.give-up: nothing would be tried twice"
            ),
            ("[tls]\nkey = \"k.pem\"", "hoptop.toml:1: tls.certificate: is missing beside tls.key"),
            (
                "[[route]]\ndomain = \"*\"\nvia = [\"a:1\"]\nuser = \"me\"",
                "hoptop.toml:4: route[0].user: needs a password or a token beside it, and each of those a user"
            ),
            (
                "[[route]]\ndomain = \"*\"\nvia = [\"a:1\"]\nuser = \"me\"\npassword = \"secret\"",
                "hoptop.toml:5: route[0].password: what stands here is not allowed, and not shown as it may be a secret; allowed: { file = \"…\" } or { environment = \"…\" }"
            ),
            (
                "[[route]]\ndomain = \"*\"\nvia = [\"a:1\"]\ntls = \"always\"",
                "hoptop.toml:4: route[0].tls: \"always\" is not allowed here; allowed: \"none\", \"opportunistic\", \"required\" or \"verified\""
            ),
            (
                "[[listen]]\naddress = \"127.0.0.1:587\"\nrole = \"submission\"\n[auth]\nusers = \"u\"",
                "hoptop.toml:3: listen[0].role: \"submission\" lets nobody log in without TLS: [tls], or [auth] plaintext = true"
            ),
            (
                "[[dkim]]\ndomain = \"example.org\"\nkey = \"k.pem\"",
                "hoptop.toml:1: dkim[0].selector: is missing; allowed: such as \"mail\""
            ),
            (
                "[[dkim]]\ndomain = \"[192.0.2.1]\"",
                "hoptop.toml:2: dkim[0].domain: \"[192.0.2.1]\" is not allowed here; allowed: a domain name such as \"example.org\", in ASCII"
            ),
            (
                "[[listen]]\naddress = \"unix:submit\"",
                "hoptop.toml:2: listen[0].address: \"unix:submit\" is not allowed here; allowed: \"127.0.0.1:2525\", \"[::1]:2525\", \"unix:/run/hoptop/submit\", \"systemd:smtp\""
            ),
            (
                "[[listen]]\naddress = \"unix:/run/x\"\ntls = \"starttls\"",
                "hoptop.toml:3: listen[0].tls: means nothing for unix:/run/x: remove it"
            ),
            (
                "[[route]]\ndomain = \"a\"\nvia = [\"a:1\"]\nsrs = { domain = \"s.example\", secret-file = \"x\" }\n[[route]]\ndomain = \"b\"\nvia = [\"a:1\"]\nsrs = { domain = \"S.example\", secret-file = \"y\" }",
                "hoptop.toml:8: route[1].srs: s.example has another secret already"
            ),
            (
                "[journal]\nsize = \"1B\"",
                "hoptop.toml:2: journal.size: \"1B\" is not allowed here; allowed: 10MB or more"
            ),
            (
                "[journal]\nage = \"0s\"",
                "hoptop.toml:2: journal.age: \"0s\" is not allowed here; allowed: 1h or more"
            ),
            (
                "[[listen]]\naddress = \"0.0.0.0:9125\"\n[metrics]\nlisten = \"127.0.0.1:9125\"",
                "hoptop.toml:4: metrics.listen: 127.0.0.1:9125 is listened on already, by listen[0]: name another port"
            ),
            ("group = \"mail\"", "hoptop.toml:1: group: goes with a user: name that with user"),
            ("listen = []", "hoptop.toml:1: listen: names no address: write [[listen]], or nothing for the default"),
            (
                "[[route]]\ndomain = \"*\"\nvia = [\"a:1\"]\ntls = \"required\"\nauthorities = \"ca.pem\"",
                "hoptop.toml:5: route[0].authorities: is asked only with tls = \"verified\" and without fingerprint"
            ),
            ("limits = 3", "hoptop.toml:1: limits: is a table: write [limits]"),
            (
                "[queue.retry]\nfirst = \"5h\"",
                "hoptop.toml:2: queue.retry.first: is longer than queue.retry.longest, which bounds it: write a longer one"
            ),
            (
                "[queue.retry]\ndelay-notice = \"9d\"",
                "hoptop.toml:2: queue.retry.delay-notice: is longer than queue.retry.give-up: none would be sent; \"0s\" says so"
            ),
            (
                "[[route]]\ndomain = \"*\"\nvia = [\"a:1\"]\nretry = { first = \"2h\", longest = \"1h\" }",
                "hoptop.toml:4: route[0].retry: has a first time that is longer than its longest"
            ),
            (
                "[[route]]\ndomain = \"*\"\nvia = [\"a:1\"]\nretry = { delay-notice = \"6d\" }",
                "hoptop.toml:4: route[0].retry: has a delay-notice that is longer than its give-up: none would be sent"
            ),
            (
                "[[listen]]\naddress = \"127.0.0.1:2525\"\n[[listen]]\naddress = \"0.0.0.0:2525\"",
                "hoptop.toml:3: listen[1]: 0.0.0.0:2525 is listened on already, by listen[0]: name another port"
            ),
            (
                "[relay]\nnetworks = [\"10.0.0.0/8\", 5]",
                "hoptop.toml:2: relay.networks: [ '10.0.0.0/8', 5 ] is not allowed here; allowed: a list of networks such as [\"127.0.0.0/8\", \"::1/128\"]"
            ),
            (
                "[relay]\nnetworks = [\n  \"10.0.0.0/8\",\n  \"10.0.0.0/99\",\n]",
                "hoptop.toml:2: relay.networks: [ '10.0.0.0/8', '10.0.0.0/99' ] is not allowed here; allowed: a list of networks such as [\"127.0.0.0/8\", \"::1/128\"]"
            ),
        ])
    func mistakesAreNamed(_ text: String, _ mistake: String) { #expect(self.mistakes(text) == [mistake]) }

    @Test("what is named as a file or a folder and can be none is told before it is used, and nothing is made")
    func places() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "places-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data().write(to: URL(filePath: "\(folder)/file"))
        func problem(
            log: String? = nil, journal: String? = nil, spool: String? = nil, socket: String? = nil
        ) -> String? {
            var configuration = ConfigurationFile.defaults()
            configuration.relay.spoolDirectory = spool ?? "\(folder)/spool"
            if let socket { configuration.control.socket = .path(socket) }
            configuration.log.file = log
            configuration.journal.directory = journal
            do throws(PlaceCheck.Misplaced) { try PlaceCheck.check(configuration) } catch { return error.description }
            return nil
        }
        #expect(problem(log: folder) == "log.file: \(folder) is a folder: name a file in it")
        #expect(
            problem(log: "\(folder)/no/log")
                == "log.file: \(folder)/no/log cannot be made: there is no folder \(folder)/no: make it, or name another"
        )
        #expect(problem(log: "\(folder)/log") == nil)
        #expect(problem(spool: "\(folder)/file") == "spool.directory: \(folder)/file is no folder: name another")
        #expect(problem(spool: "\(folder)/new/spool") == nil)
        #expect(
            problem(socket: "\(folder)/no/control.sock")
                == "control.socket: \(folder)/no/control.sock cannot be made: there is no folder \(folder)/no: make it, or name another"
        )
        #expect(problem(socket: "\(folder)/control.sock") == nil)
        #expect(problem(journal: "\(folder)/file") == "journal.directory: \(folder)/file is no folder: name another")
        #expect(problem(journal: "/proc/x") == "journal.directory: /proc is on no disk: name another")
        #expect(
            problem(journal: "here") == "journal.directory: here depends on where hoptop is started: begin it with /")
        #expect(problem(journal: "\(folder)/journal") == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
    }

    @Test("every mistake is named, not only the first; broken TOML has its line")
    func all() {
        #expect(self.mistakes("a = 1\nb = 2").count == 2)
        #expect(self.mistakes("hostname = \"x\"\n[limits\n").first?.hasPrefix("hoptop.toml:2: ") == true)
    }

    @Test("listeners have STARTTLS where there is a certificate, unless they say otherwise")
    func listenerTLS() throws {
        let configuration = try ConfigurationFile.read(
            text: """
                [tls]
                certificate = "c.pem"
                key = "k.pem"
                [[listen]]
                address = "127.0.0.1:25"
                [[listen]]
                address = "127.0.0.1:24"
                tls = "none"
                """, file: "x"
        ).relay
        #expect(configuration.listen.map { $0.tls(with: configuration.tls) } == [.starttls, .none])
    }

    @Test("options come before the file, and a pattern given replaces the file's")
    func overrides() throws {
        var configuration = try ConfigurationFile.read(
            text: "[[route]]\ndomain = \"*\"\nvia = [\"a:1\"]\n[[route]]\ndomain = \"b.example\"\nvia = [\"b:1\"]",
            file: "x"
        ).relay
        try Overrides(listen: ["127.0.0.1:0"], spool: "/s", hostname: "h.example", routes: ["*=c:3,d"])
            .apply(to: &configuration)
        #expect(configuration.routes.map(\.pattern.description) == ["*", "b.example"])
        #expect(
            configuration.routes[0].via
                == .hosts([SocketEndpoint(host: "c", port: 3), SocketEndpoint(host: "d", port: 25)]))
        #expect(configuration.listen.map(\.address.description) == ["127.0.0.1:0"])
        #expect(throws: ConfigurationError.self) {
            try Overrides(routes: ["nonsense", "*=mx"]).apply(to: &configuration)
        }
        for route in ["*=,", "*=a:25,,b:25", "*="] {
            #expect(throws: ConfigurationError.self) { try Overrides(routes: [route]).apply(to: &configuration) }
        }
    }

    @Test("a directory of the command line goes over the file's, and not over its database: one of the two is meant")
    func spoolAndStore() throws {
        var configuration = try ConfigurationFile.read(
            text: "[spool]\nstore = \"postgresql://db.example/mail\"", file: "x"
        ).relay
        let error = #expect(throws: ConfigurationError.self) {
            try Overrides(spool: "/s").apply(to: &configuration)
        }
        let words = "--spool /s: names a directory, but the queue is in postgresql://db.example/mail"
        #expect(error.map { "\($0)" }?.contains(words) ?? false)
        #expect(configuration.spoolDatabase != nil)
        try Overrides().apply(to: &configuration)
    }

    @Test("quantities", arguments: [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("4h", 14_400_000), ("0s", 0)])
    func durations(_ text: String, _ milliseconds: Int64) {
        #expect(Quantity.duration(text) == milliseconds)
        #expect(Quantity.text(milliseconds: milliseconds) == text)
        #expect(Quantity.duration("99999999999999999d") == nil)
        #expect(Quantity.size("64KiB") == 65_536)
        #expect(Quantity.size("-1MB") == nil)
    }

    @Test("TLS reports that no key signs are warned of")
    func unsignedReports() throws {
        let reports = "[tls-report]\nfrom = \"tls@Example.net\"\n"
        let unsigned = try ConfigurationFile.read(text: reports, file: "hoptop.toml").relay.warnings
        #expect(unsigned.count == 1)
        #expect(unsigned.first?.description.hasSuffix("add a [[dkim]] for example.net") == true)
        let key = "[[dkim]]\ndomain = \"example.net\"\nselector = \"s\"\nkey = \"k.pem\"\n"
        #expect(try ConfigurationFile.read(text: reports + key, file: "hoptop.toml").relay.warnings == [])
    }

    @Test("an open relay and routes that never match are warned of")
    func warnings() throws {
        func warnings(_ listen: String, _ networks: String) throws -> [String] {
            let text = "[[listen]]\naddress = \"\(listen)\"\n[relay]\nnetworks = [\(networks)]"
            return try ConfigurationFile.read(text: text, file: "hoptop.toml").relay.warnings.map(\.description)
        }
        #expect(try warnings("0.0.0.0:25", "\"10.0.0.0/8\", \"0.0.0.0/0\"").count == 1)
        #expect(try warnings("[::]:25", "\"::/0\"").first?.hasPrefix("[::]:25 is an open relay") == true)
        #expect(try warnings("0.0.0.0:25", "\"10.0.0.0/8\"") == [])
        #expect(try warnings("127.0.0.1:25", "\"0.0.0.0/0\"") == [])
        #expect(try warnings("[::1]:25", "\"::/0\"") == [])
    }

    /// The keys of the warnings, and their words.
    private func warnings(_ text: String) throws -> [String] {
        let relay = try ConfigurationFile.read(text: text, file: "hoptop.toml").relay
        let places = ConfigurationPlaces(file: "hoptop.toml", text: text, routes: relay.routes.indices.map { $0 })
        return relay.warnings.map { "\(places.mistake($0.description, of: $0.key))" }
    }

    @Test(
        "a route behind one that takes all of its mail is warned of, by its line",
        arguments: [
            (["*", "a.example"], "a.example", "*"),
            (["*.example", "x.example", "a.x.example"], "x.example", "*.example"),
            (["b.example", "*.X.example", "*.a.x.example"], "*.a.x.example", "*.x.example"),
            (["a.example", "*.a.example", "*"], nil, ""),
        ])
    func idleRoutes(patterns: [String], idle: String?, wider: String) throws {
        let text = patterns.map { "[[route]]\ndomain = \"\($0)\"\nvia = [\"a:1\"]\n" }.joined()
        let warning = try self.warnings(text).first
        guard let idle, let place = patterns.firstIndex(of: idle) else { return #expect(warning == nil) }
        #expect(
            warning
                == "hoptop.toml:\(place * 3 + 2): route[\(place)].domain: the route of \(idle) never matches: one before it "
                + "is of \(wider)")
    }

    @Test("a route for a domain that has one, in other letters, is a mistake")
    func sameDomain() {
        let text = ["Dup.test", "dup.test"].map { "[[route]]\ndomain = \"\($0)\"\nvia = [\"a:1\"]\n" }.joined()
        #expect(
            self.mistakes(text) == [
                "hoptop.toml:5: route[1].domain: dup.test has a route already: the first match wins, so remove one"
            ])
    }

    @Test(
        "a network with bits behind its prefix is warned of",
        arguments: [
            ("10.0.0.5/8", "10.0.0.0/8"), ("192.0.2.129/25", "192.0.2.128/25"), ("2001:db8::1/32", "2001:db8::/32"),
            ("10.0.0.5/31", "10.0.0.4/31"), ("10.0.0.0/8", nil), ("10.0.0.5", nil), ("10.0.0.5/32", nil),
            ("::1/128", nil),
            ("0.0.0.0/0", nil),
        ])
    func hostBits(written: String, meant: String?) throws {
        let warnings = try self.warnings("[relay]\nxclient = [\"\(written)\"]\n")
        #expect(warnings.count == (meant == nil ? 0 : 1))
        if let meant {
            #expect(warnings.first?.hasPrefix("hoptop.toml:2: relay.xclient: \(written) is all of \(meant): ") == true)
        }
    }

    @Test("a password that is not in the environment is warned of")
    func absentPassword() throws {
        func text(_ name: String) -> String {
            """
            [[route]]
            domain = "*"
            via = ["a:1"]
            user = "u"
            password = { environment = "\(name)" }
            """
        }
        #expect(try self.warnings(text("PATH")) == [])
        #expect(
            try self.warnings(text("HOPTOP_TEST_NONE")).first?
                .hasPrefix("hoptop.toml:5: route[0].password: HOPTOP_TEST_NONE is not in the environment") == true)
    }

    @Test("what is wrong with files that keys name is told by those keys, and of each")
    func files() throws {
        var configuration = ConfigurationFile.defaults()
        configuration.relay.tls = TLSFiles(certificate: "/nowhere/cert.pem", key: "/nowhere/key.pem")
        configuration.log.file = "/nowhere/log"
        configuration.control.group = "no-such-group"
        let problems = ConfigCommand.Check.problems(configuration)
        #expect(problems.map(\.key) == ["tls.certificate", "control.group", "log.file"])
        let places = ConfigurationPlaces(file: "hoptop.toml", text: "[tls]\n\ncertificate = \"x\"\n", routes: [])
        #expect(
            "\(places.mistake(problems[0].reason, of: problems[0].key))"
                == "hoptop.toml:3: tls.certificate: /nowhere/cert.pem does not exist")
        #expect(
            "\(places.mistake(problems[1].reason, of: problems[1].key))"
                == "hoptop.toml: control.group: this machine has no group no-such-group")
    }

    @Test(
        "a secret that stands in the file is not printed",
        arguments: [
            "password = \"hunter2\"", "token = \"hunter2\"", "password = { plain = \"hunter2\" }",
            "password = [\"hunter2\"]",
            "password = { file = \"a\", environment = \"hunter2\" }", "srs = \"hunter2\"",
            "srs = { domain = \"a.example\", secret = \"hunter2\" }", "pasword = \"hunter2\"",
            "[spool]\nstore = \"postgres//ann:hunter2@a.example/hoptop\"", "[spool]\nstore = [\"hunter2\"]",
        ])
    func secrets(line: String) {
        let mistakes = self.mistakes("[[route]]\ndomain = \"*\"\nvia = [\"a:1\"]\nuser = \"u\"\n\(line)\n")
        #expect(!mistakes.isEmpty && !mistakes.contains { $0.contains("hunter2") }, "\(mistakes)")
    }

    @Test("a route of the command line is not looked for in the file")
    func placesOfRoutes() {
        let places = ConfigurationPlaces(
            file: "hoptop.toml", text: "[[route]]\n[[route]]\nsrs = 1\n", routes: [nil, 0, 1])
        #expect("\(places.mistake("no", of: "route[0].srs"))" == "--route: no")
        #expect("\(places.mistake("no", of: "route[1].srs"))" == "hoptop.toml:1: route[0].srs: no")
        #expect("\(places.mistake("no", of: "route[2].srs"))" == "hoptop.toml:3: route[1].srs: no")
    }
}
