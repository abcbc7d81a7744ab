/// The MTA-STS policy of a domain: which hosts take its mail, and what those are held to (RFC 8461 §3.2).
public struct STSPolicy: Hashable, Sendable {
    public enum Mode: String, Sendable, Hashable, Codable {
        /// No mail to a host that does not match, or has no certificate of its name that an authority stands for.
        case enforce
        /// The domain only wants to hear what would have failed.
        case testing
        /// There is no policy any more.
        case none
    }

    public var mode: Mode
    /// `mail.example.org`, or `*.example.org` for every name with one label before that; lower case. None only in mode none.
    public var hosts: [String]
    /// How long it holds from when it was fetched: at most a year (§3.2).
    public var maximumAgeSeconds: Int64

    /// What a policy may have, and what we read of it (§3.3).
    public static let octetsLimit = 64 * 1024
    static let hostsLimit = 1000
    static let longestAgeSeconds: Int64 = 31_557_600

    public init(mode: Mode, hosts: [String], maximumAgeSeconds: Int64) {
        self.mode = mode
        self.hosts = hosts
        self.maximumAgeSeconds = maximumAgeSeconds
    }

    /// Reads `/.well-known/mta-sts.txt`. Lines end with CRLF or LF; fields that are not known are passed over.
    public init(text: String) throws(STSPolicyError) {
        guard text.utf8.count <= Self.octetsLimit else { throw STSPolicyError("is longer than 64 KiB") }
        var version: Substring?
        var mode: Mode?
        var age: Int64?
        var hosts: [String] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.trimmed
            if line.isEmpty { continue }
            guard let colon = line.firstIndex(of: ":") else { throw STSPolicyError("has a line without a colon") }
            let name = line[..<colon].trimmed
            let value = line[line.index(after: colon)...].trimmed
            switch name {
            case "version":
                guard version == nil else { continue }  // Of several the first counts, also below.
                version = value
            case "mode":
                guard mode == nil else { continue }
                guard let known = Mode(rawValue: String(value)) else { throw STSPolicyError("has an unknown mode") }
                mode = known
            case "max_age":
                guard age == nil else { continue }
                guard (1...10).contains(value.utf8.count), value.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                    let seconds = Int64(value)
                else { throw STSPolicyError("has a max_age that is no number of seconds") }
                age = min(seconds, Self.longestAgeSeconds)
            case "mx":
                guard let pattern = Self.pattern(value) else { throw STSPolicyError("has an mx that is no host") }
                guard hosts.count < Self.hostsLimit else { throw STSPolicyError("has too many hosts") }
                hosts.append(pattern)
            default: continue
            }
        }
        guard version == "STSv1" else { throw STSPolicyError("is not of version STSv1") }
        guard let mode else { throw STSPolicyError("has no mode") }
        guard let age else { throw STSPolicyError("has no max_age") }
        guard mode == .none || !hosts.isEmpty else { throw STSPolicyError("names no mx") }
        self.init(mode: mode, hosts: hosts, maximumAgeSeconds: age)
    }

    /// As ``init(text:)`` reads it.
    public var text: String {
        (["version: STSv1", "mode: \(self.mode.rawValue)"] + self.hosts.map { "mx: \($0)" }
            + ["max_age: \(self.maximumAgeSeconds)"])
            .map { "\($0)\r\n" }.joined()
    }

    /// Whether mail may go to that host (§4.1).
    ///
    /// - Parameter host: A-labels, without the dot at the end.
    public func allows(_ host: String) -> Bool {
        let host = host.lowercased()
        return self.hosts.contains { pattern in
            guard pattern.hasPrefix("*.") else { return pattern == host }
            guard let dot = host.firstIndex(of: "."), dot != host.startIndex else { return false }
            return host[dot...] == pattern.dropFirst(1)
        }
    }

    private static func pattern(_ text: Substring) -> String? {
        let name = (text.hasPrefix("*.") ? text.dropFirst(2) : text).lowercased()
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard name.utf8.count <= 253, labels.count > 1 || !text.hasPrefix("*."),
            labels.allSatisfy({ label in
                (1...63).contains(label.utf8.count)
                    && label.utf8.allSatisfy {
                        $0.isLetterOrDigit || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
                    }
            })
        else { return nil }
        return text.hasPrefix("*.") ? "*.\(name)" : name
    }
}

/// Why a policy cannot be used: what stands behind "the policy …".
public struct STSPolicyError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
