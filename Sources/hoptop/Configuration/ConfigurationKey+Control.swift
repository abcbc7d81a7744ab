import Journal
import Relay
import Sockets

extension ConfigurationKey<Configuration> {
    /// All but `[[listen]]`, `[[milter]]`, `[[dkim]]` and `[[route]]`.
    static let whole: [ConfigurationKey<Configuration>] = {
        var all: [ConfigurationKey<Configuration>] = ConfigurationKey<RelayConfiguration>.all.map { $0.of(\.relay) }
        all += ConfigurationKey<ServiceConfiguration>.service.map { $0.of(\.service) }
        all += ConfigurationKey<ControlConfiguration>.control.map { $0.of(\.control) }
        all += ConfigurationKey<MetricsConfiguration>.metrics.map { $0.of(\.metrics) }
        all += ConfigurationKey<LogConfiguration>.log.map { $0.of(\.log) }
        all += ConfigurationKey<JournalSettings>.journal.map { $0.of(\.journal) }
        all += ConfigurationKey<ScreenConfiguration>.screen.map { $0.of(\.screen) }
        // TOML wants those of no table first.
        return all.filter { !$0.path.contains(".") } + all.filter { $0.path.contains(".") }
    }()
}

extension ConfigurationKey {
    /// The same key of what this is a part of.
    func of<Whole>(_ part: any WritableKeyPath<Whole, Target> & Sendable) -> ConfigurationKey<Whole> {
        ConfigurationKey<Whole>(
            path: self.path, explanation: self.explanation,
            read: { whole, value throws(Refusal) in try self.read(&whole[keyPath: part], value) },
            write: { self.write($0[keyPath: part]) }, example: self.example)
    }
}

extension ConfigurationKey<MetricsConfiguration> {
    static let metrics: [ConfigurationKey<MetricsConfiguration>] = [
        .init(
            path: "metrics.listen",
            explanation:
                "Where Prometheus finds /metrics, and others /health and /ready: without TLS and tokens, so best on this "
                + "machine alone. The API has these paths too.",
            read: { metrics, value throws(Refusal) in
                guard case .text(let text) = value, let endpoint = SocketEndpoint(text) else {
                    throw Refusal("\"127.0.0.1:9125\", \"[::1]:9125\"")
                }
                metrics.listen = endpoint
            }, write: { $0.listen.map { quoted($0.description) } }, example: "\"127.0.0.1:9125\"")
    ]
}

extension ConfigurationKey<ControlConfiguration> {
    static let control: [ConfigurationKey<ControlConfiguration>] = [
        .init(
            path: "control.socket",
            explanation:
                "Where hoptop attach and programs connect: a Unix socket; auto: hoptop/control.sock in $XDG_RUNTIME_DIR, "
                + "or in /run; none: nowhere.",
            read: { control, value throws(Refusal) in
                let form = "\"auto\", \"none\" or an absolute path of \(LocalSocket.pathLimit) octets at most"
                guard case .text(let text) = value else { throw Refusal(form) }
                switch text {
                case "auto": control.socket = .automatic
                case "none": control.socket = .none
                default:
                    guard text.hasPrefix("/"), !text.hasSuffix("/"), text.utf8.count <= LocalSocket.pathLimit,
                        !text.utf8.contains(0)
                    else { throw Refusal(form) }
                    control.socket = .path(text)
                }
            },
            write: { control in
                switch control.socket {
                case .automatic: quoted("auto")
                case .none: quoted("none")
                case .path(let path): quoted(path)
                }
            }),
        .text(
            "control.group",
            "A group of this machine whose members may connect and look; without it the relay's user and root alone.",
            "a group", example: "\"hoptop\"", \.group),
        .init(
            path: "control.operators",
            explanation: "Members of the group who may also act, such as [\"ann\"]; [\"*\"]: all of them.",
            read: { control, value throws(Refusal) in
                guard case .texts(let names) = value, !names.contains("") else {
                    throw Refusal("a list of users such as [\"ann\", \"bob\"], or [\"*\"]")
                }
                control.operators = names
            }, write: { list($0.operators) }),
        .init(
            path: "control.listen",
            explanation: "Also there, always with TLS; who connects shows a token.",
            read: { control, value throws(Refusal) in
                guard case .text(let text) = value, let endpoint = SocketEndpoint(text) else {
                    throw Refusal("\"127.0.0.1:8025\", \"[::1]:8025\"")
                }
                control.listen = endpoint
            }, write: { $0.listen.map { quoted($0.description) } }, example: "\"127.0.0.1:8025\""),
        .text(
            "control.tokens", "Who may connect there: a file made by hoptop control token.", "a file",
            example: "\"/etc/hoptop/tokens\"", \.tokens),
        .text(
            "control.certificate", "The certificate shown there (PEM); without it that of [tls].", "a PEM file",
            example: "\"/etc/hoptop/control.pem\"", \.certificate),
        .text(
            "control.key", "The certificate's key (PEM).", "a PEM file", example: "\"/etc/hoptop/control.key\"", \.key),
    ]
}
