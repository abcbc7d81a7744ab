import Foundation
import Glibc
import Logging
import Mail
import NIOCore
import NIOPosix
import Relay
import SMTP
import Spool
import Testing

@testable import hoptop

/// The real program with real peers; one test after another, since each has its processes and takes the machine.
@Suite(.serialized) enum EndToEnd {}

/// The program as it was built beside the tests.
enum Program {
    /// Where what was built with the tests lies.
    static let folder = URL(fileURLWithPath: Self.built).deletingLastPathComponent().path
    /// The program that is tried: the one that was built with the tests, unless `HOPTOP_PROGRAM` names another.
    static let path = ProcessInfo.processInfo.environment["HOPTOP_PROGRAM"] ?? Self.built
    private static let built: String = {
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let candidates = [
            Bundle.main.bundleURL, Bundle.main.bundleURL.deletingLastPathComponent(), tests,
            URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent(),
        ].map { $0.appendingPathComponent("hoptop").path }
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0) } ?? "hoptop"
    }()

    /// Runs it to its end.
    static func run(_ arguments: String...) throws -> (status: Int32, output: String, errors: String) {
        try self.run(arguments)
    }

    /// - Parameters:
    ///   - input: a file; `nil`: there is none.
    ///   - path: another name of the program.
    static func run(
        _ arguments: [String], input: String? = nil, as path: String = Self.path
    ) throws -> (status: Int32, output: String, errors: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        let output = Pipe()
        let errors = Pipe()
        process.standardInput =
            try input.map { try FileHandle(forReadingFrom: URL(fileURLWithPath: $0)) } ?? .nullDevice
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let complained = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, said, complained)
    }
}

/// A folder that goes with the test.
final class TemporaryFolder: Sendable {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-test-\(UUID())").path
    init() throws { try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: self.path) }
}

/// `hoptop serve` as a process of its own.
final class Server {
    private let process = Process()
    private let logFile: String
    private(set) var address = SocketEndpoint(host: "", port: 0)

    var log: String { (try? String(contentsOfFile: self.logFile, encoding: .utf8)) ?? "" }

    /// How far a start has come, as the log says it.
    enum Milestone: String {
        /// Nothing but a process.
        case started
        /// Mail comes in; the queue is still to be taken up.
        case listening
        case ready = "is ready"
    }

    /// Starts it, and waits until it is ready.
    ///
    /// - Parameter configuration: a file; without one, none is read.
    convenience init(
        spool: String, configuration: String = "/dev/null", _ arguments: String...
    ) throws {
        try self.init(spool: spool, configuration: configuration, environment: [:], until: .ready, arguments)
    }

    /// Starts it, and waits until it has come so far.
    ///
    /// - Parameters:
    ///   - keepsElsewhere: the configuration says where the spool is; `spool` names no more than the log.
    ///   - environment: on top of the test's own.
    ///   - socket: passed on as a service manager does it.
    init(
        spool: String, configuration: String, keepsElsewhere: Bool = false, environment: [String: String] = [:],
        passing socket: (descriptor: Int32, name: String)? = nil, until milestone: Milestone, _ arguments: [String]
    ) throws {
        self.logFile = "\(spool)-\(UUID()).log"
        guard FileManager.default.createFile(atPath: self.logFile, contents: nil) else {
            throw Failure("no log at \(self.logFile)")
        }
        self.process.executableURL = URL(fileURLWithPath: Program.path)
        self.process.arguments =
            ["serve", "--config", configuration, "--listen", "127.0.0.1:0", "--hostname", "mx.example.net"]
            + (keepsElsewhere ? [] : ["--spool", spool]) + arguments
        self.process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: self.logFile))
        self.process.standardInput = FileHandle.nullDevice
        if let socket {
            let words = #"LISTEN_FDS=1 LISTEN_FDNAMES=$0 LISTEN_PID=$$ exec "$@" 3<&0 </dev/null"#
            self.process.executableURL = URL(fileURLWithPath: "/bin/sh")
            self.process.arguments = ["-c", words, socket.name, Program.path] + (self.process.arguments ?? [])
            self.process.standardInput = FileHandle(fileDescriptor: socket.descriptor, closeOnDealloc: false)
        }
        // None of them takes the place of the machine's own relay.
        let runtime = environment["XDG_RUNTIME_DIR"] ?? "\(spool)-run"
        try FileManager.default.createDirectory(atPath: runtime, withIntermediateDirectories: true)
        self.process.environment = ProcessInfo.processInfo.environment
            .merging(environment) { $1 }.merging(["XDG_RUNTIME_DIR": runtime]) { $1 }
        try self.process.run()
        guard milestone != .started else { return }
        try self.waitFor(milestone.rawValue)
        let mark = "address="
        let line = self.log.split(separator: "\n").first { $0.contains(mark) }
        let address = line?.split(separator: " ").first { $0.hasPrefix(mark) }?.dropFirst(mark.count)
        self.address = try #require(address.flatMap { SocketEndpoint(String($0)) })
    }

    deinit { if self.process.isRunning { _ = self.end(with: SIGKILL) } }

    /// Until the log says `text`; half a minute at most.
    func waitFor(_ text: String) throws {
        let end = ContinuousClock.now + .seconds(30)
        while !self.log.contains(text) {
            guard self.process.isRunning, ContinuousClock.now < end else {
                throw Failure("it never said \(text): \(self.log)")
            }
            usleep(2000)
        }
    }

    var isRunning: Bool { self.process.isRunning }
    var processIdentifier: Int32 { self.process.processIdentifier }

    func signal(_ number: Int32) { Glibc.kill(self.process.processIdentifier, number) }

    /// - Returns: the exit status, or the signal that ended it.
    func end(with number: Int32) -> Int32 {
        self.signal(number)
        self.process.waitUntilExit()
        return self.process.terminationStatus
    }

    func send(_ id: String, to mailbox: String, octets: Int = 0) async throws {
        _ = try await PlainClient(name: "client.example", server: self.address)
            .send(id, to: [mailbox], octets: octets)
    }
}

extension hoptop.PlainClient {
    /// - Parameters:
    ///   - id: the Message-ID.
    ///   - octets: at least so many.
    func send(_ id: String, to mailboxes: [String], octets: Int) async throws -> Accepted {
        try await self.send(
            from: "<ann@sender.example>", to: try mailboxes.map { try ForwardPath(parsing: "<\($0)>") },
            content: Self.content(id, octets: octets))
    }

    static func content(_ id: String, octets: Int) -> ByteBuffer {
        var content = ByteBuffer(string: "Subject: \(id)\r\nMessage-ID: \(id)\r\n\r\n")
        while content.readableBytes < octets { content.writeString("and so on, line after line, to its end\r\n") }
        return content
    }
}

/// For engines that tests start in their own process.
let silence = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

extension Relay {
    /// A relay on a port that the system chose, in which mail stays.
    static func startedWithoutRoutes(in folder: TemporaryFolder) async throws -> Relay {
        try await self.started("\(folder.path)/spool")
    }

    /// A relay on a port that the system chose, with its spool in a directory.
    ///
    /// - Parameter change: what is otherwise than usual.
    static func started(
        _ directory: String, _ change: (inout RelayConfiguration) throws -> Void = { _ in }
    ) async throws -> Relay {
        var configuration = RelayConfiguration(
            hostname: "mx.example.net", listen: [Listener(SocketEndpoint(host: "127.0.0.1", port: 0))],
            spoolDirectory: directory)
        try change(&configuration)
        let relay = Relay(
            configuration, keyring: try Keyring(configuration),
            spool: try SQLiteSpool(directory: directory, threads: .singleton), threads: .singleton, log: silence)
        try await relay.start()
        return relay
    }

    /// Sends one message as a client does.
    func send(
        from: String = "<s@c>", to paths: [String], _ content: String = "Message-ID: <1@c>\r\n\r\nhi\r\n"
    ) async throws {
        let server = try #require(self.listening.first.flatMap { SocketEndpoint($0) })
        let forwardPaths = try paths.map { try ForwardPath(parsing: $0, utf8: true) }
        _ = try await PlainClient(name: "c", server: server)
            .send(from: from, to: forwardPaths, content: ByteBuffer(string: content))
    }
}

/// Waits for what happens elsewhere; ends by itself after half a minute.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(50))
    }
    return false
}
