import Logging
import Relay
import Service

/// The configuration read again while the program runs (SIGHUP). Sessions under way keep what they began with.
struct Reload {
    let engine: Engine
    let control: ControlPoint
    let output: LogOutput
    /// Whom the program became at its start.
    let identity: Identity?
    let log: Logger

    /// A mistake in the file, or in a file that it names, leaves everything as it was.
    ///
    /// - Parameter old: what holds now.
    /// - Returns: what holds from now on.
    func run(_ old: Configuration, reading: () throws -> Configuration) async -> Configuration {
        let new: Configuration
        do {
            // Whoever rotated the log waits for that, whatever else there is to say.
            try self.output.reopen()
            new = try reading()
            let keyring = try Keyring(new.relay)
            let visitors = try ControlKeyring(new)
            // The last that can fail.
            try self.output.reload(new.log)
            self.control.reload(visitors)
            self.engine.relay.reload(new.relay, keyring: keyring)
        } catch {
            var reason = "\(error)"
            if let identity { reason += "; it runs as \(identity.name) since its start, and reads what that user may" }
            self.log.error("the configuration was not taken", metadata: ["error": "\(reason)"])
            self.engine.relay.reloadFailed(by: "signal", because: reason)
            return old
        }
        do {
            try await self.engine.relay.relisten(new.relay.listen)
            self.engine.relay.wasReloaded(by: "signal")
        } catch {
            self.log.error("the listeners stay as they were", metadata: ["error": "\(error)"])
            self.engine.relay.wasReloaded(by: "signal", without: "the listeners stay as they were: \(error)")
        }
        self.log.info("the configuration was read again")
        let keys = ConfigurationKey<Configuration>.ofStart.filter { $0.write(old) != $0.write(new) }.map(\.path)
        if !keys.isEmpty {
            self.log.warning(
                "what has changed here is taken at the next start",
                metadata: ["keys": "\(keys.joined(separator: ", "))"])
        }
        return keys.isEmpty ? new : new.keeping(ofStart: old)
    }
}

extension ConfigurationKey<Configuration> {
    /// Those that a reload leaves as they were. Of hostname it is the name of the node, as screens and the API have it.
    fileprivate static let ofStart = Self.whole.filter { key in
        [
            "hostname", "user", "group", "spool.directory", "spool.store", "spool.may-lose-commits",
            "spool.node", "spool.lease",
            "control.socket", "control.group", "control.listen",
            "metrics.listen",
        ].contains(key.path) || key.path.hasPrefix("journal.")
    }
}

extension Configuration {
    /// With what only a start takes as it was then, so that the next reload tells it again.
    fileprivate func keeping(ofStart old: Configuration) -> Configuration {
        var kept = self
        kept.relay.hostname = old.relay.hostname
        kept.relay.spoolDirectory = old.relay.spoolDirectory
        kept.relay.spoolDatabase = old.relay.spoolDatabase
        kept.relay.mayLoseCommits = old.relay.mayLoseCommits
        (kept.relay.node, kept.relay.lease) = (old.relay.node, old.relay.lease)
        (kept.service.user, kept.service.group) = (old.service.user, old.service.group)
        kept.control.socket = old.control.socket
        kept.control.group = old.control.group
        kept.control.listen = old.control.listen
        kept.metrics.listen = old.metrics.listen
        kept.journal = old.journal
        return kept
    }
}
