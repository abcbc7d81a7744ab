import DNS
import Glibc
import NIOCore
public import NIOSSL
import SASL
import SMTP
import TLSPolicy

/// What the configuration's files hold: certificates and keys, authorities, users. Read as a whole before anything of it
/// is used, and anew with each reload.
public struct Keyring: Sendable {
    /// The context of the listeners with TLS; `nil` without `[tls]`.
    let server: NIOSSLContext?
    /// What SCRAM-SHA-256-PLUS is bound to: `tls-server-end-point` of our certificate (RFC 5929 §4.1).
    let serverEndPoint: [UInt8]?
    /// `nil` without `[auth]`.
    let users: Users?
    /// `nil` without `[[dkim]]`.
    let signing: SigningTable?
    /// `nil` where no route rewrites senders.
    let rewriters: SenderRewriters?
    /// The contexts of sessions out: where any certificate will do, and where it is checked.
    private let anyCertificate: NIOSSLContext
    private let checkedCertificate: NIOSSLContext
    /// By the files that routes name.
    private let authorities: [String: CertificateCheck.Authorities]
    /// Of the hosts that a policy of MTA-STS is for.
    private let stsAuthorities: CertificateCheck.Authorities

    /// - Throws: ``KeyringError`` for the first file that cannot be used.
    public init(_ configuration: RelayConfiguration) throws(KeyringError) {
        let farewell = TimeAmount.milliseconds(configuration.timeouts.farewell)
        let server = try configuration.tls.map { files throws(KeyringError) in try Self.server(files, farewell, "tls") }
        (self.server, self.serverEndPoint) = (server?.0, server.flatMap { $0.1 })
        self.users = try configuration.users.map(Self.users)
        self.signing = configuration.signing.isEmpty ? nil : try SigningTable(configuration)
        do { try configuration.resolver.check() } catch {
            throw KeyringError(description: "\(error)", key: "trust-anchor")
        }
        self.rewriters = try SenderRewriters(configuration)
        self.anyCertificate = try Self.client(.none, farewell)
        // The session's callback decides; without verification it would not be asked.
        self.checkedCertificate = try Self.client(.noHostnameVerification, farewell)
        var authorities: [String: CertificateCheck.Authorities] = [:]
        for (index, route) in configuration.routes.enumerated() {
            guard let file = route.security.authorities, authorities[file] == nil else { continue }
            authorities[file] = try Self.authorities(file, "route[\(index)].authorities")
        }
        self.authorities = authorities
        self.stsAuthorities =
            try configuration.delivery.stsAuthorities.map { file throws(KeyringError) in
                try Self.authorities(file, "delivery.mta-sts-authorities")
            } ?? .ofThisMachine
    }

    /// The context for sessions to a host of which that is demanded.
    func client(for demand: TLSDemand) -> NIOSSLContext {
        demand.check == nil && demand.trial == nil ? self.anyCertificate : self.checkedCertificate
    }

    /// Whom sessions of a route believe; a trial is one of MTA-STS.
    func authorities(for demand: TLSDemand, _ security: RouteSecurity) -> CertificateCheck.Authorities {
        if demand.policy == .mtaSTS || demand.trial != nil { return self.stsAuthorities }
        return security.authorities.flatMap { self.authorities[$0] } ?? .ofThisMachine
    }

    /// The salts of users who do not exist come out of it, and have to stay as they are over a reload.
    private static let decoyKey = (0..<32).map { _ in UInt8.random(in: .min ... .max) }

    // MARK: reading

    /// Room for 100,000 users.
    private static let usersOctets = 32 << 20

    /// The context of a listener that shows these files, for other protocols than mail.
    ///
    /// - Parameter table: of the configuration, whose `certificate` and `key` they are.
    public static func serverContext(_ files: TLSFiles, of table: String) throws(KeyringError) -> NIOSSLContext {
        try self.server(files, .milliseconds(RelayConfiguration.Timeouts().farewell), table).0
    }

    private static func server(
        _ files: TLSFiles, _ farewell: TimeAmount, _ table: String
    ) throws(KeyringError) -> (NIOSSLContext, [UInt8]?) {
        let chain: [NIOSSLCertificate]
        let key: NIOSSLPrivateKey
        do { chain = try NIOSSLCertificate.fromPEMFile(files.certificate) } catch {
            throw KeyringError(files.certificate, "is no certificate in PEM", key: "\(table).certificate")
        }
        do { key = try NIOSSLPrivateKey(file: files.key, format: .pem) } catch {
            throw KeyringError(files.key, "is no key in PEM", key: "\(table).key")
        }
        guard let own = chain.first else {
            throw KeyringError(files.certificate, "holds no certificate", key: "\(table).certificate")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12  // RFC 8996.
        configuration.shutdownTimeout = farewell
        do {
            let context = try NIOSSLContext(configuration: configuration)
            return (context, EndPointHash.of(certificate: try own.toDERBytes()))
        } catch NIOSSLError.failedToLoadPrivateKey {
            throw KeyringError(files.key, "does not belong to \(files.certificate)", key: "\(table).key")
        } catch {
            throw KeyringError(
                files.key, "cannot be used with \(files.certificate): \(ConnectionWords.words(for: error))",
                key: "\(table).key")
        }
    }

    private static func client(
        _ verification: CertificateVerification, _ farewell: TimeAmount
    ) throws(KeyringError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = farewell
        configuration.certificateVerification = verification
        // Those of the machine would be read for nothing.
        configuration.trustRoots = .certificates([])
        do { return try NIOSSLContext(configuration: configuration) } catch {
            throw KeyringError(description: "TLS cannot be used: \(ConnectionWords.words(for: error))")
        }
    }

    private static func authorities(
        _ file: String, _ key: String
    ) throws(KeyringError) -> CertificateCheck.Authorities {
        do {
            return try CertificateCheck.Authorities(
                der: try NIOSSLCertificate.fromPEMFile(file).map { try $0.toDERBytes() })
        } catch { throw KeyringError(file, "holds no certificates in PEM", key: key) }
    }

    private static func users(_ file: String) throws(KeyringError) -> Users {
        let octets: [UInt8]
        do { octets = try Secret.octets(of: file, limit: self.usersOctets) } catch {
            let isMissing = access(file, F_OK) != 0
            throw KeyringError(
                description: isMissing
                    ? "\(file) does not exist: make it with hoptop passwd --users \(file) NAME" : "\(error)",
                key: "auth.users")
        }
        guard let text = String(validating: octets, as: UTF8.self) else {
            throw KeyringError(file, "is not UTF-8 text", key: "auth.users")
        }
        do {
            return try Users(text: text, file: file, decoyKey: self.decoyKey)
        } catch { throw KeyringError(description: "\(error)", key: "auth.users") }
    }
}

/// A file that cannot be used. The description is one line and says what to do.
public struct KeyringError: Error, Equatable, CustomStringConvertible {
    public let description: String
    /// The configuration's key that names the file, such as `tls.key` or `route[1].authorities`; `nil`: that is not known here.
    public var key: String?

    public init(description: String, key: String? = nil) {
        self.description = description
        self.key = key
    }
    /// - Parameter what: is the matter with the file, where it can be read.
    init(_ file: String, _ what: String, key: String? = nil) {
        let exists = access(file, F_OK) == 0
        self.init(
            description: "\(file) \(exists ? (access(file, R_OK) == 0 ? what : "cannot be read") : "does not exist")",
            key: key)
    }

    /// The same, of a file that this key names.
    func named(by key: String) -> KeyringError { KeyringError(description: self.description, key: self.key ?? key) }
}
