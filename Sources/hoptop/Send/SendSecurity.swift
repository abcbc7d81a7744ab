public import ArgumentParser
import NIOSSL
public import Relay
import SMTP

extension RouteSecurity.TLS: ExpressibleByArgument {}

/// What `hoptop send` asks of TLS, and whom it logs in as.
struct SendSecurity {
    let tls: RouteSecurity.TLS
    let isImplicit: Bool
    /// A name that the certificate has to have; an address is none.
    let serverName: String?
    /// A PEM file; `nil`: whom this machine believes.
    let authorities: String?
    let login: RouteSecurity.Login?

    var isVerified: Bool { self.tls == .verified }

    func handler() throws -> NIOSSLClientHandler {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification =
            !self.isVerified ? .none : self.serverName == nil ? .noHostnameVerification : .fullVerification
        if let authorities { configuration.trustRoots = .file(authorities) }
        return try NIOSSLClientHandler(
            context: try NIOSSLContext(configuration: configuration), serverHostname: self.serverName)
    }

    func session(hostname: String) -> ClientSession.Configuration {
        let level: ClientSession.TLSPolicy =
            switch self.tls {
            case .none: .never
            case .opportunistic: .ifOffered
            case .required, .verified: .always
            }
        return ClientSession.Configuration(
            hostname: hostname, tls: level,
            securedAtStart: !self.isImplicit ? .none : self.isVerified ? .verified : .encrypted,
            mechanisms: self.login?.mechanisms ?? [])
    }
}
