public import Glibc
public import Mail
public import NIOCore
public import NIOPosix

/// The Unix socket of a listener, from the place where it is made to the users at its other end.
public struct LocalSocket: Sendable {
    /// `sun_path` holds 108 octets, the last of them 0.
    public static let pathLimit = 107
    public let path: String
    private let device: dev_t
    private let file: ino_t

    /// Listens at `path`. A socket that nobody listens on any more, as after a crash, is replaced; one that somebody
    /// listens on never is.
    ///
    /// - Parameters:
    ///   - mode: who may connect needs to write.
    ///   - group: whom it belongs to beside us; `nil`: our own group.
    public static func bind(
        _ path: String, mode: mode_t, group: gid_t? = nil, with bootstrap: ServerBootstrap
    ) async throws -> (channel: any Channel, socket: LocalSocket) {
        guard path.utf8.count <= Self.pathLimit else {
            throw LocalSocketError("its path is longer than the \(Self.pathLimit) octets that the system takes")
        }
        // Another one that starts in the same folder waits, so that none takes the socket of the other for an old one.
        let folder = open(Self.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else {
            throw LocalSocketError("\(Self.folder(of: path)): \(String(cString: strerror(errno)))")
        }
        defer { close(folder) }
        guard flock(folder, LOCK_EX) == 0 else { throw LocalSocketError("its folder cannot be locked") }
        try Self.removeStale(path)
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw LocalSocketError(String(cString: strerror(errno))) }
        guard LocalAddress.bind(descriptor, to: path) == 0 else {
            defer { close(descriptor) }
            throw LocalSocketError(String(cString: strerror(errno)))
        }
        // Nobody can connect before it is listened on, and then mode and group are what they shall be.
        var status = stat()
        guard group.map({ chown(path, uid_t.max, $0) == 0 }) ?? true, chmod(path, mode) == 0, lstat(path, &status) == 0
        else {
            defer { close(descriptor) }
            let reason = String(cString: strerror(errno))
            unlink(path)
            throw LocalSocketError("its group and mode cannot be set: \(reason)")
        }
        let channel = try await bootstrap.withBoundSocket(descriptor).get()
        return (channel, LocalSocket(path: path, device: status.st_dev, file: status.st_ino))
    }

    /// Takes the socket away, unless somebody has put another one there.
    public func remove() {
        var status = stat()
        guard lstat(self.path, &status) == 0, status.st_dev == self.device, status.st_ino == self.file else { return }
        unlink(self.path)
    }

    private static func folder(of path: String) -> String {
        let folder = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
        return folder.isEmpty ? "/" : String(folder)
    }

    private static func removeStale(_ path: String) throws(LocalSocketError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw LocalSocketError("\(path) is there, and is no socket") }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw LocalSocketError(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        guard LocalAddress.connect(descriptor, to: path) != 0 else {
            throw LocalSocketError("another program listens there")
        }
        guard errno == ECONNREFUSED, unlink(path) == 0 else {
            throw LocalSocketError("\(path) cannot be replaced: \(String(cString: strerror(errno)))")
        }
    }

    /// `struct ucred`, which Swift does not import.
    private typealias Credentials = (process: Int32, user: UInt32, group: UInt32)

    /// Who is at the other end.
    ///
    /// - Parameter threads: for the look into the user database, which may be far away.
    public static func user(
        of channel: any Channel, threads: NIOThreadPool
    ) -> EventLoopFuture<LocalUser> {
        guard let options = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(LocalSocketError("no credentials"))
        }
        let credentials: EventLoopFuture<Credentials> = options.unsafeGetSocketOption(
            level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
        return credentials.flatMap { credentials in
            threads.runIfActive(eventLoop: channel.eventLoop) {
                LocalUser(name: Self.name(of: credentials.user), number: credentials.user)
            }
        }
    }

    /// - Returns: the process that listens at `path`; `nil` where none does that is visible from here.
    public static func listener(at path: String) -> pid_t? {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var credentials: Credentials = (0, 0, 0)
        var size = socklen_t(MemoryLayout<Credentials>.size)
        guard path.utf8.count <= Self.pathLimit, LocalAddress.connect(descriptor, to: path) == 0,
            getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0, credentials.process > 0
        else { return nil }
        return credentials.process
    }

    private static func name(of user: UInt32) -> String {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var room = [CChar](repeating: 0, count: 16 << 10)
        guard getpwuid_r(user, &entry, &room, room.count, &found) == 0, found != nil, let name = entry.pw_name else {
            return "\(user)"
        }
        return String(cString: name)
    }
}

/// A Unix socket's address, as system calls take it.
public enum LocalAddress {
    /// `connect(2)`, with the error in `errno`. `path` has 107 octets at most.
    public static func connect(_ descriptor: Int32, to path: String) -> Int32 {
        self.with(path) { Glibc.connect(descriptor, $0, $1) }
    }

    /// `bind(2)`, likewise.
    static func bind(_ descriptor: Int32, to path: String) -> Int32 {
        self.with(path) { Glibc.bind(descriptor, $0, $1) }
    }

    /// Sends a datagram to it, as `sendto(2)`; an abstract name (unix(7)) is written with `@` in front.
    public static func send(_ octets: some Collection<UInt8>, through descriptor: Int32, to path: String) -> Int {
        let octets = Array(octets)
        return self.with(path) { sendto(descriptor, octets, octets.count, Int32(MSG_NOSIGNAL), $0, $1) }
    }

    private static func with<Result>(_ path: String, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var size = MemoryLayout<sockaddr_un>.size
        withUnsafeMutableBytes(of: &address.sun_path) { room in
            room.copyBytes(from: path.utf8.prefix(room.count - 1))
            guard path.utf8.first == UInt8(ascii: "@") else { return }
            // An abstract name is as long as the address says, and begins with a zero.
            room[0] = 0
            size -= room.count - min(path.utf8.count, room.count - 1)
        }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, socklen_t(size)) }
        }
    }
}

/// Why there is no socket.
public struct LocalSocketError: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
