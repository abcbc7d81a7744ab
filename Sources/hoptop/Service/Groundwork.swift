import Foundation
import Glibc
import Journal
import Logging
import Relay
import Service
import Sockets

/// What an engine stands on that is had before it starts, while the program may be root still: keys, and sockets that are
/// bound already. Behind it the program is the user that it shall be, for good.
struct Groundwork {
    let keyring: Keyring
    let control: ControlKeyring
    private(set) var sockets: [ListenAddress: [BoundSocket]] = [:]
    /// Whom the program became; `nil`: it is who it was.
    private(set) var identity: Identity?
    /// What an operator should think about, once the engine has started.
    private(set) var advice: String?

    /// - Throws: a ``Failure`` for whatever could not be had.
    init(
        _ configuration: Configuration, passed: PassedSockets = PassedSockets(environment: [:]), log: Logger
    ) throws {
        do {
            self.keyring = try Keyring(configuration.relay)
            self.control = try ControlKeyring(configuration)
            try self.take(passed, for: configuration.relay.listen, log)
            if let identity = try configuration.service.identity() {
                try self.become(identity, configuration, log)
            } else if Identity.isRoot, configuration.service.user == nil {
                self.advice = "runs as root, which mail does not need: name a user with user = \"hoptop\" or --user"
            }
        } catch let failure as Failure { throw failure } catch { throw Failure(error) }
    }

    private mutating func take(_ passed: PassedSockets, for listeners: [Listener], _ log: Logger) throws {
        passed.keepFromOthers()
        var taken: Set<CInt> = []
        for listener in listeners {
            guard case .passed(let name) = listener.address else { continue }
            let sockets = passed.named(name)
            self.sockets[listener.address] = try sockets.map { try BoundSocket(passed: $0.descriptor, name: $0.name) }
            taken.formUnion(sockets.map(\.descriptor))
        }
        for socket in passed.sockets where !taken.contains(socket.descriptor) {
            log.warning(
                "the service manager passed a socket that no [[listen]] takes: name it with address = \"systemd:NAME\"",
                metadata: ["name": "\(socket.name)"])
        }
    }

    private mutating func become(_ identity: Identity, _ configuration: Configuration, _ log: Logger) throws {
        for listener in configuration.relay.listen {
            guard case .endpoint(let endpoint) = listener.address else { continue }
            do {
                self.sockets[listener.address] = [try BoundSocket(host: endpoint.host, port: endpoint.port)]
            } catch { throw ListenError(listener.address, error) }
        }
        try identity.own(folder: configuration.relay.spoolDirectory, mode: 0o700)
        if let folder = configuration.journal.directory, configuration.journal.isKept {
            try identity.own(folder: folder, mode: 0o700)
        }
        if let file = configuration.log.file { try identity.own(file: file) }
        try self.makeRuntimeFolder(for: identity, configuration)
        try identity.become()
        self.identity = identity
        log.info("runs from here on as another user", metadata: ["user": "\(identity.name)"])
        for case .file(let path)? in configuration.relay.routes.map(\.security.login?.secret)
        where access(path, R_OK) != 0 {
            throw Failure(
                "\(path) is read for each session, and \(identity.name) may not: chown \(identity.name) \(path)")
        }
        do { _ = try (Keyring(configuration.relay), ControlKeyring(configuration)) } catch {
            log.warning(
                "what root alone may read cannot be read again by SIGHUP, only by a new start",
                metadata: ["error": "\(error)"])
        }
    }

    /// That of the machine, for the sockets that the program makes when it is no longer root.
    private func makeRuntimeFolder(for identity: Identity, _ configuration: Configuration) throws {
        var isWanted = configuration.control.socket == .automatic
        if case .path(let path) = configuration.control.socket { isWanted = ControlSocket.isOfMachine(path) }
        for listener in configuration.relay.listen {
            if case .socket(let path) = listener.address, ControlSocket.isOfMachine(path) { isWanted = true }
        }
        guard isWanted else { return }
        let folder = ControlSocket.machineFolder
        // One that a relay of root left is ours as well.
        guard mkdir(folder, 0o755) == 0 || errno == EEXIST, chown(folder, identity.user, identity.group) == 0 else {
            throw Failure("\(folder) cannot be made: \(String(cString: strerror(errno)))")
        }
    }
}

extension ServiceConfiguration {
    /// Whom the program has to become; `nil`: it stays who it is.
    func identity() throws(ServiceError) -> Identity? {
        guard let user = self.user else { return nil }
        let identity = try Identity(user: user, group: self.group)
        if identity.isOurs { return nil }
        guard Identity.isRoot else { throw identity.refusal }
        return identity
    }
}
