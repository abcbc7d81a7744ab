import Mail
import Monitor
import NIOCore
import NIOPosix
import NIOSSL
import SASL
import SMTP
import TLSPolicy

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
        let keyring = self.settings.keyring
        let context = keyring.client(for: self.tls.demand)
        let name = self.host.isAddress ? nil : self.host.host
        guard let check = self.tls.demand.check ?? self.tls.demand.trial else {
            return try NIOSSLClientHandler(context: context, serverHostname: name)
        }
        let isTrial = self.tls.demand.check == nil
        let authorities = keyring.authorities(for: self.tls.demand, self.security)
        return try NIOSSLClientHandler(context: context, serverHostname: name) { chain, promise in
            // One that cannot be read is none; those behind it keep their places.
            let octets = chain.map { (try? $0.toDERBytes()) ?? [] }
            Task {
                let failure = await check.failure(of: octets, authorities: authorities)
                promise.futureResult.eventLoop.execute {
                    self.tls.certificateFailure = failure
                    promise.succeed(failure == nil || isTrial ? .certificateVerified : .failed)
                }
            }
        }
    }

    func secured(_ context: ChannelHandlerContext) {
        let version = try? context.pipeline.syncOperations.nioSSL_tlsVersion()
        let words = version.map(\.words) ?? "TLS"
        let result = self.tls.secured(words)
        let isVerified = self.tls.protection.isVerified
        self.delivery.measures.secured(.outbound, version?.words)
        self.record.update(at: self.now) { $0.tls = words }
        self.record.said(.relay, isVerified ? "\(words), certificate verified" : words, at: self.now)
        self.count(result)
        if self.isSecuring {
            self.isSecuring = false
            self.session.tlsEstablished(verified: isVerified)
            self.drain()
        }
    }

    /// The session's TLS is counted, where a policy has it reported (RFC 8460).
    func count(_ result: TLSSessionResult?) {
        guard var result else { return }
        result.local = self.context?.localAddress?.ipAddress
        result.remote = self.context?.remoteAddress?.ipAddress
        self.delivery.tlsSessions?.ended(result)
    }

    /// The words of the policy that applies to a job's domain, where the session was opened, or used last, for another domain of
    /// its site. They may differ, as what was found in DNS; domains that demand more have sites of their own.
    ///
    /// - Returns: completes on the channel's loop; `nil`: it is the same domain, or none was looked up.
    func policy(of job: Job) -> EventLoopFuture<String?>? {
        guard let place = job.place, let domain = place.domain, !self.tls.isAbout(domain),
            let findings = self.delivery.policies?.findings(
                on: self.mailHost, of: place, self.security, on: self.connection.loop)
        else { return nil }
        self.tls.turns(to: domain)
        let before = self.tls.protection.policy
        return findings.map { findings in
            if case .demand(let demand) = findings.verdict { demand.applied } else { before }
        }
    }

    /// What went wrong, short enough for a row.
    func words(for error: any Error) -> String {
        self.tls.certificateFailure.map { "\($0)" } ?? ConnectionWords.words(for: error)
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
