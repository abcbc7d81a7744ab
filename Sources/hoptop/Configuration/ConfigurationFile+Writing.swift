import Relay

extension ConfigurationFile {
    /// Every key with its default and what it means; reads back as the defaults.
    static var defaultText: String { self.text(of: self.defaults(), explained: true) }

    /// The configuration as TOML; reads back equal.
    static func text(of configuration: Configuration) -> String { self.text(of: configuration, explained: false) }

    private static func text(of configuration: Configuration, explained: Bool) -> String {
        var lines: [String] = []
        var section = ""
        let inPlaces = ConfigurationKey<ScreenConfiguration>.inPlaces.map { $0.of(\Configuration.screen) }
        let keys = ConfigurationKey<Configuration>.whole + (explained ? [] : inPlaces)
        for key in keys where explained || !key.path.hasPrefix("keys.") || key.write(configuration) != nil {
            let parts = key.path.split(separator: ".")
            let here = parts.dropLast().joined(separator: ".")
            if here != section {
                // Tables of [[listen]] come before the first section, so that the file reads from the outside in.
                if section.isEmpty { lines += self.listen(configuration.relay, explained) }
                lines += ["", "[\(here)]"]
                if explained, here == "keys" {
                    lines += ConfigurationKey<ScreenConfiguration>.keysNote.map { "# \($0)" } + [""]
                }
                section = here
            }
            if explained { lines.append("# \(key.explanation)") }
            lines += Self.line(key, parts[parts.count - 1], of: configuration, explained)
        }
        lines += self.milters(configuration.relay, explained) + self.signing(configuration.relay, explained)
        return (lines + self.routes(configuration.relay, explained)).joined(separator: "\n") + "\n"
    }

    private static func line<Target>(
        _ key: ConfigurationKey<Target>, _ name: some StringProtocol, of target: Target, _ explained: Bool
    ) -> [String] {
        if let value = key.write(target) { return ["\(name) = \(value)"] }
        return explained ? key.example.map { ["# \(name) = \($0)"] } ?? [] : []
    }

    private static func listen(_ configuration: RelayConfiguration, _ explained: Bool) -> [String] {
        configuration.listen.flatMap { listener in
            ["", "[[listen]]"]
                + ConfigurationKey<Listener>.listen.flatMap { key in
                    (explained ? ["# \(key.explanation)"] : []) + self.line(key, key.path, of: listener, explained)
                }
        }
    }

    private static func signing(_ configuration: RelayConfiguration, _ explained: Bool) -> [String] {
        var lines: [String] = []
        if explained {
            lines += [
                "", "# Mail of our users, of relay.networks and our own is signed (DKIM); a [[dkim]] for each key.",
                "# [[dkim]]",
            ]
            for key in ConfigurationKey<SigningRule>.dkim {
                lines += ["# # \(key.explanation)", "# \(key.path) = \(key.example ?? "")"]
            }
        }
        for rule in configuration.signing {
            lines += ["", "[[dkim]]"]
            for key in ConfigurationKey<SigningRule>.dkim { lines += self.line(key, key.path, of: rule, false) }
        }
        return lines
    }

    private static func milters(_ configuration: RelayConfiguration, _ explained: Bool) -> [String] {
        var lines: [String] = []
        if explained {
            lines += [
                "", "# Filters that mail passes on its way in, one behind the other: rspamd, OpenDKIM, ClamAV.",
                "# [[milter]]",
            ]
            let milter = Milter(.tcp(SocketEndpoint(host: "127.0.0.1", port: 8891)))
            for key in ConfigurationKey<Milter>.milter {
                lines += ["# # \(key.explanation)", "# \(key.path) = \(key.write(milter) ?? "")"]
            }
        }
        for milter in configuration.milters {
            lines += ["", "[[milter]]"]
            for key in ConfigurationKey<Milter>.milter { lines += self.line(key, key.path, of: milter, false) }
        }
        return lines
    }

    private static func routes(_ configuration: RelayConfiguration, _ explained: Bool) -> [String] {
        var lines: [String] = []
        if explained {
            lines += [
                "", "# Where mail goes: the first match wins; without a match it waits in the queue.", "# [[route]]",
            ]
            for key in ConfigurationKey<RouteDraft>.route {
                let value = key.example ?? key.write(RouteDraft()) ?? ""
                lines += ["# # \(key.explanation)", "# \(key.path) = \(value)"]
            }
        }
        for route in configuration.routes {
            lines += ["", "[[route]]"]
            for key in ConfigurationKey<RouteDraft>.route {
                lines += self.line(key, key.path, of: RouteDraft(route), false)
            }
        }
        return lines
    }
}
