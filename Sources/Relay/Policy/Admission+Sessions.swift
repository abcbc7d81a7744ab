import Mail
import SMTP

extension Admission {
    /// What a session of this client on this listener offers.
    func session(on listener: Listener, from peer: Peer, at now: Timestamp) -> ServerSession.Configuration {
        let limits = self.configuration.limits
        var session = ServerSession.Configuration(
            hostname: self.configuration.hostname, maximumMessageOctets: limits.messageOctets,
            maximumRecipients: limits.recipients, maximumErrors: limits.errors,
            maximumReceivedFields: limits.receivedFields)
        session.role = listener.role
        session.isSecured = self.tls(on: listener) == .implicit
        session.bareLineEnds = self.configuration.bareLineEnds
        session.longLines = self.configuration.longLines
        session.earlyTalkers = self.configuration.earlyTalkers
        session.allowsAuthenticationWithoutTLS = self.configuration.plaintextAuthentication
        if limits.hold > 0 {
            session.holdLimit = .init(
                seconds: Int(limits.hold / 1000), until: now.adding(milliseconds: limits.hold).milliseconds)
        }
        session.user = peer.user?.name
        if self.keyring.users != nil, peer.user == nil {
            session.mechanisms = Authentication.mechanisms(
                isBound: self.keyring.serverEndPoint != nil && self.tls(on: listener) != .none)
        }
        session.extensions = self.extensions(on: listener, from: peer)
        session.trustsClient = session.extensions.contains(.xclient) || session.extensions.contains(.xforward)
        return session
    }

    /// The filters that are asked about sessions of this client on this listener, in their order.
    func milters(on listener: Listener, from peer: Peer) -> [Milter] {
        self.configuration.milters.filter { $0.roles.contains(listener.role) && !peer.isAmong($0.except) }
    }

    func tls(on listener: Listener) -> Listener.TLS { listener.tls(with: self.configuration.tls) }

    private func extensions(on listener: Listener, from peer: Peer) -> Set<ServiceExtension> {
        var extensions = self.extensions
        if self.tls(on: listener) != .starttls { extensions.remove(.startTLS) }
        if !self.mayRelay(peer) { extensions.remove(.etrn) }
        if !peer.isAmong(self.configuration.xclient) { extensions.remove(.xclient) }
        if !peer.isAmong(self.configuration.xforward) { extensions.remove(.xforward) }
        return extensions
    }
}
