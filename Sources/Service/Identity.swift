import CIdentity
public import Glibc

/// A user of this machine whom the program becomes when what only root can do is done.
public struct Identity: Sendable, Equatable {
    public let name: String
    public let user: uid_t
    public let group: gid_t

    /// - Parameter group: its group, by name; `nil`: that of the user database.
    public init(user name: String, group: String? = nil) throws(ServiceError) {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var room = [CChar](repeating: 0, count: 64 << 10)
        guard getpwnam_r(name, &entry, &room, room.count, &found) == 0, found != nil else {
            throw ServiceError(
                "this machine has no user \(name): make one, such as with adduser --system --group \(name)")
        }
        self.name = name
        self.user = entry.pw_uid
        if let group { self.group = try Self.group(group) } else { self.group = entry.pw_gid }
    }

    private static func group(_ name: String) throws(ServiceError) -> gid_t {
        var entry = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var room = [CChar](repeating: 0, count: 64 << 10)
        guard getgrnam_r(name, &entry, &room, room.count, &found) == 0, found != nil else {
            throw ServiceError("this machine has no group \(name): make one, such as with addgroup --system \(name)")
        }
        return entry.gr_gid
    }

    /// Whether the program runs as this user already.
    public var isOurs: Bool { getuid() == self.user && geteuid() == self.user }

    /// Why somebody else does not become this user.
    public var refusal: ServiceError {
        ServiceError("only root becomes \(self.name): start it as root or as \(self.name), or without user and --user")
    }

    /// Whether the program may become somebody else.
    public static var isRoot: Bool { geteuid() == 0 }

    /// Becomes that user for good, with the groups of that user and with all its threads: root gives away its real, effective and
    /// saved numbers at once.
    public func become() throws(ServiceError) {
        guard initgroups(self.name, self.group) == 0, setgid(self.group) == 0, setuid(self.user) == 0 else {
            throw ServiceError("cannot become \(self.name)", errno)
        }
        let code = hoptop_become_in_all_threads()
        guard code == 0 else { throw ServiceError("not all of the program could become \(self.name)", code) }
        guard self.user == 0 || setuid(0) != 0 else { throw ServiceError("\(self.name) could become root again") }
    }

    /// Makes a folder, and those above it, that belongs to this user; one that is there has to.
    ///
    /// - Parameter mode: of the folder itself; those above belong to root and let everybody through.
    public func own(folder path: String, mode: mode_t) throws(ServiceError) {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_uid == self.user else {
                throw ServiceError(
                    "\(path) belongs to another user than \(self.name): chown -R \(self.name): \(path)")
            }
            return
        }
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try Self.make(folder: String(path[..<slash]))
        }
        guard mkdir(path, mode) == 0, chown(path, self.user, self.group) == 0 else { throw ServiceError(path, errno) }
    }

    /// Gives this user a file that the program, still root, made or found.
    public func own(file path: String) throws(ServiceError) {
        guard chown(path, self.user, self.group) == 0 else { throw ServiceError(path, errno) }
    }

    private static func make(folder path: String) throws(ServiceError) {
        if access(path, F_OK) == 0 { return }
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try Self.make(folder: String(path[..<slash]))
        }
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw ServiceError(path, errno) }
    }
}
