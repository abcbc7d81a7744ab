import Foundation
import Glibc
import NIOCore
import Relay
import SMTP
import Testing

@testable import Sockets
@testable import hoptop

extension EndToEnd {
    /// The program as a service manager starts it, told here by the manager's own protocol.
    @Suite("under a service manager", .timeLimit(.minutes(3)))
    struct ServiceTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }
        private var spool: String { "\(self.folder.path)/spool" }

        /// One that a socket is passed on to.
        private func server(_ descriptor: Int32, _ name: String, _ arguments: String...) throws -> Server {
            try Server(
                spool: self.spool, configuration: "/dev/null", passing: (descriptor, name), until: .ready, arguments)
        }

        @Test("it hears of the start, the reload and the stop, how it goes, and that it lives")
        func notification() async throws {
            let manager = try Manager(at: "\(self.folder.path)/notify")
            let server = try Server(
                spool: self.spool, configuration: "/dev/null",
                environment: ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "4000000"], until: .ready, [])
            #expect(manager.hears("READY=1"))
            #expect(manager.hears("STATUS=accepting mail; 0 messages queued; 0 sessions in, 0 out"))
            for _ in 0..<3 { #expect(manager.hears("WATCHDOG=1")) }
            try await server.send("<1@test>", to: "bob@there.example")
            #expect(manager.hears("STATUS=accepting mail; 1 message queued"))
            server.signal(SIGHUP)
            #expect(manager.hears("RELOADING=1\nMONOTONIC_USEC="))
            #expect(manager.hears("READY=1"))
            #expect(server.end(with: SIGTERM) == 0)
            #expect(manager.hears("STOPPING=1"))
        }

        @Test("an event loop that does not answer is no sign of life")
        func standstill() async throws {
            let relay = try await Relay.startedWithoutRoutes(in: self.folder)
            #expect(await relay.vitals.failures(within: .seconds(30)) == [])
            let isOver = DispatchSemaphore(value: 0)
            relay.eventLoops.next().execute { isOver.wait() }
            let failures = await relay.vitals.failures(within: .milliseconds(100))
            #expect(failures.count == 1)
            #expect(failures[0].hasPrefix("1 of ") && failures[0].hasSuffix(" event loops do not answer"))
            isOver.signal()
            #expect(await relay.vitals.failures(within: .seconds(30)) == [])
            await relay.stop(within: 0)
        }

        @Test("it takes mail at a socket that was passed on, by its name or its place", arguments: ["smtp", "1"])
        func activation(_ name: String) async throws {
            let socket = try BoundSocket(host: "127.0.0.1", port: 0)
            try #require(listen(socket.descriptor, 16) == 0)
            defer { close(socket.descriptor) }
            let port = try Self.port(of: socket.descriptor)
            let program = try self.server(socket.descriptor, "smtp", "--listen", "systemd:\(name)")
            #expect(program.log.contains("listening address=127.0.0.1:\(port)"))
            let accepted = try await PlainClient(
                name: "client.example", server: SocketEndpoint(host: "127.0.0.1", port: port)
            ).send("<1@test>", to: ["bob@there.example"], octets: 0)
            #expect(accepted.reply.code == 250)
            #expect(program.end(with: SIGTERM) == 0)
        }

        @Test("a Unix socket that was passed on is one of the machine's users, and stays when the program ends")
        func localActivation() throws {
            let path = "\(self.folder.path)/submit"
            let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(socket) }
            try #require(LocalAddress.bind(socket, to: path) == 0 && listen(socket, 16) == 0)
            let program = try self.server(socket, "submit", "--listen", "systemd:submit")
            #expect(program.log.contains("listening address=unix:\(path)"))
            let sent = try Program.run([
                "send", "--config", "/dev/null", "--server", "unix:\(path)", "--to", "bob@there.example", "--text",
                "hi",
            ])
            #expect(sent.status == 0, "\(sent.errors)")
            try program.waitFor(" accepted ")
            #expect(program.log.contains("(uid \(getuid()))"))
            #expect(program.end(with: SIGTERM) == 0)
            #expect(FileManager.default.fileExists(atPath: path))
        }

        @Test("a socket that is missing ends the start, and one that nobody takes is warned of")
        func wrongSockets() throws {
            let missing = try Program.run([
                "serve", "--config", "/dev/null", "--spool", self.spool, "--listen", "systemd:smtp",
            ])
            #expect(missing.status == 1)
            #expect(missing.errors.contains("the service manager passed no such socket: give one the name with"))
            let socket = try BoundSocket(host: "127.0.0.1", port: 0)
            try #require(listen(socket.descriptor, 16) == 0)
            defer { close(socket.descriptor) }
            let program = try self.server(socket.descriptor, "smtp")
            #expect(program.log.contains("passed a socket that no [[listen]] takes"))
        }

        @Test("the unit leaves the service little that it could do to the machine")
        func hardening() throws {
            let analyze = "/usr/bin/systemd-analyze"
            guard FileManager.default.isExecutableFile(atPath: analyze) else { return }
            let unit = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("../../Packaging/systemd/hoptop.service").standardizedFileURL.path
            // The exposure, times ten, from which on it fails.
            let result = try Program.run(
                ["security", "--offline=yes", "--no-pager", "--threshold=20", unit], as: analyze)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            #expect(result.output.contains("Overall exposure level for hoptop.service"))
        }

        private static func port(of descriptor: Int32) throws -> Int {
            var address = sockaddr_in()
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
            }
            try #require(result == 0)
            return Int(in_port_t(bigEndian: address.sin_port))
        }
    }
}

/// What a service manager hears.
private final class Manager {
    let path: String
    private let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)

    init(at path: String) throws {
        self.path = path
        var patience = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        try #require(LocalAddress.bind(self.descriptor, to: path) == 0)
    }
    deinit { close(self.descriptor) }

    /// Whether that comes, whatever else comes before it.
    func hears(_ beginning: String) -> Bool {
        var room = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(self.descriptor, &room, room.count, 0)
            guard count >= 0 else { return false }
            if String(decoding: room[..<count], as: UTF8.self).hasPrefix(beginning) { return true }
        }
    }
}
