import Foundation
import Monitor
import NIOConcurrencyHelpers

/// A daemon's socket on another machine, reached by OpenSSH.
public struct SSHPlace: Hashable, Sendable, CustomStringConvertible {
    public var user: String?
    public var host: String
    public var port: Int?
    /// The socket's path there.
    public var socket: String

    public var description: String {
        let user = self.user.map { "\($0)@" } ?? ""
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return "ssh://\(user)\(host)\(self.port.map { ":\($0)" } ?? "")\(self.socket)"
    }
}

/// A socket of this machine behind which ssh puts one of another. It is opened again when ssh ends, and goes, with ssh, when
/// nobody uses it any more, or this program ends in whatever way.
final class SSHTunnel: Sendable {
    private struct State {
        var isRunning = false
        /// What ssh said last.
        var words = ""
        var pause = SSHTunnel.pause.least
    }
    /// Seconds between two tries.
    private static let pause = (least: 1.0, most: 15.0)
    private static let wordsLimit = 4096

    /// Runs ssh until it ends, or the pipe at our stdin does: then nobody is there who would end it, or take the folder away.
    /// Whoever waits for that is not ended by what ends us: Ctrl-C, or a terminal that closes.
    private static let script = """
        exec 3<&0 </dev/null
        folder=$1
        shift
        "$@" 3<&- &
        ssh=$!
        { trap '' HUP INT; read -r _ <&3; rm -rf "$folder"; kill $ssh; } 2>/dev/null &
        keeper=$!
        exec 3<&-
        wait $ssh
        status=$?
        kill $keeper 2>/dev/null
        exit $status
        """

    private let place: SSHPlace
    /// The program, and words that it is always given.
    private let program: [String]
    private let folder: String
    var socket: String { "\(self.folder)/control.sock" }
    /// Its end is that of ssh.
    private let lifeline: Pipe
    private let state = NIOLockedValueBox(State())

    /// - Throws: ``FeedError`` where there is no room for the socket.
    init(_ place: SSHPlace, program: [String]) throws {
        self.place = place
        self.program = program
        var template = Array("\(FileManager.default.temporaryDirectory.path)/hoptop-ssh-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw FeedError(
                .unavailable, "no folder for ssh can be made in \(FileManager.default.temporaryDirectory.path)")
        }
        self.folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.lifeline = Pipe()
        // No child must hold the end that we close.
        for handle in [self.lifeline.fileHandleForReading, self.lifeline.fileHandleForWriting] {
            _ = fcntl(handle.fileDescriptor, F_SETFD, FD_CLOEXEC)
        }
    }

    deinit {
        try? self.lifeline.fileHandleForWriting.close()
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    /// Waits until ssh is through; it may ask for passwords on the terminal meanwhile.
    ///
    /// - Throws: ``FeedError`` with what ssh said.
    func open() async throws {
        try self.start(asks: true)
        while !FileManager.default.fileExists(atPath: self.socket) {
            let isRunning = self.state.withLockedValue { $0.isRunning }
            // Also what it said last has time to come.
            try await Task.sleep(for: .milliseconds(20))
            if !isRunning { throw FeedError(.unavailable, self.words) }
        }
    }

    /// Why nothing comes through.
    var words: String {
        let said = self.state.withLockedValue { $0.words }.split(whereSeparator: \.isNewline).last ?? ""
        let reason = said.isEmpty ? "" : ": \(SafeText(String(said)))"
        return "ssh to \(self.place.host) is not through\(reason)"
    }

    // MARK: ssh

    private func start(asks: Bool) throws {
        self.state.withLockedValue { ($0.isRunning, $0.words) = (true, "") }
        let began = ContinuousClock.now
        try ChildProgram.start(
            ["/bin/sh", "-c", Self.script, "sh", self.folder] + self.program + self.options(asks: asks),
            input: self.lifeline.fileHandleForReading.fileDescriptor,
            said: { [weak self] text in
                self?.state.withLockedValue { $0.words = String(($0.words + text).suffix(Self.wordsLimit)) }
            },
            ended: { [weak self] in self?.ended(after: ContinuousClock.now - began) })
    }

    /// - Parameter asks: a terminal is free for questions.
    private func options(asks: Bool) -> [String] {
        var words = ["-N", "-T", "-L", "\(self.socket):\(self.place.socket)"]
        // A connection that others share would leave the socket behind, and a dead one must be seen to be dead.
        words += ["-S", "none", "-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindUnlink=yes"]
        words += ["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3", "-o", "ConnectTimeout=10"]
        if !asks { words += ["-o", "BatchMode=yes"] }
        if let port = self.place.port { words += ["-p", "\(port)"] }
        if let user = self.place.user { words += ["-l", user] }
        return words + ["--", self.place.host]
    }

    private func ended(after life: Duration) {
        let pause = self.state.withLockedValue { state in
            state.isRunning = false
            if life > .seconds(10) { state.pause = Self.pause.least }
            defer { state.pause = min(state.pause * 2, Self.pause.most) }
            return state.pause
        }
        DispatchQueue.global().asyncAfter(deadline: .now() + pause) { [weak self] in try? self?.start(asks: false) }
    }
}
