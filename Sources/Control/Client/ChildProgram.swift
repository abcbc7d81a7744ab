import Foundation
import Glibc
import Monitor

/// A program that runs beside this one, on the same terminal: it may ask its user something there.
enum ChildProgram {
    /// Neither our descriptors nor the signals that we block or ignore are for it. It stays in our group of processes, since
    /// another one could not read the terminal.
    ///
    /// - Parameters:
    ///   - words: the path of the program, and its arguments.
    ///   - input: its standard input.
    ///   - said: what it writes to stderr, as it comes.
    ///   - ended: called once, when it is over.
    /// - Throws: ``FeedError`` when it cannot be run.
    static func start(
        _ words: [String], input: Int32, said: @escaping @Sendable (String) -> Void,
        ended: @escaping @Sendable () -> Void
    ) throws {
        let errors = Pipe()
        for handle in [errors.fileHandleForReading, errors.fileHandleForWriting] {
            _ = fcntl(handle.fileDescriptor, F_SETFD, FD_CLOEXEC)
        }
        let process = try Self.spawn(words, input: input, errors: errors.fileHandleForWriting.fileDescriptor)
        // Or its end would never be seen.
        try? errors.fileHandleForWriting.close()
        let reading = errors.fileHandleForReading
        Thread.detachNewThread {
            while case let data = reading.availableData, !data.isEmpty { said(String(decoding: data, as: UTF8.self)) }
        }
        Thread.detachNewThread {
            while waitpid(process, nil, 0) < 0, errno == EINTR {}
            ended()
        }
    }

    private static func spawn(_ words: [String], input: Int32, errors: Int32) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, words[0], &actions, &attributes, arguments + [nil], environ)
        guard code == 0 else {
            throw FeedError(.unavailable, "\(words[0]) cannot be run: \(String(cString: strerror(code)))")
        }
        return process
    }
}
