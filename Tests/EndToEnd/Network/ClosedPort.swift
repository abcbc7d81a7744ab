import Glibc
import Relay

/// An address of this machine where nobody listens, for all tests: a socket has it that takes no connections, so that nobody
/// else is given it while they run.
enum ClosedPort {
    static let endpoint: SocketEndpoint = {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        precondition(isBound, "no port is free: \(String(cString: strerror(errno)))")
        return SocketEndpoint(host: "127.0.0.1", port: Int(UInt16(bigEndian: address.sin_port)))
    }()
}
