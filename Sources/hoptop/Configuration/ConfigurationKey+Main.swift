import DNS
import Relay
import SMTP
import Spool

extension ConfigurationKey<RelayConfiguration> {
    /// The engine's, outside of `[[listen]]`, `[[milter]]`, `[[dkim]]` and `[[route]]`.
    static let all: [ConfigurationKey<RelayConfiguration>] = [
        .init(
            path: "hostname", explanation: "What this relay calls itself in EHLO, Received and reports.",
            read: { configuration, value throws(Refusal) in
                guard case .text(let text) = value, (try? Domain(parsing: text)) != nil else {
                    throw Refusal("a domain name such as \"mx1.example.net\"")
                }
                configuration.hostname = text
            }, write: { quoted($0.hostname) }),
        .init(
            path: "postmaster", explanation: "Where mail for <Postmaster> goes.",
            read: { configuration, value throws(Refusal) in
                guard case .text(let text) = value, let mailbox = try? Mailbox(parsing: text) else {
                    throw Refusal("a mailbox such as \"ops@example.net\"")
                }
                configuration.postmaster = mailbox
            }, write: { $0.postmaster.map { quoted($0.description) } }, example: "\"ops@example.net\""),
        .init(
            path: "resolver",
            explanation: "Who answers for DNS: system is /etc/resolv.conf and /etc/hosts; else name servers.",
            read: { configuration, value throws(Refusal) in
                configuration.resolver.servers = try Self.servers(value)
            },
            write: { configuration in
                switch configuration.resolver.servers {
                case .system: quoted("system")
                case .addresses(let servers):
                    servers.count == 1 ? quoted("\(servers[0])") : list(servers.map(\.description))
                }
            }),
        .init(
            path: "trust-anchor",
            explanation:
                "Whose DNSSEC signatures are believed: those below the keys (DS, DNSKEY) of a file; auto: below the "
                + "root key of this machine, where there is one and the name servers pass signatures on; none: nobody's.",
            read: { configuration, value throws(Refusal) in
                guard case .text(let text) = value, !text.isEmpty else { throw Refusal("\"auto\", \"none\" or a file") }
                switch text {
                case "auto": configuration.resolver.trustAnchor = .auto
                case "none": configuration.resolver.trustAnchor = .none
                default: configuration.resolver.trustAnchor = .file(text)
                }
            },
            write: { configuration in
                switch configuration.resolver.trustAnchor {
                case .auto: quoted("auto")
                case .none: quoted("none")
                case .file(let file): quoted(file)
                }
            }),
        .networks("relay.networks", "Clients that may relay anywhere.", \.networks),
        .init(
            path: "relay.domains", explanation: "Recipients' domains that anyone may send to.",
            read: { configuration, value throws(Refusal) in
                let form = "a list of domains such as [\"example.net\", \"*.example.net\"]"
                guard case .texts(let texts) = value else { throw Refusal(form) }
                let patterns = texts.map { DomainPattern($0) }
                guard !patterns.contains(nil) else { throw Refusal(form) }
                configuration.domains = patterns.compactMap { $0 }
            }, write: { list($0.domains.map(\.description)) }),
        .word(
            "relay.source-routes",
            "Routes such as <@A,@B:u@c>: strip takes them off, honor walks them, reject refuses them.", \.sourceRoutes),
        .networks("relay.xclient", "Clients whose XCLIENT is believed.", \.xclient),
        .networks("relay.xforward", "Clients whose XFORWARD is believed.", \.xforward),
        .init(
            path: "tls.certificate", explanation: "Our certificate, then those that lead to an authority (PEM).",
            read: { configuration, value throws(Refusal) in
                guard case .text(let text) = value, !text.isEmpty else { throw Refusal("a PEM file") }
                configuration.tls = TLSFiles(certificate: text, key: configuration.tls?.key ?? "")
            }, write: { $0.tls.map { quoted($0.certificate) } }, example: "\"/etc/hoptop/cert.pem\""),
        .init(
            path: "tls.key", explanation: "The certificate's key (PEM).",
            read: { configuration, value throws(Refusal) in
                guard case .text(let text) = value, !text.isEmpty else { throw Refusal("a PEM file") }
                configuration.tls = TLSFiles(certificate: configuration.tls?.certificate ?? "", key: text)
            }, write: { $0.tls.map { quoted($0.key) } }, example: "\"/etc/hoptop/key.pem\""),
        .text(
            "auth.users", "Who may log in: a file made by hoptop passwd.", "a file", example: "\"/etc/hoptop/users\"",
            \.users),
        .flag("auth.plaintext", "AUTH is offered without TLS too.", \.plaintextAuthentication),
        .word(
            "smtp.bare-line-ends", "A CR or LF that stands alone in mail data: made CRLF, or the message is refused.",
            \.bareLineEnds),
        .word("smtp.long-lines", "Lines of more than 998 octets: folded, or the message is refused.", \.longLines),
        .word(
            "smtp.early-talkers", "Clients that do not wait where they have to: noted, or refused.", \.earlyTalkers),
        .init(
            path: "smtp.without", explanation: "Extensions that are not offered, such as [\"CHUNKING\"].",
            read: { configuration, value throws(Refusal) in
                let names = ServiceExtension.allCases.map(\.rawValue)
                let form = "a list of \(names.joined(separator: ", "))"
                guard case .texts(let texts) = value else { throw Refusal(form) }
                let known = texts.map { ServiceExtension(rawValue: $0.uppercased()) }
                guard !known.contains(nil) else { throw Refusal(form) }
                configuration.without = Set(known.compactMap { $0 })
            }, write: { list($0.without.map(\.rawValue).sorted()) }),
        .init(
            path: "spool.directory", explanation: "Where mail is kept.",
            read: { configuration, value throws(Refusal) in
                guard case .text(let text) = value, !text.isEmpty else { throw Refusal("a directory") }
                configuration.spoolDirectory = text
            }, write: { quoted($0.spoolDirectory) }),
        .init(
            path: "spool.store", explanation: "A PostgreSQL database that keeps the queue in place of the directory.",
            read: { configuration, value throws(Refusal) in
                let form = "a database such as \"postgresql://hoptop@db.example.net/hoptop\""
                guard case .text(let text) = value else { throw Refusal(withoutValue: form) }
                // The configuration is shown, and logged.
                guard !DatabaseAddress.hasPassword(text) else {
                    throw Refusal(because: "a password does not belong here: put it into ~/.pgpass, or a passfile=")
                }
                guard let address = DatabaseAddress(text) else { throw Refusal(withoutValue: form) }
                configuration.spoolDatabase = address
            }, write: { $0.spoolDatabase.map { quoted($0.url) } },
            example: "\"postgresql://hoptop@db.example.net/hoptop\""),
        .init(
            path: "spool.node",
            explanation: "The number of this node, 0 to 255: each of those that share a database has its own.",
            read: { configuration, value throws(Refusal) in
                guard case .number(let number) = value, let node = UInt8(exactly: number) else {
                    throw Refusal("a number from 0 to 255")
                }
                configuration.node = node
            }, write: { "\($0.node)" }),
        .duration(
            "spool.lease", "After so long without a word of a node the others take its mail.", \.lease, least: 2000),
        .flag(
            "spool.may-lose-commits",
            "Use the database also where its synchronous_commit is off: mail that was accepted may be lost.",
            \.mayLoseCommits),
        .size(
            "spool.free-space",
            "With less free on its disk new mail is refused (452), and what is queued goes on; 0B: no matter.",
            \.freeSpace, least: 0),
        .duration("queue.undo", "How long a drop can be taken back.", \.undo),
        .duration("queue.retry.first", "Before the second attempt; doubled with each further one.", \.retry.first),
        .duration("queue.retry.longest", "The longest time between two attempts.", \.retry.longest),
        .duration("queue.retry.give-up", "After that the sender is told that it failed.", \.retry.giveUp),
        .duration(
            "queue.retry.delay-notice", "After that the sender is told of the delay, once; 0s: never.",
            \.retry.delayNotice, least: 0),
        .number("delivery.connections", "Sessions to one next hop at a time.", \.delivery.connections, 1...10_000),
        .number(
            "delivery.recipients", "Recipients in one transaction.", \.delivery.recipientsPerTransaction, 1...10_000),
        .number(
            "delivery.mx-port", "Where the mail exchangers of domains listen, for routes with via = [\"mx\"].",
            \.delivery.exchangerPort, 1...65_535),
        .flag(
            "delivery.dane",
            "Hold hosts to their TLSA records in signed DNS (RFC 7672), unless a route says more of TLS.",
            \.delivery.dane),
        .flag(
            "delivery.mta-sts", "Hold mail exchangers to their domain's MTA-STS policy (RFC 8461), likewise.",
            \.delivery.mtaSTS),
        .text(
            "delivery.mta-sts-authorities",
            "The authorities that MTA-STS, and reports by HTTPS, go by (PEM); without it those of this machine.",
            "a PEM file", example: "\"/etc/hoptop/ca.pem\"", \.delivery.stsAuthorities),
        .number(
            "delivery.mta-sts-port", "Where MTA-STS policies are fetched; another one only for tests.",
            \.delivery.stsPort, 1...65_535),
        .duration("delivery.idle", "How long an open session waits for the next message.", \.timeouts.idle),
        .init(
            path: "tls-report.from",
            explanation:
                "Tell domains that ask for it each day how TLS to their hosts went (RFC 8460): from whom. By mail "
                + "they believe only reports that a [[dkim]] key of that domain signs.",
            read: { configuration, value throws(Refusal) in
                guard case .text(let text) = value, let mailbox = try? Mailbox(parsing: text), mailbox.isASCII,
                    !mailbox.domain.isAddressLiteral
                else { throw Refusal("a mailbox such as \"tls-reports@example.net\"") }
                configuration.tlsReporting.from = mailbox
            }, write: { $0.tlsReporting.from.map { quoted($0.description) } },
            example: "\"tls-reports@example.net\""),
        .text(
            "tls-report.organization", "Who stands for these reports; without it the hostname.", "a name",
            example: "\"Example Net\"", \.tlsReporting.organization),
        .text(
            "tls-report.contact", "Whom to ask about them; without it tls-report.from.", "an address, in any form",
            example: "\"postmaster@example.net\"", \.tlsReporting.contact),
        .size("limits.message-size", "Larger messages are refused.", \.limits.messageOctets),
        .number(
            "limits.connections", "Inbound sessions in all; 0: as many as the limit on descriptors allows.",
            \.limits.connections,
            0...1_000_000),
        .number(
            "limits.connections-per-client", "From one IPv4 address, or IPv6 network (/64), not in relay.networks.",
            \.limits.connectionsPerClient, 1...1_000_000),
        .number("limits.recipients", "Recipients of one message.", \.limits.recipients, 100...60_000),
        .number("limits.errors", "Wrong commands in one session.", \.limits.errors, 1...10_000),
        .number(
            "limits.received-fields", "A message with more Received fields is in a loop.", \.limits.receivedFields,
            1...10_000),
        .duration(
            "limits.hold", "How long a client may have us hold mail back (FUTURERELEASE); 0s: not offered.",
            \.limits.hold, least: 0),
        .duration("timeouts.command", "What a client may wait before its next command.", \.timeouts.command),
        .duration(
            "timeouts.handshake", "For the TLS that a client begins with, where a listener has tls = \"implicit\".",
            \.timeouts.handshake),
        .duration("timeouts.data", "Between two pieces of mail data.", \.timeouts.data),
        .duration("timeouts.connect", "For a next hop's host to answer.", \.timeouts.connect),
        .duration("timeouts.reply", "For a reply to a command.", \.timeouts.reply),
        .duration("timeouts.final-reply", "For the reply to the end of mail data.", \.timeouts.finalReply),
    ]

    private static func servers(
        _ value: ConfigurationValue
    ) throws(ConfigurationRefusal) -> ResolverConfiguration.Servers {
        let refusal = ConfigurationRefusal(
            "\"system\", an address such as \"127.0.0.1\" or \"127.0.0.1:5353\", or a list of addresses")
        let texts: [String]
        switch value {
        case .text("system"): return .system
        case .text(let text): texts = [text]
        case .texts(let list): texts = list
        case .flag, .number, .table, .other: throw refusal
        }
        let addresses = texts.compactMap { ServerAddress($0) }
        guard !addresses.isEmpty, addresses.count == texts.count else { throw refusal }
        return .addresses(addresses)
    }
}
