import Foundation
import Glibc
import Testing

@testable import Relay

@Suite("Secrets", .timeLimit(.minutes(5)))
struct SecretTests {
    /// A file with `text`, gone afterwards.
    @discardableResult
    private func withFile<Value>(
        _ text: String, mode: mode_t = 0o600, _ use: (String) throws -> Value
    ) throws -> Value {
        var template = Array("/tmp/hoptop-secret-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { unlink(path) }
        _ = text.withCString { write(descriptor, $0, strlen($0)) }
        fchmod(descriptor, mode)
        close(descriptor)
        return try use(path)
    }

    @Test(
        "a file's one line, with or without its end",
        arguments: [
            ("secret", "secret"), ("secret\n", "secret"), ("secret\r\n", "secret"), (" se cret ", " se cret "),
            ("pässwörd\n", "pässwörd"),
        ])
    func file(text: String, secret: String) throws {
        #expect(try self.withFile(text) { try Secret.file($0).read() } == secret)
    }

    @Test(
        "a file that the world can read or write is refused, and the error says how to close it",
        arguments: [
            0o604, 0o644, 0o602, 0o777,
        ] as [mode_t])
    func openFile(mode: mode_t) throws {
        try self.withFile("secret\n", mode: mode) { path in
            #expect(throws: SecretError("\(path) is open to everybody on this machine: chmod o= \(path)")) {
                try Secret.file(path).read()
            }
        }
    }

    @Test("a file that the group reads is taken: the relay's user is in it")
    func groupFile() throws {
        #expect(try self.withFile("secret\n", mode: 0o640) { try Secret.file($0).read() } == "secret")
    }

    @Test(
        "what is no secret, and the error does not show it",
        arguments: [
            ("", "is empty"), ("\n", "is empty"), ("one\ntwo\n", "has more than one line"),
            ("\n\n", "has more than one line"),
            ("one\rtwo", "has more than one line"),
            (String(repeating: "x", count: 65_537), "is longer than 65536 octets"),
        ])
    func noSecret(text: String, reason: String) throws {
        try self.withFile(text) { path in
            let error = #expect(throws: SecretError.self) { try Secret.file(path).read() }
            #expect(error?.description.hasPrefix("\(path) \(reason)") == true)
        }
    }

    @Test("what is no file")
    func noFile() {
        #expect(throws: SecretError("/nowhere/secret: No such file or directory")) {
            try Secret.file("/nowhere/secret").read()
        }
        #expect(throws: SecretError("/tmp is no ordinary file")) { try Secret.file("/tmp").read() }
    }

    @Test("a certificate without a hash to bind to leaves the mechanisms that bind to nothing (RFC 5929 §4.1)")
    func mechanisms() {
        let offered = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN"]
        #expect(RouteSecurity.Login.choice(among: offered, hasEndPoint: true) == "SCRAM-SHA-256-PLUS")
        #expect(RouteSecurity.Login.choice(among: offered, hasEndPoint: false) == "SCRAM-SHA-256")
        #expect(RouteSecurity.Login.choice(among: ["SCRAM-SHA-256-PLUS"], hasEndPoint: false) == nil)
    }

    @Test("a users file that is missing, or that the world can read, is refused")
    func usersFile() throws {
        var configuration = RelayConfiguration(hostname: "a.example", listen: [], spoolDirectory: "/nowhere")
        configuration.users = "/nowhere/users"
        let missing = #expect(throws: KeyringError.self) { try Keyring(configuration) }
        #expect(
            missing?.description
                == "/nowhere/users does not exist: make it with hoptop passwd --users /nowhere/users NAME")
        try self.withFile("", mode: 0o644) { path in
            configuration.users = path
            let open = #expect(throws: KeyringError.self) { try Keyring(configuration) }
            #expect(open?.description == "\(path) is open to everybody on this machine: chmod o= \(path)")
        }
    }

    @Test("a variable of the environment")
    func environment() throws {
        // Set for all of us, where a variable of our own would race with who reads the environment.
        let path = getenv("PATH").map { String(cString: $0) }
        #expect(try Secret.environment("PATH").read() == path)
        #expect(throws: SecretError("HOPTOP_TEST_NONE is not in the environment")) {
            try Secret.environment("HOPTOP_TEST_NONE").read()
        }
    }

    @Test(
        "what a command prints, without spaces around it; it has our environment and no input",
        arguments: [
            ("echo token", "token"), ("printf '  to ken \\r\\n\\n'", "to ken"),
            ("cat; echo token; echo noise >&2", "token"),
            ("test -n \"$PATH\" && echo token", "token"),
        ])
    func command(command: String, token: String) throws { #expect(try Secret.command(command).read() == token) }

    @Test(
        "a command that fails",
        arguments: [
            ("echo token; exit 3", "failed with status 3"), ("kill -9 $$", "was ended by signal 9"),
            ("true", "is empty"),
            ("echo a; echo b", "has more than one line"), ("yes", "printed more than 65536 octets"),
        ])
    func failure(command: String, reason: String) {
        let error = #expect(throws: SecretError.self) { try Secret.command(command).read() }
        #expect(error?.description.contains("\(command) \(reason)") == true, "\(error?.description ?? "")")
    }

    @Test(
        "a command that takes too long is killed, with what it started",
        arguments: [
            "sleep 600", "sleep 600 & sleep 600", "echo token; exec >&-; sleep 600",
        ])
    func late(command: String) throws {
        let start = ContinuousClock.now
        #expect(throws: SecretError("\(command) took too long and was killed")) {
            try Secret.command(command).read(within: 200)
        }
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test("what a command left in the background is killed with it")
    func started() async throws {
        let started = try self.withFile("") { path in
            #expect(throws: SecretError.self) {
                try Secret.command("sleep 600 & echo $! >\(path); sleep 600").read(within: 3000)
            }
            return try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let status = "/proc/\(try #require(pid_t(started)))/stat"
        // Dead, though it may not be waited for.
        func isOver() -> Bool {
            (try? String(contentsOfFile: status, encoding: .utf8)).map { $0.contains(") Z ") } ?? true
        }
        for _ in 0..<100 where !isOver() { try await Task.sleep(for: .milliseconds(50)) }
        #expect(isOver())
    }
}
