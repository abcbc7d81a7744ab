import SASL
public import SMTP
import TLSPolicy

extension RouteSecurity {
    /// What the operator demands of a host of the route.
    func demand(of host: SocketEndpoint) -> TLSDemand {
        if let fingerprint = self.fingerprint {
            return TLSDemand(.verified(.fingerprint(fingerprint)), .route, why: "the route names the certificate")
        }
        return switch self.tls {
        case .none: TLSDemand(.never, .route, why: "tls = \"none\"")
        case .opportunistic: TLSDemand(.ifOffered, .route, why: "tls = \"opportunistic\"")
        case .required: TLSDemand(.encrypted, .route, why: "tls = \"required\"")
        case .verified:
            TLSDemand(.verified(.authority(names: [host.referenceName])), .route, why: "tls = \"verified\"")
        }
    }

    /// - Parameters:
    ///   - demand: what is demanded of the host.
    ///   - left: STARTTLS, when it has failed there.
    func session(
        hostname: String, _ demand: TLSDemand, without left: ServiceExtension?
    ) -> ClientSession.Configuration {
        ClientSession.Configuration(
            hostname: hostname, tls: left == .startTLS ? .never : demand.level.startTLS,
            securedAtStart: !self.isImplicit ? .none : demand.check != nil ? .verified : .encrypted,
            mechanisms: self.login?.mechanisms ?? [])
    }
}

extension TLSDemand.Level {
    fileprivate var startTLS: ClientSession.TLSPolicy {
        switch self {
        case .never: .never
        case .ifOffered: .ifOffered
        case .encrypted, .verified: .always
        }
    }
}

extension SocketEndpoint {
    /// An address is no name to ask for (RFC 6066 §3).
    public var isAddress: Bool { Network.octets(self.host) != nil }
    var referenceName: ReferenceName { ReferenceName(self.host, isAddress: self.isAddress) }
}

extension RouteSecurity.Login {
    /// The best first.
    public var mechanisms: [String] {
        switch self.kind {
        case .password: [ScramMechanism.sha256Plus.rawValue, ScramMechanism.sha256.rawValue, "PLAIN", "LOGIN"]
        case .token: ["XOAUTH2"]
        }
    }

    /// The best that can be used; some certificates have no hash to bind to (RFC 5929 §4.1).
    ///
    /// - Parameter mechanisms: the best first.
    public static func choice(among mechanisms: [String], hasEndPoint: Bool) -> String? {
        mechanisms.first { hasEndPoint || $0 != ScramMechanism.sha256Plus.rawValue }
    }

    /// Reads the secret, which blocks.
    ///
    /// - Parameter endPoint: of the server's certificate, under TLS (RFC 5929 §4.1).
    public func client(_ mechanism: String, endPoint: [UInt8]?) throws -> any SASLClient {
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
