@preconcurrency import Glibc

/// Where the password or token for a smarthost is found. The configuration names the place and never holds the secret.
public enum Secret: Sendable, Hashable {
    /// One line in a file that the world cannot read.
    case file(String)
    /// A variable of our environment.
    case environment(String)
    /// One line that `/bin/sh -c` prints, for tokens that expire.
    case command(String)

    static let octetsLimit = 64 * 1024

    /// What stands there now, without the newline at its end; of a command, without the spaces around it.
    ///
    /// Blocks, a command for as long as `milliseconds`: not for an event loop. A command that takes longer, or says
    /// too much, is killed with all that it started.
    public func read(within milliseconds: Int = 30_000) throws(SecretError) -> String {
        switch self {
        case .file(let path): return try Self.line(try Self.octets(of: path, limit: Self.octetsLimit), path)
        case .environment(let name):
            guard let value = getenv(name) else { throw SecretError("\(name) is not in the environment") }
            return try Self.line(Array(String(cString: value).utf8), name)
        case .command(let command):
            let octets = try CommandOutput.octets(of: command, within: milliseconds)
            let isSpace = { (octet: UInt8) in octet == 0x20 || (0x09...0x0D).contains(octet) }
            let start = octets.firstIndex { !isSpace($0) } ?? octets.endIndex
            let end = octets.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? start
            return try Self.line(Array(octets[start..<end]), "the output of \(command)")
        }
    }

    /// - Parameter place: For errors, which show nothing of the secret.
    private static func line(_ octets: [UInt8], _ place: String) throws(SecretError) -> String {
        var octets = octets[...]
        if octets.last == UInt8(ascii: "\n") {
            octets.removeLast()
            if octets.last == UInt8(ascii: "\r") { octets.removeLast() }
        }
        guard !octets.isEmpty else { throw SecretError("\(place) is empty: put the secret there, on one line") }
        guard !octets.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) else {
            throw SecretError("\(place) has more than one line: put only the secret there")
        }
        guard let text = String(validating: octets, as: UTF8.self) else {
            throw SecretError("\(place) is not UTF-8 text")
        }
        return text
    }

    /// The text of a file that only its owner and group may see.
    public static func text(of path: String) throws(SecretError) -> String {
        guard let text = String(validating: try self.octets(of: path, limit: 1 << 20), as: UTF8.self) else {
            throw SecretError("\(path) is not UTF-8 text")
        }
        return text
    }

    /// A file that only its owner and group may see, whole.
    static func octets(of path: String, limit: Int) throws(SecretError) -> [UInt8] {
        // A FIFO would wait for its writer.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw SecretError(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SecretError(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SecretError("\(path) is no ordinary file") }
        guard status.st_mode & (S_IROTH | S_IWOTH) == 0 else {
            throw SecretError("\(path) is open to everybody on this machine: chmod o= \(path)")
        }
        var octets: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { throw SecretError(path, errno) }
            if count == 0 { return octets }
            octets += chunk[..<count]
            guard octets.count <= limit else { throw SecretError("\(path) is longer than \(limit) octets") }
        }
    }
}

/// Why there is no secret. One line, without anything of the secret.
public struct SecretError: Error, Equatable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
    init(_ place: String, _ code: Int32) { self.description = "\(place): \(String(cString: strerror(code)))" }
}

/// Runs a command of the operator's for what it prints.
private enum CommandOutput {
    static func octets(of command: String, within milliseconds: Int) throws(SecretError) -> [UInt8] {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SecretError(command, errno) }
        defer { close(ends[0]) }
        for descriptor in ends { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        let spawned = Result { () throws(SecretError) in try Self.spawn(command, output: ends[1]) }
        close(ends[1])  // Or the output would never end.
        let process = try spawned.get()
        let octets: [UInt8]
        let status: Int32
        do throws(SecretError) {
            octets = try Self.read(ends[0], command, until: end)
            status = try Self.wait(for: process, command, until: end)
        } catch {
            // Its own group, so that what it started goes with it. Nobody waited for it yet, so the number is its own.
            kill(-process, SIGKILL)
            waitpid(process, nil, 0)
            throw error
        }
        guard status == 0 else {
            let signal = status & 0x7F
            throw SecretError(
                signal == 0
                    ? "\(command) failed with status \(status >> 8 & 0xFF)" : "\(command) was ended by signal \(signal)"
            )
        }
        return octets
    }

    /// Neither our terminal nor our descriptors, nor the signals we block or ignore, are for it.
    private static func spawn(_ command: String, output: Int32) throws(SecretError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sh"), strdup("-c"), strdup(command)]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, "/bin/sh", &actions, &attributes, arguments + [nil], environ)
        guard code == 0 else { throw SecretError(command, code) }
        return process
    }

    private static func read(
        _ descriptor: Int32, _ command: String, until end: ContinuousClock.Instant
    ) throws(SecretError) -> [UInt8] {
        var octets: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let left = (end - .now) / .milliseconds(1)
            let ready = left > 0 ? poll(&waiting, 1, Int32(left.rounded(.up))) : 0
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { throw Self.late(command) }
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SecretError(command, errno) }
            if count == 0 { return octets }
            octets += chunk[..<count]
            guard octets.count <= Secret.octetsLimit else {
                throw SecretError("\(command) printed more than \(Secret.octetsLimit) octets: let it print the secret")
            }
        }
    }

    /// - Returns: As `waitpid` has it. A command may go on after its output ended.
    private static func wait(
        for process: pid_t, _ command: String, until end: ContinuousClock.Instant
    ) throws(SecretError) -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, WNOHANG) == 0 {
            guard ContinuousClock.now < end else { throw Self.late(command) }
            usleep(2000)
        }
        return status
    }

    private static func late(_ command: String) -> SecretError {
        SecretError("\(command) took too long and was killed")
    }
}
