import Glibc
import NIOCore

/// A socket that was bound before there is anything to listen with: by the service manager, or by us while we still may.
public struct BoundSocket: Sendable, Hashable {
    public let descriptor: CInt
    /// Where it is, of a Unix socket; `nil`: it is one of TCP.
    public let path: String?

    /// Takes one that somebody passed on.
    ///
    /// - Parameter name: for errors.
    public init(passed descriptor: CInt, name: String) throws(LocalSocketError) {
        guard Self.option(SO_TYPE, of: descriptor) == CInt(SOCK_STREAM.rawValue) else {
            throw LocalSocketError("what was passed as \(name) is no stream socket: its unit needs ListenStream=")
        }
        guard Self.option(SO_ACCEPTCONN, of: descriptor) == 1 else {
            throw LocalSocketError("what was passed as \(name) is a connection: its unit needs Accept=no")
        }
        self.descriptor = descriptor
        switch Self.option(SO_DOMAIN, of: descriptor) {
        case AF_INET, AF_INET6: self.path = nil
        case AF_UNIX: self.path = Self.path(of: descriptor)
        default: throw LocalSocketError("what was passed as \(name) is a socket neither of TCP nor of Unix")
        }
    }

    /// Binds one of TCP.
    ///
    /// - Throws: `IOError` with its number, or what the resolver says.
    public init(host: String, port: Int) throws {
        let address = try SocketAddress.makeAddressResolvingHost(host, port: port)
        let family = address.protocol == .inet6 ? AF_INET6 : AF_INET
        let flags = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, flags, 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        var isReused: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &isReused, socklen_t(MemoryLayout<CInt>.size))
        guard address.withSockAddr({ bind(descriptor, $0, socklen_t($1)) }) == 0 else {
            let code = errno
            close(descriptor)
            throw IOError(errnoCode: code, reason: "bind")
        }
        self.descriptor = descriptor
        self.path = nil
    }

    private static func option(_ name: CInt, of descriptor: CInt) -> CInt? {
        var value: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
    }

    private static func path(of descriptor: CInt) -> String {
        var address = sockaddr_un()
        var size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let isKnown = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) == 0 }
        }
        guard isKnown else { return "" }
        return withUnsafeBytes(of: &address.sun_path) { room in
            let isAbstract = room[0] == 0
            let octets = isAbstract ? room.dropFirst().prefix(Int(size) - 3) : room.prefix { $0 != 0 }
            return (isAbstract ? "@" : "") + String(decoding: octets, as: UTF8.self)
        }
    }
}
