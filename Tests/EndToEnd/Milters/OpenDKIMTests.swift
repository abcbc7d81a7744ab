import Foundation
import Glibc
import Mail
import NIOConcurrencyHelpers
import NIOCore
import Relay
import SMTP
import Testing

@testable import hoptop

extension EndToEnd {
    /// A filter that people run: OpenDKIM signs what goes out by one relay, and verifies it where it comes in by another.
    @Suite("OpenDKIM as a milter", .timeLimit(.minutes(1)))
    struct OpenDKIMTests {
        private let folder: TemporaryFolder

        init() throws {
            self.folder = try TemporaryFolder()
            try #require(
                Self.program != nil, "opendkim is missing: apt-get install opendkim, or Scripts/install-libraries tests"
            )
            _ = try self.openssl("genrsa", "-out", "\(self.folder.path)/key.pem", "2048")
            let key = try self.openssl("rsa", "-in", "\(self.folder.path)/key.pem", "-pubout")
                .split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
            try self.write("keys", "sel._domainkey.example.net v=DKIM1; k=rsa; p=\(key)\n")
            // Mail of its own hosts it would sign and not verify.
            try self.write("hosts", "192.0.2.1\n")
        }

        private static let program = ["/usr/sbin/opendkim", "/usr/local/sbin/opendkim", "/opt/homebrew/sbin/opendkim"]
            .first { FileManager.default.isExecutableFile(atPath: $0) }

        private func write(_ name: String, _ text: String) throws {
            try text.write(toFile: "\(self.folder.path)/\(name)", atomically: true, encoding: .utf8)
        }

        private func openssl(_ arguments: String...) throws -> String {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = ["openssl"] + arguments
            let output = Pipe()
            process.standardOutput = output
            process.standardError = FileHandle.nullDevice
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return text
        }

        /// Runs it until `body` is done.
        private func filter(_ name: String, _ keys: String, _ body: (_ address: String) async throws -> Void)
            async throws
        {
            let socket = "\(self.folder.path)/\(name).sock"
            try self.write(
                "\(name).conf", "Socket local:\(socket)\nRequireSafeKeys no\nBackground no\nSyslog no\n\(keys)")
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(Self.program))
            process.arguments = ["-x", "\(self.folder.path)/\(name).conf"]
            process.standardInput = FileHandle.nullDevice
            let errors = Pipe()
            process.standardError = errors
            try process.run()
            defer {
                // Asked to end, a milter takes five seconds to look.
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
            }
            #expect(
                try await eventually { FileManager.default.fileExists(atPath: socket) || !process.isRunning })
            guard process.isRunning else {
                let words = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                throw Failure("opendkim did not start: \(words)")
            }
            try await body("unix:\(socket)")
        }

        /// What the next hop gets of a message that passes the filter.
        private func relay(_ content: String, through address: String) async throws -> String {
            let hop = try await OldServer()
            let file = "\(self.folder.path)/hoptop.toml"
            try "[[milter]]\naddress = \"\(address)\"\n[[route]]\ndomain = \"*\"\nvia = [\"\(try hop.endpoint)\"]\n"
                .write(toFile: file, atomically: true, encoding: .utf8)
            let spool = "\(self.folder.path)/spool-\(UUID())"
            let server = try Server(spool: spool, configuration: file)
            _ = try await PlainClient(name: "client.example", server: server.address).send(
                from: "<ann@example.net>", to: [try ForwardPath(parsing: "<bob@example.org>")],
                content: ByteBuffer(string: content))
            #expect(try await eventually { hop.contents.withLockedValue { $0.count } == 1 }, "\(server.log)")
            #expect(server.end(with: SIGTERM) == 0)
            hop.stop()
            return try #require(hop.contents.withLockedValue { $0.first })
        }

        @Test(
            "what it signs on one relay it verifies on the next, and what was changed on the way it does not",
            arguments: [3, 20_000])
        func signed(_ lines: Int) async throws {
            let body = (0..<lines).map { "line \($0) with its own number\r\n" }.joined()
            let content =
                "From: Ann <ann@example.net>\r\nTo: bob@example.org\r\nSubject: folded\r\n\t and  spaced\r\n"
                + "Date: Mon, 05 Jan 2026 10:00:00 +0000\r\nMessage-ID: <1@example.net>\r\n\r\n\(body)"
            var signed = ""
            let keys = "Mode s\nDomain example.net\nSelector sel\nKeyFile \(self.folder.path)/key.pem\n"
            // To the octet, so that the test sees each that goes astray.
            try await self.filter("sign", keys + "Canonicalization simple/simple\n") { address in
                signed = try await self.relay(content, through: address)
            }
            #expect(signed.hasSuffix(content))
            let field = try #require(signed.range(of: "DKIM-Signature: v=1; a=rsa-sha256"))
            #expect(signed[..<field.lowerBound].hasPrefix("Received: from client.example"))
            let verification =
                "Mode v\nInternalHosts \(self.folder.path)/hosts\nTestPublicKeys \(self.folder.path)/keys\n"
                + "AlwaysAddARHeader yes\n"
            try await self.filter("verify", verification) { address in
                let verified = try await self.relay(signed, through: address)
                let header = MessageHeader(ByteBuffer(string: verified))
                let results = header.values(of: "Authentication-Results")
                #expect(results.count == 1 && results[0].contains("dkim=pass"), "\(results)")
                // Directly behind our own field.
                #expect(header.fields.prefix(3).map(\.name).contains("Authentication-Results"))
                let changed = try await self.relay(
                    signed.replacing("line 1 with", with: "line 1 without"), through: address)
                let failed = MessageHeader(ByteBuffer(string: changed)).values(of: "Authentication-Results")
                #expect(failed.count == 1 && failed[0].contains("dkim=fail"), "\(failed)")
            }
        }
    }
}
