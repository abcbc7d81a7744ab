/// A host name or address literal with a port; written `host:port`, `192.0.2.1:25`, `[2001:db8::1]:25`.
public struct SocketEndpoint: Sendable, Hashable, CustomStringConvertible {
    public let host: String
    public let port: Int
    /// Made once, since each outcome names its host.
    public let description: String
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
        self.description = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
    /// Whether nobody can listen on both: of an address that means all, with all others of that port.
    public func overlaps(_ other: SocketEndpoint) -> Bool {
        let all = ["0.0.0.0", "::"]
        return self.port == other.port && self.port != 0
            && (self.host == other.host || all.contains(self.host) || all.contains(other.host))
    }
    /// Reads `description`'s form; without a port, `defaultPort`. `nil` when it is not of that form.
    public init?(_ text: String, defaultPort: Int? = nil) {
        let host: Substring
        let portText: Substring?
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<close]
            let rest = text[text.index(after: close)...]
            guard rest.isEmpty || rest.first == ":" else { return nil }
            portText = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            guard !host.contains(":") else { return nil }
            portText = text[text.index(after: colon)...]
        } else {
            host = text[...]
            portText = nil
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        guard let port = portText.map({ Int($0) }) ?? defaultPort, (0...65535).contains(port) else { return nil }
        self.init(host: String(host), port: port)
    }
}
