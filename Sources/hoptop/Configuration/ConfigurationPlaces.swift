import Relay

/// Where the keys of a configuration are written: in which line of its file, or on the command line.
struct ConfigurationPlaces {
    private let file: String?
    private let locator: KeyLocator?
    private let routes: [Int?]

    /// - Parameters:
    ///   - text: of the file; `nil`: there is none.
    ///   - routes: of each route that is used its number in the file, from 0; `nil`: it is of the command line.
    init(file: String?, text: String?, routes: [Int?]) {
        self.file = file
        self.locator = text.map(KeyLocator.init)
        self.routes = routes
    }

    /// A mistake, or what may be one, with the place of its key.
    ///
    /// - Parameter key: as the configuration in use counts it; `nil`: it is about no key.
    func mistake(_ reason: String, of key: String?) -> ConfigurationError.Mistake {
        var written = key
        var source = self.file ?? "the default configuration"
        if let key, let (number, rest) = Self.route(key), self.routes.indices.contains(number) {
            written = self.routes[number].map { "route[\($0)]\(rest)" }
            if written == nil { source = "--route" }
        }
        // Some reasons name their key, for whoever is not told the place.
        let bare = key.map { reason.hasPrefix("\($0): ") ? String(reason.dropFirst($0.count + 2)) : reason } ?? reason
        return ConfigurationError.Mistake(
            source: source, line: written.flatMap { self.locator?.line(of: $0) }, key: written, reason: bare)
    }

    /// `route[3].srs` is `.srs` of route 3.
    private static func route(_ key: String) -> (number: Int, rest: Substring)? {
        guard key.hasPrefix("route["), let end = key.firstIndex(of: "]"),
            let number = Int(key[..<end].dropFirst("route[".count))
        else { return nil }
        return (number, key[key.index(after: end)...])
    }
}
