import Mail
import Milter
import NIOCore
import SMTP

/// What filters are told of a session beside its steps.
struct MilterContext: Sendable {
    var client: MilterChain.Client
    let hostname: String
    /// Of the message under way.
    var id: QueueID?

    func macros(for step: MilterStep) -> MilterMacros {
        guard step.kind != .header, step.kind != .body else { return MilterMacros() }
        let peer = self.client.peer
        var macros: MilterMacros = [
            "j": self.hostname, "v": "Hoptop \(Relay.version)",
            // By this name milters of Postfix are often told of submission.
            "{daemon_name}": self.client.role == .submission ? "ORIGINATING" : self.hostname,
        ]
        let name = peer.name ?? "unknown"
        macros.add("_", "\(name) [\(peer.client ?? "unknown")]")
        macros.add("{client_name}", name)
        macros.add("{client_ptr}", name)
        macros.add("{client_addr}", peer.client)
        macros.add("{client_port}", peer.address?.port.map { "\($0)" })
        macros.add("{daemon_addr}", self.client.local?.ipAddress)
        macros.add("{daemon_port}", self.client.local?.port.map { "\($0)" })
        macros.add("{tls_version}", self.client.tls)
        macros.add("{auth_authen}", self.client.user)
        if self.client.user != nil { macros.add("{auth_type}", self.client.mechanism) }
        macros.add("i", self.id?.description)
        switch step {
        case .mail(let path, _):
            macros.add("{mail_addr}", Self.bare(path))
            macros.add("{mail_host}", Self.host(path))
            macros.add("{mail_mailer}", "smtp")
        case .recipient(let path, _):
            macros.add("{rcpt_addr}", Self.bare(path))
            macros.add("{rcpt_host}", Self.host(path))
            macros.add("{rcpt_mailer}", "smtp")
        case .connect, .hello, .data, .header, .endOfHeader, .body, .endOfMessage: break
        }
        return macros
    }

    /// The path without its angle brackets.
    private static func bare(_ path: String) -> String { String(path.dropFirst().dropLast()) }
    private static func host(_ path: String) -> String? {
        let bare = Self.bare(path)
        return bare.lastIndex(of: "@").map { String(bare[bare.index(after: $0)...]) }
    }
}
