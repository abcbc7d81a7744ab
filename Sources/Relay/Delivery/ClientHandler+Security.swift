import Crypto
import Mail
import Monitor
import NIOCore
import NIOPosix
import NIOSSL
import SASL
import SMTP

/// TLS and AUTH of a session out.
extension ClientHandler {
    // MARK: TLS

    /// The handler for a route with TLS before anything is said.
    func implicitTLS() throws -> NIOSSLClientHandler? { self.security.isImplicit ? try self.makeTLS() : nil }

    func startTLS() {
        guard let context = self.context else { return }
        self.write()
        self.isSecuring = true
        do {
            try context.pipeline.syncOperations.addHandler(try self.makeTLS(), position: .before(self))
        } catch { self.errorCaught(context: context, error: error) }
    }

    private func makeTLS() throws -> NIOSSLClientHandler {
        guard let context = self.settings.keyring.client(for: self.security) else {
            throw KeyringError(description: "there is no TLS for this route")
        }
        // An address is no name to ask for (RFC 6066 §3); it is checked against those in the certificate.
        let isAddress = Network.octets(self.host.host) != nil
        let name = isAddress ? nil : self.host.host
        guard let fingerprint = self.security.fingerprint else {
            return try NIOSSLClientHandler(context: context, serverHostname: name)
        }
        return try NIOSSLClientHandler(context: context, serverHostname: name) { chain, promise in
            let octets = chain.first.flatMap { try? $0.toDERBytes() }
            let isPinned = octets.map { Array(SHA256.hash(data: $0)) } == fingerprint
            promise.succeed(isPinned ? .certificateVerified : .failed)
        }
    }

    func secured(_ context: ChannelHandlerContext) {
        let version = try? context.pipeline.syncOperations.nioSSL_tlsVersion()
        let words = version.map(\.words) ?? "TLS"
        let isVerified = self.security.isVerified
        self.protection = SessionSecurity(tls: words, isVerified: isVerified)
        self.record.update(at: self.now) { $0.tls = words }
        self.record.said(.relay, isVerified ? "\(words), certificate verified" : words, at: self.now)
        if self.isSecuring {
            self.isSecuring = false
            self.session.tlsEstablished(verified: isVerified)
            self.drain()
        }
    }

    /// What went wrong, short enough for a row.
    func words(for error: any Error) -> String {
        let text = "\(error)"
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return self.security.fingerprint == nil
                ? "no authority stands for the certificate" : "the certificate is not the one that the route names"
        }
        if let error = error as? NIOSSLExtraError, error == .failedToValidateHostname {
            return "the certificate is not for \(self.host.host)"
        }
        return text
    }

    // MARK: AUTH

    func authenticate(_ mechanisms: [String]) {
        guard let context = self.context, let login = self.security.login else {
            return self.session.giveUpAuthentication("the route names no user")
        }
        let endPoint = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
            .flatMap { EndPointHash.of(certificate: try $0.toDERBytes()) }
        guard let mechanism = RouteSecurity.Login.choice(among: mechanisms, hasEndPoint: endPoint != nil) else {
            return self.session.giveUpAuthentication("\(mechanisms.joined(separator: ", ")) cannot be used here")
        }
        self.delivery.threads.runIfActive(eventLoop: context.eventLoop) {
            try login.client(mechanism, endPoint: endPoint)
        }.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let client):
                self.sasl = client
                self.session.authenticate(with: client)
            case .failure(let error): self.session.giveUpAuthentication("\(error)")
            }
            self.drain()
        }
    }

    /// Off the loop, since a password is hashed for as long as the server wants.
    func answer(_ challenge: [UInt8]) {
        guard let context = self.context, let client = self.sasl else {
            return self.session.giveUpAuthentication("there is no exchange")
        }
        self.delivery.threads.runIfActive(eventLoop: context.eventLoop) {
            var client = client
            return (try client.answer(to: challenge), client)
        }.assumeIsolated().whenComplete { (result: Result<([UInt8], any SASLClient), any Error>) in
            switch result {
            case .success((let answer, let client)):
                self.sasl = client
                self.session.answer(answer, believesSuccess: client.believesSuccess)
            case .failure(let error): self.session.giveUpAuthentication("\(error)")
            }
            self.drain()
        }
    }
}

extension TLSVersion {
    /// The version as operators know it: `TLSv1.3`.
    var words: String {
        switch self {
        case .tlsv1: "TLSv1.0"
        case .tlsv11: "TLSv1.1"
        case .tlsv12: "TLSv1.2"
        case .tlsv13: "TLSv1.3"
        }
    }
}
