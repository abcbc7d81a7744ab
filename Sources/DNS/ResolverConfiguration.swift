import Glibc

/// Who is asked, and whose signatures are believed.
public struct ResolverConfiguration: Sendable, Hashable {
    public enum Servers: Sendable, Hashable {
        /// Those of /etc/resolv.conf; and /etc/hosts goes before them.
        case system
        case addresses([ServerAddress])
    }

    public enum TrustAnchor: Sendable, Hashable {
        /// The machine's key of the root, where there is one and the servers hand signatures on.
        case auto
        /// Nothing is secure.
        case none
        /// A file of DS or DNSKEY records; what lies below them is secure or it is bogus.
        case file(String)
    }

    public var servers = Servers.system
    public var trustAnchor = TrustAnchor.auto
    /// Milliseconds for an answer; without one by then there is none.
    public var patience: Int64 = 15_000
    public init() {}

    /// Reads what has to be read before it can be used.
    ///
    /// - Throws: an error whose description is a line that names the file.
    public func check() throws {
        guard case .file(let file) = self.trustAnchor else { return }
        guard access(file, R_OK) == 0 else {
            throw UnboundContext.Failure(
                description: "\(file) \(access(file, F_OK) == 0 ? "cannot be read" : "does not exist")")
        }
        do { _ = try UnboundContext(self.servers, anchor: file) { _, _ in } } catch {
            throw UnboundContext.Failure(description: "\(file) holds no DS or DNSKEY records that can be read")
        }
    }

    /// Where distributions put the key of the root.
    static let machineAnchors = ["/usr/share/dns/root.key", "/var/lib/unbound/root.key", "/etc/unbound/root.key"]
}

/// A name server: an address, and a port unless that is 53. Written `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:5353`.
public struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
    public let address: String
    public let port: Int

    /// `nil` when it is not of one of these forms.
    public init?(_ text: String) {
        let address: Substring
        let port: Substring?
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            address = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.first == ":", address.contains(":") else { return nil }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.firstIndex(of: ":"), text[text.index(after: colon)...].firstIndex(of: ":") == nil {
            address = text[..<colon]
            port = text[text.index(after: colon)...]
        } else {
            address = text[...]
            port = nil
        }
        guard let number = port.map({ Int($0) }) ?? 53, (1...65535).contains(number),
            Self.isAddress(String(address))
        else { return nil }
        self.address = String(address)
        self.port = number
    }

    public var description: String {
        if self.port == 53 { return self.address }
        return self.address.contains(":") ? "[\(self.address)]:\(self.port)" : "\(self.address):\(self.port)"
    }

    private static func isAddress(_ text: String) -> Bool {
        // Room for the longer of the two; what the C library calls it belongs to one module or another.
        withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { octets in
            inet_pton(AF_INET, text, octets.baseAddress) == 1 || inet_pton(AF_INET6, text, octets.baseAddress) == 1
        }
    }
}
