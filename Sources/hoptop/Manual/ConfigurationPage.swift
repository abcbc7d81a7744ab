import Foundation
import Relay

extension ManualPage {
    /// hoptop.toml(5), of all keys that a configuration knows.
    static func configuration(date: Date) -> ManualPage {
        var defaults = ConfigurationFile.defaults(environment: ["HOME": "~"])
        defaults.relay.hostname = "the machine's name"
        var page = ManualPage("hoptop.toml", section: 5, about: "configuration of the hoptop mail relay", date: date)
        page.heading("DESCRIPTION")
        page.prose(
            "The file is in the TOML language (toml.io). Every key has a default, so that an empty file is one too. "
                + "Durations, sizes and rates carry their unit, as in \"5m\", \"50MB\" or \"10/s\".")
        page.macro("Pp")
        page.prose("It is read from the first of these places, unless another is named with")
        page.macro("Fl", "-config", ":")
        page.literal(ConfigurationFile.defaultPaths(environment: ["HOME": "~"]))
        page.heading("KEYS")
        page.list(ConfigurationKey<Configuration>.whole, of: defaults)
        page.table("listen", ConfigurationKey<Listener>.listen, of: defaults.relay.listen.first)
        page.table("milter", ConfigurationKey<Milter>.milter, of: nil)
        page.table("dkim", ConfigurationKey<SigningRule>.dkim, of: nil)
        page.table("route", ConfigurationKey<RouteDraft>.route, of: RouteDraft())
        page.heading("EXAMPLES")
        page.prose("All keys with their defaults, the same checked, and as it would be used:")
        page.literal([
            "hoptop config default > hoptop.toml", "hoptop config check --config hoptop.toml",
            "hoptop config show --config hoptop.toml",
        ])
        page.heading("SEE ALSO")
        page.macro("Xr", "hoptop", "1", ",")
        page.macro("Xr", "hoptop-config", "1", ",")
        page.macro("Xr", "hoptop-serve", "1")
        return page
    }

    private mutating func table<Target>(_ name: String, _ keys: [ConfigurationKey<Target>], of target: Target?) {
        self.macro("Ss", Self.word("[[\(name)]] tables"))
        self.list(keys, of: target)
    }

    private mutating func list<Target>(_ keys: [ConfigurationKey<Target>], of target: Target?) {
        self.macro("Bl", "-tag", "-width", "Ds")
        for key in keys {
            self.macro("It", "Ic", Self.word(key.path))
            self.prose(key.explanation)
            if let standard = target.flatMap(key.write) {
                self.prose("The default is")
                self.macro("Li", Self.word(standard), ".")
            } else if let example = key.example {
                self.prose("For example")
                self.macro("Li", Self.word(example), ".")
            }
        }
        self.macro("El")
    }
}
