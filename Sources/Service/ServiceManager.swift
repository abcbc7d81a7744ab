public import Glibc
import Sockets

/// The service manager that started this program, as systemd does. It is told how things go by datagrams of a few lines
/// (sd_notify(3)), which need no library.
public struct ServiceManager: Sendable {
    /// What it is told.
    public enum Message: Sendable, Equatable {
        /// The start is over, or a reload is.
        case ready
        case reloading
        case stopping
        /// How it goes, in a line for people.
        case status(String)
        /// A sign of life.
        case alive
    }

    /// `/run/systemd/notify`, or an abstract name with `@` in front.
    private let address: String
    /// It ends a program of which it had no ``Message/alive`` for that long; `nil`: it does not ask for any.
    public let watchdog: Duration?

    /// - Returns: `nil` where no service manager wants to know.
    public init?(environment: [String: String], process: pid_t = getpid()) {
        // There are also addresses of other kinds, for virtual machines.
        guard let address = environment["NOTIFY_SOCKET"], address.utf8.count <= LocalSocket.pathLimit,
            address.hasPrefix("/") || address.hasPrefix("@") && address != "@"
        else { return nil }
        self.address = address
        let isForUs = environment["WATCHDOG_PID"].map { $0 == "\(process)" } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        self.watchdog = isForUs && microseconds > 0 ? .microseconds(microseconds) : nil
    }

    /// Blocks for a moment where the manager is busy.
    public func tell(_ message: Message) throws(ServiceError) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw ServiceError(self.address, errno) }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        guard LocalAddress.send(Self.lines(message, at: Self.now).utf8, through: descriptor, to: self.address) >= 0
        else { throw ServiceError(self.address, errno) }
    }

    /// - Parameter now: microseconds of the clock that never jumps, by which the manager knows a reload from one before.
    static func lines(_ message: Message, at now: Int64) -> String {
        switch message {
        case .ready: "READY=1"
        case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(now)"
        case .stopping: "STOPPING=1"
        case .status(let text): "STATUS=" + text.split(whereSeparator: \.isNewline).joined(separator: " ")
        case .alive: "WATCHDOG=1"
        }
    }

    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}

/// What stands between us and the machine. One line that says what to do.
public struct ServiceError: Error, Equatable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
    init(_ what: String, _ code: Int32) { self.description = "\(what): \(String(cString: strerror(code)))" }
}
