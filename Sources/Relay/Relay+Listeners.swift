import Glibc
import Logging
import NIOCore
import Sockets

extension Relay {
    /// Opens what the configuration names. On failure nothing is open.
    func openListeners(at sockets: [ListenAddress: [BoundSocket]]) async throws(ListenError) {
        self.replaceListeners(try await self.open(self.configuration.listen, at: sockets))
    }

    /// Has listeners that stay serve as they are configured now, opens those that are new, closes those that are gone. Sessions
    /// under way go on.
    ///
    /// - Throws: when one cannot be opened, as with a port that needs privileges; all are as they were then.
    public func relisten(_ wanted: [Listener]) async throws(ListenError) {
        let before = self.listeners
        let byAddress = Dictionary(wanted.map { ($0.address, $0) }, uniquingKeysWith: { $1 })
        let gone = before.filter { byAddress[$0.serving.address] == nil }
        let stay = before.filter { byAddress[$0.serving.address] != nil }
        let new = wanted.filter { one in !stay.contains { $0.serving.address == one.address } }
        var opened: [OpenListener]
        do { opened = try await self.open(new) } catch {
            // What is gone may be in the way, as 0.0.0.0:25 is in that of 127.0.0.1:25.
            guard error.isInUse, !gone.isEmpty else { throw error }
            for listener in gone { await listener.close() }
            do { opened = try await self.open(new) } catch {
                let again = try? await self.open(gone.map(\.serving.listener))
                self.replaceListeners(stay + (again ?? []))
                throw error
            }
        }
        for listener in gone { await listener.close() }
        for open in stay { if let now = byAddress[open.serving.address] { open.serving.reload(now) } }
        self.replaceListeners(stay + opened)
    }

    /// All of them or none.
    private func open(
        _ listeners: [Listener], at sockets: [ListenAddress: [BoundSocket]] = [:]
    ) async throws(ListenError) -> [OpenListener] {
        var opened: [OpenListener] = []
        for listener in listeners {
            do {
                let open = try await self.reception.listen(
                    on: listener, at: sockets[listener.address] ?? [], group: self.group)
                for open in open { self.log.info("listening", metadata: ["address": "\(open.place)"]) }
                opened += open
            } catch {
                for open in opened { await open.close() }
                throw ListenError(listener.address, error)
            }
        }
        return opened
    }

    private func replaceListeners(_ listeners: [OpenListener]) {
        self.listeners = listeners
        self.exchangers.listening(on: listeners.compactMap { $0.channel.localAddress })
    }
}

/// An address that cannot be listened on. The description is one line and says what to do.
public struct ListenError: Error, CustomStringConvertible {
    public let description: String
    /// Something else has the port.
    let isInUse: Bool

    public init(_ address: ListenAddress, _ error: any Error) {
        let code = (error as? IOError)?.errnoCode
        self.isInUse = code == EADDRINUSE
        let endpoint: SocketEndpoint
        switch address {
        case .endpoint(let one): endpoint = one
        case .socket:
            self.description =
                "cannot listen on \(address): \(error); its folder has to be there, and ours to write into"
            return
        case .passed(let name):
            self.description =
                "cannot listen on \(address): the service manager passed no such socket: give one the name with "
                + "FileDescriptorName=\(name) in its socket unit, and start that"
            return
        }
        let advice =
            switch code {
            case EADDRINUSE: "the port is in use: stop what listens there or choose another with --listen ADDRESS:PORT"
            case EACCES: "not permitted: a port below 1024 needs privileges; choose another with --listen ADDRESS:PORT"
            case EADDRNOTAVAIL: "this machine does not have that address: choose another with --listen ADDRESS:PORT"
            default: "\(error): choose another with --listen ADDRESS:PORT"
            }
        self.description = "cannot listen on \(endpoint): \(advice)"
    }
}
