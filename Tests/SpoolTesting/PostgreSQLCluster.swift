import Foundation
import Glibc
import NIOConcurrencyHelpers
package import Spool

/// A PostgreSQL of the tests' own: in a temporary folder, on a Unix socket alone, gone with the process that started it.
package final class PostgreSQLCluster: Sendable {
    /// Why there is none, in words.
    package struct Unavailable: Error, CustomStringConvertible { package let description: String }

    /// One for all tests of a process; each test has a database of its own in it.
    package static let shared = Result { try PostgreSQLCluster() }

    private static let database = NIOLockedValueBox(0)

    package let folder: String
    let programs: String
    let user: [String]
    private let settings: [String]
    private let server = NIOLockedValueBox<Server?>(nil)

    /// The cluster ends when nobody can write to its keeper any more, as is so when the process has ended, however it did.
    private struct Server: @unchecked Sendable {
        let keeper = Process()
        let life = Pipe()
    }

    /// Makes one, and starts it.
    ///
    /// - Throws: ``Unavailable``
    package convenience init(settings: [String] = []) throws {
        try self.init(settings: settings) { cluster in
            [
                "\(cluster.programs)/initdb", "-D", cluster.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                "--locale=C.UTF-8", "--no-sync",
            ]
        }
    }

    /// - Parameter making: the command that makes its files.
    init(settings: [String], making: (PostgreSQLCluster) -> [String]) throws {
        self.programs = try Self.findPrograms()
        self.settings = settings
        // A socket's path has 107 octets at most.
        self.folder = "/tmp/hoptop-pg-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        // It refuses to be run by root.
        self.user =
            getuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : []
        if getuid() == 0 { try Self.run(["chown", "postgres:postgres", self.folder]) }
        try Self.run(self.user + making(self))
        try self.start()
    }

    var data: String { "\(self.folder)/data" }

    deinit {
        self.end()
        // What a crash left.
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    /// Starts it again; returns when it answers.
    package func start() throws {
        let program =
            self.user + [
                "\(self.programs)/postgres", "-D", "\(self.folder)/data", "-c", "listen_addresses=", "-k", self.folder,
            ] + self.settings.flatMap { ["-c", $0] }
        let script = """
            folder="$1"; shift
            "$@" >>"$folder/log" 2>&1 & server=$!
            cat >/dev/null
            kill -QUIT $server; wait $server
            [ -e "$folder/stays" ] || rm -rf "$folder"
            """
        let server = Server()
        server.keeper.executableURL = URL(fileURLWithPath: "/bin/sh")
        server.keeper.arguments = ["-c", script, "sh", self.folder] + program
        server.keeper.standardInput = server.life
        try server.keeper.run()
        self.server.withLockedValue { $0 = server }
        for _ in 0..<600 {
            if (try? Self.run(["\(self.programs)/pg_isready", "-q", "-h", self.folder])) != nil { return }
            usleep(50_000)
        }
        throw Unavailable(description: "PostgreSQL does not start, see \(self.folder)/log")
    }

    /// Ends it as a crash does: what was committed is there after the next start.
    package func crash() throws {
        try Data().write(to: URL(fileURLWithPath: "\(self.folder)/stays"))
        self.end()
        try FileManager.default.removeItem(atPath: "\(self.folder)/stays")
    }

    private func end() {
        guard let server = self.server.withLockedValue({ $0 }) else { return }
        try? server.life.fileHandleForWriting.close()
        server.keeper.waitUntilExit()
    }

    private static func findPrograms() throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).compactMap { Int($0) }
        guard let version = versions.max(), version >= 15 else {
            throw Unavailable(description: "PostgreSQL 15 is not installed: Scripts/install-libraries tests")
        }
        return "\(root)/\(version)/bin"
    }

    @discardableResult
    static func run(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        let output = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Unavailable(description: "\(arguments.joined(separator: " ")): \(text)")
        }
        return text
    }

    /// Makes an empty database.
    package func makeDatabase() throws -> DatabaseAddress {
        let number = Self.database.withLockedValue { number in
            number += 1
            return number
        }
        try self.execute("CREATE DATABASE test\(number)", in: "postgres")
        return self.address(of: "test\(number)")
    }

    /// - Parameter other: where the database is when it is not here.
    package func address(of database: String, or other: PostgreSQLCluster? = nil) -> DatabaseAddress {
        let hosts = [self, other].compactMap { $0?.folder.replacing("/", with: "%2F") }.joined(separator: ",")
        guard let address = DatabaseAddress("postgresql://postgres@\(hosts)/\(database)") else {
            preconditionFailure("\(hosts) is no host")
        }
        return address
    }

    /// Runs statements as the owner of everything.
    ///
    /// - Returns: what they gave, a line for each row, with | between columns.
    @discardableResult
    package func execute(_ sql: String, in database: String) throws -> String {
        try Self.run([
            "\(self.programs)/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U",
            "postgres",
            "-c", sql, database,
        ])
    }
}

extension DatabaseAddress {
    /// The database's name, in an address of a ``PostgreSQLCluster``.
    package var database: String { String(self.url.split(separator: "/").last ?? "") }
}
