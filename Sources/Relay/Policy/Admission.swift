import Mail
import Monitor
import SMTP

/// Who may do what, asked at each step of a session. It never changes, and sessions share it: a reload makes another. Counts
/// of sessions come in as arguments.
final class Admission: Sendable {
    let configuration: RelayConfiguration
    let keyring: Keyring
    /// What any client may be offered, as far as listener and client allow.
    let extensions: Set<ServiceExtension>

    init(configuration: RelayConfiguration, keyring: Keyring) {
        self.configuration = configuration
        self.keyring = keyring
        self.extensions = Set(ServiceExtension.allCases).subtracting(configuration.without)
    }

    /// Users of this machine may: who shall not does not get at the socket.
    func mayRelay(_ peer: Peer) -> Bool { peer.user != nil || peer.isAmong(self.configuration.networks) }

    /// - Parameters:
    ///   - sessions: inbound sessions in all, this one included; `fromClient`: those of the same address.
    func greeting(_ peer: Peer, sessions: Int, fromClient: Int) -> ServerSession.Verdict {
        let limits = self.configuration.limits
        if sessions > self.configuration.sessions {
            return .disconnect(Reply(421, EnhancedStatusCode(4, 3, 2), "Too many connections, try again later"))
        }
        if fromClient > limits.connectionsPerClient, !self.mayRelay(peer) {
            return .disconnect(Reply(421, EnhancedStatusCode(4, 7, 0), "Too many connections from your address"))
        }
        return .accept
    }

    /// - Parameter user: who logged in, which allows to relay.
    func recipient(
        _ path: ForwardPath, from peer: Peer, user: String?, at now: Timestamp
    ) -> ServerSession.Verdict {
        guard case .path(let forward) = path else { return .accept }  // <Postmaster>: every server takes it (§4.5.1).
        if !forward.route.isEmpty, self.configuration.sourceRoutes == .reject {
            return .refuse(Reply(550, EnhancedStatusCode(5, 1, 3), "Source routes are not accepted here"))
        }
        switch self.keyring.rewriters?.meaning(of: forward.mailbox, at: now) {
        case .standsFor: return .accept
        case .forged:
            return .refuse(Reply(550, EnhancedStatusCode(5, 1, 1), "No rewritten sender (SRS) of ours, or too old"))
        case .asItIs, nil: break
        }
        if user != nil || self.mayRelay(peer) || self.isOurPostmaster(forward.mailbox) { return .accept }
        let domain = forward.mailbox.domain.canonical
        if self.configuration.domains.contains(where: { $0.matches(domain) }) { return .accept }
        return .refuse(Reply(554, EnhancedStatusCode(5, 7, 1), "Relay access denied"))
    }

    private func isOurPostmaster(_ mailbox: Mailbox) -> Bool {
        mailbox.localPart.lowercased() == "postmaster"
            && mailbox.domain == Domain(self.configuration.hostname)
    }

    /// The forward-path as the queue keeps it: our own name taken off the route, `<Postmaster>` made a mailbox, the
    /// route stripped unless this client's routes are honoured (RFC 5321 §3.6.1, appendix C), a rewritten sender turned back.
    ///
    /// - Returns: the path, and whether a route was walked, so that our name goes to the front of the reverse-path.
    func queued(_ path: ForwardPath, from peer: Peer, at now: Timestamp) -> (path: ForwardPath, moved: Bool) {
        guard case .path(let given) = path else {
            return (.path(Path(mailbox: self.configuration.mailboxOfPostmaster)), false)
        }
        if case .standsFor(let mailbox) = self.keyring.rewriters?.meaning(of: given.mailbox, at: now) {
            return (.path(Path(mailbox: mailbox)), false)
        }
        guard !given.route.isEmpty else { return (path, false) }
        guard self.honors(peer) else { return (.path(Path(mailbox: given.mailbox)), false) }
        var forward = given
        if forward.route.first == Domain(self.configuration.hostname) { forward.route.removeFirst() }
        return (.path(forward), true)
    }

    func queued(_ path: ReversePath, from peer: Peer) -> ReversePath {
        guard case .path(var reverse) = path, !reverse.route.isEmpty, !self.honors(peer) else { return path }
        reverse.route = []
        return .path(reverse)
    }

    private func honors(_ peer: Peer) -> Bool {
        self.configuration.sourceRoutes == .honor && self.mayRelay(peer)
    }
}
