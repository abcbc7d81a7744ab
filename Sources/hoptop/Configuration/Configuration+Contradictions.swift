import Relay
import SMTP
import Screen

/// What keys mean together, each of them being right by itself.
extension Configuration {
    typealias Contradiction = (key: String, reason: String)

    /// - Parameter isWritten: whether a key has its value from the file, and not by default.
    func contradictions(isWritten: (String) -> Bool) -> [Contradiction] {
        var found = self.ofControl
        for clash in self.screen.keymap.clashes { found.append((clash.name.path, clash.reason)) }
        found += self.ofPorts
        if self.service.group != nil, self.service.user == nil {
            found.append(("group", "goes with a user: name that with user"))
        }
        if let tls = self.relay.tls {
            if tls.certificate.isEmpty { found.append(("tls.certificate", "is missing beside tls.key")) }
            if tls.key.isEmpty { found.append(("tls.key", "is missing beside tls.certificate")) }
        }
        return found + self.ofRetries(isWritten) + self.ofListeners
    }

    private var ofControl: [Contradiction] {
        var found: [Contradiction] = []
        let control = self.control
        if !control.operators.isEmpty, control.group == nil {
            found.append(("control.operators", "are members of a group: [control] group"))
        }
        if control.certificate != nil, control.key == nil {
            found.append(("control.key", "is missing beside control.certificate"))
        }
        if control.key != nil, control.certificate == nil {
            found.append(("control.certificate", "is missing beside control.key"))
        }
        guard control.listen != nil else { return found }
        if control.tokens == nil {
            found.append(
                ("control.listen", "lets nobody in without control.tokens: make one with hoptop control token"))
        }
        if control.certificate == nil, self.relay.tls == nil {
            found.append(
                ("control.listen", "needs a certificate: [control] certificate and key, or those of [tls]"))
        }
        return found
    }

    /// One port has one purpose.
    private var ofPorts: [Contradiction] {
        var found: [Contradiction] = []
        var taken: [(endpoint: SocketEndpoint, key: String)] = []
        var all: [(key: String, endpoint: SocketEndpoint?)] = self.relay.listen.enumerated().map { index, listener in
            guard case .endpoint(let endpoint) = listener.address else { return ("listen[\(index)]", nil) }
            return ("listen[\(index)]", endpoint)
        }
        all += [("control.listen", self.control.listen), ("metrics.listen", self.metrics.listen)]
        for case (let key, let endpoint?) in all {
            if let other = taken.first(where: { $0.endpoint.overlaps(endpoint) }) {
                found.append((key, "\(endpoint) is listened on already, by \(other.key): name another port"))
            }
            taken.append((endpoint, key))
        }
        return found
    }

    /// Of defaults nobody says that they contradict what was written, as long as that means something.
    private func ofRetries(_ isWritten: (String) -> Bool) -> [Contradiction] {
        let retry = self.relay.retry
        var found: [Contradiction] = []
        if retry.first > retry.giveUp {
            found.append(
                ("queue.retry.first", "is longer than queue.retry.give-up: nothing would be tried twice"))
        } else if isWritten("queue.retry.first"), retry.first > retry.longest {
            found.append(
                ("queue.retry.first", "is longer than queue.retry.longest, which bounds it: write a longer one"))
        }
        if isWritten("queue.retry.delay-notice"), retry.delayNotice > retry.giveUp {
            found.append(
                ("queue.retry.delay-notice", "is longer than queue.retry.give-up: none would be sent; \"0s\" says so"))
        }
        for (index, route) in self.relay.routes.enumerated() {
            let own = route.retry
            if let first = own.first, first > own.longest ?? retry.longest {
                found.append(("route[\(index)].retry", "has a first time that is longer than its longest"))
            }
            if let notice = own.delayNotice, notice > own.giveUp ?? retry.giveUp {
                found.append(
                    ("route[\(index)].retry", "has a delay-notice that is longer than its give-up: none would be sent"))
            }
        }
        return found
    }

    private var ofListeners: [Contradiction] {
        var found: [Contradiction] = []
        for (index, listener) in self.relay.listen.enumerated() {
            let hasTLS = listener.tls(with: self.relay.tls) != .none
            if hasTLS, self.relay.tls == nil {
                found.append(("listen[\(index)].tls", "needs a certificate: [tls] certificate and key"))
            }
            guard listener.role == .submission, case .endpoint = listener.address else { continue }
            if self.relay.users == nil {
                found.append(
                    ("listen[\(index)].role", "\"submission\" needs users who may log in: [auth] users"))
            } else if !hasTLS, !self.relay.plaintextAuthentication, self.relay.xclient.isEmpty {
                found.append(
                    (
                        "listen[\(index)].role",
                        "\"submission\" lets nobody log in without TLS: [tls], or [auth] plaintext = true"
                    ))
            }
        }
        return found
    }
}
