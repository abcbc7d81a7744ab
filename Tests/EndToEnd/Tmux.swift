import Foundation
import Glibc
import Testing

/// A terminal that nobody sees: a tmux server of its own, which ends with the test.
final class Tmux {
    private let socket: String
    /// The socket's folder, which must not go before the server has been told to end.
    private let folder: TemporaryFolder

    init(_ command: String, in folder: TemporaryFolder, columns: Int = 80, rows: Int = 24) {
        self.folder = folder
        self.socket = "\(folder.path)/tmux"
        // No relay in it takes the place of the machine's own.
        self.tmux(
            "-f", "/dev/null", "new-session", "-d", "-e", "XDG_RUNTIME_DIR=\(folder.path)", "-x", "\(columns)", "-y",
            "\(rows)", command)
    }
    deinit { self.tmux("kill-server") }

    /// By `popen`, since Foundation's `Process` is not over before what tmux leaves running in the background.
    @discardableResult
    func tmux(_ arguments: String...) -> String {
        let words = ["tmux", "-S", self.socket] + arguments
        let quoted = words.map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
        guard let pipe = popen(quoted + " 2>/dev/null </dev/null", "r") else { return "" }
        defer { pclose(pipe) }
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 { output += buffer[..<count] }
        return String(decoding: output, as: UTF8.self)
    }
    var screen: String { self.tmux("capture-pane", "-p") }
    func press(_ keys: String...) {
        for key in keys {
            self.tmux("send-keys", key)
            usleep(300_000)
        }
    }
    func sees(_ text: String) async throws -> Bool {
        let isSeen = try await eventually { self.screen.contains(text) }
        if !isSeen { print(self.screen) }
        return isSeen
    }
    func type(_ line: String) {
        self.tmux("send-keys", "-l", line)
        self.tmux("send-keys", "Enter")
    }

    /// Whether the alternate screen is shown, where a program paints.
    var isAlternate: Bool { self.tmux("display-message", "-p", "#{alternate_on}").hasPrefix("1") }

    /// The program that runs in it, as the child of its shell.
    func program() async throws -> pid_t {
        let shell = pid_t(self.tmux("display-message", "-p", "#{pane_pid}").filter(\.isNumber))
        var found: pid_t?
        _ = try await eventually {
            let all = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }
            found = all.first { pid in
                let stat = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
                let words = stat.split(separator: " ")
                return words.count > 3 && words[1] == "(hoptop)" && pid_t(words[3]) == shell
            }
            return found != nil
        }
        return try #require(found)
    }

    /// `S` asleep, `R` running, `T` stopped; empty when it is gone.
    static func state(of process: pid_t) -> String {
        let stat = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
        return stat.split(separator: " ").dropFirst(2).first.map(String.init) ?? ""
    }
}
