import SASL
import SMTP

extension RouteSecurity {
    /// Whether TLS here shows that the server is the one that was meant.
    var isVerified: Bool { self.tls == .verified || self.fingerprint != nil }

    /// - Parameter left: STARTTLS, when it has failed there.
    func session(hostname: String, without left: ServiceExtension?) -> ClientSession.Configuration {
        ClientSession.Configuration(
            hostname: hostname, tls: left == .startTLS ? .never : self.policy,
            securedAtStart: !self.isImplicit ? .none : self.isVerified ? .verified : .encrypted,
            mechanisms: self.login?.mechanisms ?? [])
    }

    private var policy: ClientSession.TLSPolicy {
        if self.fingerprint != nil { return .always }
        return switch self.tls {
        case .none: .never
        case .opportunistic: .ifOffered
        case .required, .verified: .always
        }
    }
}

extension RouteSecurity.Login {
    /// The best first.
    var mechanisms: [String] {
        switch self.kind {
        case .password: [ScramMechanism.sha256Plus.rawValue, ScramMechanism.sha256.rawValue, "PLAIN", "LOGIN"]
        case .token: ["XOAUTH2"]
        }
    }

    /// The best that can be used; some certificates have no hash to bind to (RFC 5929 §4.1).
    ///
    /// - Parameter mechanisms: the best first.
    static func choice(among mechanisms: [String], hasEndPoint: Bool) -> String? {
        mechanisms.first { hasEndPoint || $0 != ScramMechanism.sha256Plus.rawValue }
    }

    /// Reads the secret, which blocks.
    ///
    /// - Parameter endPoint: of the server's certificate, under TLS (RFC 5929 §4.1).
    func client(_ mechanism: String, endPoint: [UInt8]?) throws -> any SASLClient {
        let secret = try self.secret.read()
        switch mechanism {
        case "XOAUTH2": return XOAuth2Client(user: self.user, token: secret)
        case "LOGIN": return LoginClient(user: self.user, password: secret)
        case "PLAIN":
            guard let client = PlainClient(user: self.user, password: secret) else { throw LoginError.unfit }
            return client
        case ScramMechanism.sha256.rawValue:
            return try ScramSession(self.user, secret, endPoint == nil ? .unsupported : .notOffered)
        case ScramMechanism.sha256Plus.rawValue:
            guard let endPoint else { throw LoginError.unbound }
            return try ScramSession(self.user, secret, .endPoint(endPoint))
        default: throw LoginError.unknown(mechanism)
        }
    }
}

private enum LoginError: Error, CustomStringConvertible {
    case unfit, unbound
    case unknown(String)
    var description: String {
        switch self {
        case .unfit: "the user name or the password cannot be sent"
        case .unbound: "the server's certificate has no hash to bind to"
        case .unknown(let mechanism): "\(mechanism) is not known"
        }
    }
}

/// SCRAM as a session's SASL client.
private struct ScramSession: SASLClient {
    private var client: ScramClient
    let mechanism: String
    let initialResponse: [UInt8]?
    var believesSuccess: Bool { self.client.isVerified }

    init(_ user: String, _ password: String, _ binding: ScramClient.Binding) throws(LoginError) {
        guard let user = PreparedString(user), let password = PreparedString(password) else { throw .unfit }
        var generator = SystemRandomNumberGenerator()
        self.client = ScramClient(user: user, password: password, binding, using: &generator)
        self.mechanism = self.client.mechanism.rawValue
        self.initialResponse = self.client.firstMessage
    }

    mutating func answer(to challenge: [UInt8]) throws -> [UInt8] { try self.client.received(challenge) }
}
