import Glibc

/// Where the Unix socket of the API is, when nobody says where.
enum ControlSocket {
    private static let name = "hoptop/control.sock"
    private static let system = "/run/\(Self.name)"

    /// Where a relay of this user opens it.
    static func defaultPath(environment: [String: String]) -> String {
        self.runtimeFolder(environment).map { "\($0)/\(self.name)" } ?? self.system
    }

    /// Where one may be, the likeliest first: the user's own relay's, and that of the machine.
    static func candidates(environment: [String: String]) -> [String] {
        let own = self.defaultPath(environment: environment)
        return own == self.system ? [own] : [own, self.system]
    }

    /// That of a relay of the demo: `demo-A.sock` beside the usual one.
    static func path(ofDemo relay: String, environment: [String: String]) -> String {
        "\(self.folder(of: self.defaultPath(environment: environment)))/demo-\(relay).sock"
    }

    /// Where the sockets of the machine's relay are.
    static let machineFolder = Self.folder(of: Self.system)
    static func isOfMachine(_ path: String) -> Bool { self.folder(of: path) == self.machineFolder }
    /// Where a relay that became another user opens it.
    static var ofMachine: String { self.system }

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }

    private static func runtimeFolder(_ environment: [String: String]) -> String? {
        environment["XDG_RUNTIME_DIR"].flatMap { $0.hasPrefix("/") ? $0 : nil }
    }

    /// Makes the folder of a socket, where it is missing. Our own in a user's runtime directory is nobody else's; that in
    /// `/run` lets others through, whom the socket's own mode keeps out or not.
    static func makeFolder(of path: String) throws(Failure) {
        let folder = self.folder(of: path)
        let mode: mode_t = folder == self.machineFolder ? 0o755 : 0o700
        if mkdir(folder, mode) == 0 || errno == EEXIST { return }
        throw Failure("\(folder) cannot be made: \(String(cString: strerror(errno)))")
    }
}
