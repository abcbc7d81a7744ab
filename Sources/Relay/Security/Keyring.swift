import DNS
import Glibc
import NIOCore
import NIOSSL
import SASL
import SMTP

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
    private let clients: [ClientContext: NIOSSLContext]

    /// What sessions out need contexts of their own for.
    private struct ClientContext: Hashable, Sendable {
        enum Check: Sendable { case none, nameAndAuthority, fingerprint }
        var check: Check
        var authorities: String?

        init(_ security: RouteSecurity) {
            self.check =
                security.fingerprint != nil ? .fingerprint : security.tls == .verified ? .nameAndAuthority : .none
            self.authorities = self.check == .nameAndAuthority ? security.authorities : nil
        }

        var verification: CertificateVerification {
            switch self.check {
            case .none: .none
            case .nameAndAuthority: .fullVerification
            // The session's callback decides in its place; without verification it would not be asked.
            case .fingerprint: .noHostnameVerification
            }
        }
    }

    /// - Throws: ``KeyringError`` for the first file that cannot be used.
    public init(_ configuration: RelayConfiguration) throws(KeyringError) {
        let farewell = TimeAmount.milliseconds(configuration.timeouts.farewell)
        (self.server, self.serverEndPoint) = try Self.server(configuration.tls, farewell)
        self.users = try configuration.users.map(Self.users)
        self.signing = configuration.signing.isEmpty ? nil : try SigningTable(configuration)
        do { try configuration.resolver.check() } catch { throw KeyringError(description: "\(error)") }
        self.rewriters = try SenderRewriters(configuration)
        var clients: [ClientContext: NIOSSLContext] = [:]
        for route in configuration.routes where route.security.tls != .none {
            let context = ClientContext(route.security)
            if clients[context] == nil { clients[context] = try Self.client(context, farewell) }
        }
        self.clients = clients
    }

    /// The context for sessions to the hosts of a route with TLS.
    func client(for security: RouteSecurity) -> NIOSSLContext? { self.clients[ClientContext(security)] }

    /// The salts of users who do not exist come out of it, and have to stay as they are over a reload.
    private static let decoyKey = (0..<32).map { _ in UInt8.random(in: .min ... .max) }

    // MARK: reading

    /// Room for 100,000 users.
    private static let usersOctets = 32 << 20

    private static func server(
        _ files: TLSFiles?, _ farewell: TimeAmount
    ) throws(KeyringError) -> (NIOSSLContext?, [UInt8]?) {
        guard let files else { return (nil, nil) }
        let chain: [NIOSSLCertificate]
        let key: NIOSSLPrivateKey
        do { chain = try NIOSSLCertificate.fromPEMFile(files.certificate) } catch {
            throw KeyringError(files.certificate, "is no certificate in PEM", error)
        }
        do { key = try NIOSSLPrivateKey(file: files.key, format: .pem) } catch {
            throw KeyringError(files.key, "is no key in PEM", error)
        }
        guard let own = chain.first else { throw KeyringError(files.certificate, "holds no certificate", nil) }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12  // RFC 8996.
        configuration.shutdownTimeout = farewell
        do {
            let context = try NIOSSLContext(configuration: configuration)
            return (context, EndPointHash.of(certificate: try own.toDERBytes()))
        } catch {
            throw KeyringError(files.key, "does not belong to \(files.certificate)", error)
        }
    }

    private static func client(
        _ needed: ClientContext, _ farewell: TimeAmount
    ) throws(KeyringError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = farewell
        configuration.certificateVerification = needed.verification
        if let authorities = needed.authorities {
            // Read now, since a file that is missing is otherwise found out with the first session.
            do { _ = try NIOSSLCertificate.fromPEMFile(authorities) } catch {
                throw KeyringError(authorities, "holds no certificates in PEM", error)
            }
            configuration.trustRoots = .file(authorities)
        }
        do { return try NIOSSLContext(configuration: configuration) } catch {
            throw KeyringError(needed.authorities ?? "TLS", "cannot be used", error)
        }
    }

    private static func users(_ file: String) throws(KeyringError) -> Users {
        let octets: [UInt8]
        do { octets = try Secret.octets(of: file, limit: self.usersOctets) } catch {
            let isMissing = access(file, F_OK) != 0
            throw KeyringError(
                description: isMissing
                    ? "\(file) does not exist: make it with hoptop passwd --users \(file) NAME" : "\(error)")
        }
        guard let text = String(validating: octets, as: UTF8.self) else {
            throw KeyringError(file, "is not UTF-8 text", nil)
        }
        do {
            return try Users(text: text, file: file, decoyKey: self.decoyKey)
        } catch { throw KeyringError(description: "\(error)") }
    }
}

/// A file that cannot be used. The description is one line and says what to do.
public struct KeyringError: Error, Equatable, CustomStringConvertible {
    public let description: String

    init(description: String) { self.description = description }
    init(_ file: String, _ what: String, _ error: (any Error)?) {
        let exists = access(file, F_OK) == 0
        let reason = exists ? (access(file, R_OK) == 0 ? what : "cannot be read") : "does not exist"
        self.description = "\(file) \(reason)\(exists ? error.map { " (\($0))" } ?? "" : "")"
    }
}
