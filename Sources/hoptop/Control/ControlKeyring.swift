import Control
import Glibc
import Relay

/// What the files and the group behind `[control]` hold. Read as a whole before anything of it is used, and anew with each
/// reload.
struct ControlKeyring {
    let access: ControlAccess
    let group: gid_t?
    /// `nil` where nothing is served on the network.
    let tls: ControlServer.TLS?

    init(_ configuration: Configuration) throws(KeyringError) {
        let control = configuration.control
        self.group = try control.group.map(Self.number)
        let tokens = try control.tokens.map(Self.tokens)
        self.access = ControlAccess(
            hasGroup: self.group != nil, operators: Set(control.operators), tokens: tokens ?? ControlTokens())
        guard control.listen != nil else {
            self.tls = nil
            return
        }
        let files = control.certificate.map { TLSFiles(certificate: $0, key: control.key ?? "") }
        self.tls = try (files ?? configuration.relay.tls).map { used throws(KeyringError) in
            try Keyring.serverContext(used, of: files == nil ? "tls" : "control")
        }
    }

    private static func number(of group: String) throws(KeyringError) -> gid_t {
        var entry = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var room = [CChar](repeating: 0, count: 64 << 10)
        guard getgrnam_r(group, &entry, &room, room.count, &found) == 0, found != nil else {
            throw KeyringError(description: "control.group: this machine has no group \(group)", key: "control.group")
        }
        return entry.gr_gid
    }

    private static func tokens(_ path: String) throws(KeyringError) -> ControlTokens {
        let text: String
        do { text = try Secret.text(of: path) } catch {
            throw KeyringError(description: error.description, key: "control.tokens")
        }
        do { return try ControlTokens(text: text) } catch {
            throw KeyringError(description: "\(path): \(error)", key: "control.tokens")
        }
    }
}
