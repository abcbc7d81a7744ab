import Relay

extension ConfigurationFile {
    /// Every key with its default and what it means; reads back as the defaults.
    static var defaultText: String { self.text(of: self.defaults(), explained: true) }

    /// The configuration as TOML; reads back equal.
    static func text(of configuration: RelayConfiguration) -> String { self.text(of: configuration, explained: false) }

    private static func text(of configuration: RelayConfiguration, explained: Bool) -> String {
        var lines: [String] = []
        var section = ""
        for key in ConfigurationKey.all {
            let parts = key.path.split(separator: ".")
            let here = parts.dropLast().joined(separator: ".")
            if here != section {
                // Tables of [[listen]] come before the first section, so that the file reads from the outside in.
                if section.isEmpty { lines += self.listen(configuration, explained) }
                lines += ["", "[\(here)]"]
                section = here
            }
            if explained { lines.append("# \(key.explanation)") }
            if let value = key.write(configuration) {
                lines.append("\(parts[parts.count - 1]) = \(value)")
            } else if explained {
                lines.append("# \(parts[parts.count - 1]) = \"ops@example.net\"")
            }
        }
        return (lines + self.routes(configuration, explained)).joined(separator: "\n") + "\n"
    }

    private static func listen(_ configuration: RelayConfiguration, _ explained: Bool) -> [String] {
        configuration.listen.flatMap { endpoint in
            ["", "[[listen]]"] + (explained ? ["# Where mail comes in; a [[listen]] for each address."] : [])
                + ["address = \(quoted(endpoint.description))"]
        }
    }

    private static func routes(_ configuration: RelayConfiguration, _ explained: Bool) -> [String] {
        var lines: [String] = []
        if explained {
            lines += [
                "", "# Where mail goes: the first match wins; without a match it waits in the queue.", "# [[route]]",
                "# domain = \"*\"  # example.org | *.example.org | *",
                "# via = [\"smarthost.example.net:25\"]  # tried in order",
            ]
        }
        for route in configuration.routes {
            lines += [
                "", "[[route]]", "domain = \(quoted(route.pattern.description))",
                "via = \(list(route.via.map(\.description)))",
            ]
        }
        return lines
    }
}
