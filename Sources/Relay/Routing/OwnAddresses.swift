import NIOCore
import SMTP

/// The addresses at which this relay takes mail itself.
struct OwnAddresses: Sendable {
    /// Four or sixteen octets each.
    private var addresses: Set<[UInt8]> = []
    private var isEverywhere = false

    /// - Parameters:
    ///   - listening: what is listened on.
    ///   - port: where mail exchangers listen; who listens elsewhere is none.
    init(_ listening: [SocketAddress], port: Int) {
        for address in listening where address.port == port {
            guard let octets = address.ipAddress.flatMap(Network.octets) else { continue }
            if octets.allSatisfy({ $0 == 0 }) { self.isEverywhere = true } else { self.addresses.insert(octets) }
        }
        guard self.isEverywhere else { return }
        // Of a machine whose addresses change this may be out of date: the Received fields then end a loop.
        let devices = (try? System.enumerateDevices()) ?? []
        self.addresses.formUnion(devices.compactMap { $0.address?.ipAddress.flatMap(Network.octets) })
    }

    /// There is nothing to look for.
    var isEmpty: Bool { self.addresses.isEmpty }

    func contains(_ octets: [UInt8]) -> Bool {
        self.addresses.contains(octets) || self.isEverywhere && Network.loopback.contains { $0.contains(octets) }
    }
}
