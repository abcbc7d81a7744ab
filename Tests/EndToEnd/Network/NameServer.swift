import DNS
import Foundation
import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import hoptop

/// What a name server of the tests knows of a zone.
struct Zone {
    enum Signing {
        case none
        case signed
        /// It is not, and whoever has our keys believes that it has to be.
        case bogus
    }
    var name: String
    /// Lines of a zone file, relative to the zone; SOA, NS and a TTL of a minute are there.
    var records: String
    var signing = Signing.none
}

/// A name server on loopback, which signs zones by itself (knot).
final class NameServer {
    let address: ServerAddress
    /// A file of the keys (DS) of all zones that are signed, or have to be.
    let trustAnchor: String
    private let folder: TemporaryFolder
    private let process = Process()

    init(_ zones: [Zone]) async throws {
        self.folder = try TemporaryFolder()
        let port = try Self.freePort()
        self.address = try #require(ServerAddress("127.0.0.1:\(port)"))
        self.trustAnchor = "\(self.folder.path)/anchor"
        for name in ["keys", "zones"] {
            try FileManager.default.createDirectory(
                atPath: "\(self.folder.path)/\(name)", withIntermediateDirectories: true)
        }
        for zone in zones {
            try Self.text(of: zone).write(
                toFile: "\(self.folder.path)/zones/\(zone.name).zone", atomically: true, encoding: .utf8)
        }
        let configuration = "\(self.folder.path)/knot.conf"
        try Self.configuration(zones, self.folder.path, port).write(
            toFile: configuration, atomically: true, encoding: .utf8)
        self.process.executableURL = try Self.program("knotd")
        self.process.arguments = ["-c", configuration]
        self.process.standardError = FileHandle.nullDevice
        self.process.standardOutput = FileHandle.nullDevice
        try self.process.run()
        try Self.waitForAnswer(port)
        try await self.anchor(zones, configuration).write(toFile: self.trustAnchor, atomically: true, encoding: .utf8)
        for zone in zones where zone.signing == .signed { try await self.waitUntilSecure(zone) }
    }

    deinit {
        self.process.terminate()
        self.process.waitUntilExit()
    }

    private func anchor(_ zones: [Zone], _ configuration: String) async throws -> String {
        var anchor = ""
        for zone in zones {
            switch zone.signing {
            case .none: break
            case .signed:
                // Its keys are made while it is loaded.
                let isThere = try await eventually {
                    guard let record = try? Self.run("keymgr", "-c", configuration, zone.name, "ds") else {
                        return false
                    }
                    anchor += record
                    return true
                }
                guard isThere else { throw Failure("there are no keys of \(zone.name)") }
            case .bogus: anchor += "\(zone.name). DS 1 13 2 \(String(repeating: "ab", count: 32))\n"
            }
        }
        return anchor
    }

    private func waitUntilSecure(_ zone: Zone) async throws {
        var configuration = ResolverConfiguration()
        configuration.servers = .addresses([self.address])
        configuration.trustAnchor = .file(self.trustAnchor)
        let isSecure = try await eventually {
            // One that remembers nothing.
            let resolver = StubResolver(configuration)
            let loop = MultiThreadedEventLoopGroup.singleton.any()
            let answer = try await resolver.lookUp(A.self, of: "ns.\(zone.name)", on: loop).get()
            await resolver.stop()
            return answer.isSecure
        }
        guard isSecure else { throw Failure("\(zone.name) is not signed") }
    }

    // MARK: knot

    private static func text(of zone: Zone) -> String {
        """
        $ORIGIN \(zone.name).
        $TTL 60
        @ SOA ns hostmaster 1 3600 600 86400 60
        @ NS ns
        ns A 127.0.0.1
        \(zone.records)

        """
    }

    private static func configuration(_ zones: [Zone], _ folder: String, _ port: Int) -> String {
        var text = """
            server:
                listen: 127.0.0.1@\(port)
                rundir: \(folder)
                pidfile: \(folder)/pid
                udp-workers: 1
                tcp-workers: 1
                background-workers: 1
            database:
                storage: \(folder)/keys
            policy:
              - id: plain
                algorithm: ecdsap256sha256
            template:
              - id: default
                storage: \(folder)/zones
                zonefile-sync: -1
                zonefile-load: whole
                journal-content: none
            zone:

            """
        for zone in zones {
            text += "  - domain: \(zone.name)\n"
            if zone.signing == .signed { text += "    dnssec-signing: on\n    dnssec-policy: plain\n" }
        }
        return text
    }

    private static func program(_ name: String) throws -> URL {
        let paths = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"].map { "\($0)/\(name)" }
        guard let path = paths.first(where: FileManager.default.isExecutableFile) else {
            throw Failure("there is no \(name): Scripts/install-libraries tests installs it")
        }
        return URL(fileURLWithPath: path)
    }

    private static func run(_ name: String, _ arguments: String...) throws -> String {
        let process = Process()
        process.executableURL = try self.program(name)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0, !text.isEmpty else { throw Failure("\(name) failed: \(arguments)") }
        return text
    }

    /// A port that nobody has, of UDP and TCP.
    private static func freePort() throws -> Int {
        for _ in 0..<20 {
            let stream = try Self.socket(SOCK_STREAM, port: 0)
            defer { close(stream.descriptor) }
            guard let datagram = try? Self.socket(SOCK_DGRAM, port: stream.port) else { continue }
            close(datagram.descriptor)
            return stream.port
        }
        throw Failure("no port is free for a name server")
    }

    private static func socket(_ type: __socket_type, port: Int) throws -> (descriptor: CInt, port: Int) {
        let descriptor = Glibc.socket(AF_INET, CInt(type.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else {
            close(descriptor)
            throw Failure("port \(port) is taken")
        }
        return (descriptor, Int(in_port_t(bigEndian: address.sin_port)))
    }

    /// It listens when its zones are loaded.
    private static func waitForAnswer(_ port: Int) throws {
        let end = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < end {
            let channel = try? ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: port).wait()
            if let channel { return try channel.close().wait() }
            usleep(20_000)
        }
        throw Failure("the name server does not listen")
    }
}
