public import Glibc

/// Sockets that the service manager opened for us and passed on (sd_listen_fds(3)), so that no connection is refused while
/// the program starts, and that it needs no privileges for them.
public struct PassedSockets: Sendable {
    public struct Socket: Sendable, Equatable {
        /// Its `FileDescriptorName=`, else the name of the socket unit; `unknown` where there is none.
        public let name: String
        public let descriptor: CInt
    }

    /// In the order of the socket unit.
    public let sockets: [Socket]

    /// The first of them, behind standard input, output and error.
    private static let first: CInt = 3

    /// - Parameter process: whom they have to be for; a process that we were started by may have had its own.
    public init(environment: [String: String], process: pid_t = getpid()) {
        guard environment["LISTEN_PID"] == "\(process)", let count = environment["LISTEN_FDS"].flatMap({ CInt($0) }),
            (1...1000).contains(count)
        else {
            self.sockets = []
            return
        }
        let names =
            environment["LISTEN_FDNAMES"].map { $0.split(separator: ":", omittingEmptySubsequences: false) } ?? []
        self.sockets = (0..<count).map { place in
            Socket(
                name: Int(place) < names.count ? String(names[Int(place)]) : "unknown", descriptor: Self.first + place)
        }
    }

    /// Keeps them, and what the environment says of the service manager, from the programs that we start.
    public func keepFromOthers() {
        for socket in self.sockets { _ = fcntl(socket.descriptor, F_SETFD, FD_CLOEXEC) }
        for name in Self.variables { unsetenv(name) }
    }

    private static let variables = [
        "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
    ]

    /// Those of that name, of which a socket unit may have several. Where none has it and it is a number, the one at that
    /// place, counted from 1.
    public func named(_ name: String) -> [Socket] {
        let named = self.sockets.filter { $0.name == name }
        guard named.isEmpty, let place = Int(name), (1...max(self.sockets.count, 1)).contains(place) else {
            return named
        }
        return self.sockets.isEmpty ? [] : [self.sockets[place - 1]]
    }
}
