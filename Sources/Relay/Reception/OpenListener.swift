import NIOConcurrencyHelpers
import NIOCore
import Sockets

/// A listener that is open.
struct OpenListener: Sendable {
    let serving: ServedListener
    let channel: any Channel
    /// What it leaves behind in the file system.
    var socket: LocalSocket?

    /// `192.0.2.1:25`, with the port that the system chose, or `unix:/run/hoptop/submit`.
    var place: String {
        if let path = self.serving.path { return ListenAddress.socket(path).description }
        return self.channel.localAddress?.endpointText ?? self.serving.listener.address.description
    }

    func close() async {
        self.socket?.remove()
        try? await self.channel.close()
    }
}

/// What is spoken at an open listener: each session asks at its start, so that a reload may change it.
final class ServedListener: Sendable {
    /// Where it is, of a Unix socket; `nil`: it is one of TCP.
    let path: String?
    private let current: NIOLockedValueBox<Listener>

    init(_ listener: Listener, path: String? = nil) {
        self.path = path
        self.current = NIOLockedValueBox(listener)
    }

    var listener: Listener {
        var listener = self.current.withLockedValue { $0 }
        if let path = self.path { listener.address = .socket(path) }
        return listener
    }
    /// Where the configuration has it.
    var address: ListenAddress { self.current.withLockedValue { $0.address } }
    func reload(_ listener: Listener) { self.current.withLockedValue { $0 = listener } }
}
