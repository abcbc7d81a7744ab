import Foundation
import Glibc
import Relay
import Testing

@testable import hoptop

extension EndToEnd {
    /// Started as root, and then somebody else. Only root can try that.
    @Suite("privileges", .timeLimit(.minutes(3)), .enabled(if: getuid() == 0))
    struct PrivilegeTests {
        private let folder: TemporaryFolder
        private let nobody: passwd
        init() throws {
            self.folder = try TemporaryFolder()
            self.nobody = try #require(getpwnam("nobody")).pointee
            // A folder of that user's, for its sockets.
            mkdir("\(self.folder.path)/run", 0o755)
            chown("\(self.folder.path)/run", self.nobody.pw_uid, self.nobody.pw_gid)
        }
        private var spool: String { "\(self.folder.path)/spool" }
        private var file: String { "\(self.folder.path)/hoptop.toml" }
        private var control: String { "\(self.folder.path)/run/control.sock" }

        private func configure(_ more: String = "") throws {
            try "user = \"nobody\"\n\(more)\n[control]\nsocket = \"\(self.control)\"\n"
                .write(toFile: self.file, atomically: true, encoding: .utf8)
        }

        private func owner(_ path: String) throws -> uid_t {
            var status = stat()
            try #require(stat(path, &status) == 0, "\(path)")
            return status.st_uid
        }

        @Test("it listens below 1024, and then each of its threads is that user's for good")
        func becomes() async throws {
            try self.configure()
            // An address of loopback that nobody else uses.
            let address = "127.\(Int.random(in: 2...250)).\(Int.random(in: 2...250)).\(Int.random(in: 2...250))"
            let server = try Server(
                spool: self.spool, configuration: self.file, environment: [:], until: .ready,
                ["--listen", "\(address):25"])
            #expect(server.log.contains("listening address=\(address):25"))
            #expect(server.log.contains("runs from here on as another user user=nobody"))
            #expect(!server.log.contains("runs as root"))
            try await server.send("<1@test>", to: "bob@there.example", octets: 1 << 20)
            let id = self.nobody.pw_uid
            for task in try FileManager.default.contentsOfDirectory(atPath: "/proc/\(server.processIdentifier)/task") {
                let path = "/proc/\(server.processIdentifier)/task/\(task)/status"
                guard let status = try? String(contentsOfFile: path, encoding: .utf8) else { continue }
                #expect(status.contains("Uid:\t\(id)\t\(id)\t\(id)\t\(id)\n"))
                #expect(status.contains("CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"))
            }
            #expect(try self.owner(self.spool) == id)
            for file in try FileManager.default.subpathsOfDirectory(atPath: self.spool) {
                #expect(try self.owner("\(self.spool)/\(file)") == id, "\(file)")
            }
            #expect(try self.owner(self.control) == id)
            let listed = try Program.run("queue", "list", "--to", "unix:\(self.control)")
            #expect(listed.output.contains("bob@there.example"), "\(listed.errors)")
            #expect(server.end(with: SIGTERM) == 0)
        }

        @Test(
            "who may not open the control socket is told that, and not to change the mode of the spool",
            .enabled(if: access("/usr/bin/setpriv", X_OK) == 0))
        func closed() async throws {
            try "[control]\nsocket = \"\(self.folder.path)/control.sock\"\n[spool]\ndirectory = \"\(self.spool)\"\n"
                .write(toFile: self.file, atomically: true, encoding: .utf8)
            let server = try Server(spool: self.spool, configuration: self.file)
            let asked = try Program.run(
                [
                    "--reuid=\(self.nobody.pw_uid)", "--regid=\(self.nobody.pw_gid)", "--clear-groups", Program.path,
                    "sendmail",
                    "-bp", "-C", self.file,
                ], as: "/usr/bin/setpriv")
            #expect(asked.status == 69, "\(asked.output)\(asked.errors)")
            #expect(asked.errors.contains("\(self.folder.path)/control.sock may not be opened"), "\(asked.errors)")
            #expect(!asked.errors.contains("cannot be read"), "\(asked.errors)")
            #expect(server.end(with: SIGTERM) == 0)
        }

        @Test("a key that root alone may read is used, warned of, and not taken by a reload; the old one stays")
        func keys() async throws {
            let tls = try DomainPolicyTests.certificate("mx", "DNS:mx.example.net", self.folder)
            chmod(tls.key, 0o600)
            try self.configure("[tls]\ncertificate = \"\(tls.certificate)\"\nkey = \"\(tls.key)\"")
            let server = try Server(spool: self.spool, configuration: self.file)
            #expect(server.log.contains("cannot be read again by SIGHUP"))
            server.signal(SIGHUP)
            try server.waitFor("the configuration was not taken")
            #expect(server.log.contains("mx.key cannot be read"))
            #expect(server.log.contains("it runs as nobody since its start"))
            let client = try Loopback(server.address.port)
            client.write("EHLO c.example\r\n")
            #expect(client.read(until: "250 ").contains("STARTTLS"))
            #expect(server.end(with: SIGTERM) == 0)
        }

        @Test("a spool that is another user's is refused, with what to do")
        func spoolOfAnother() throws {
            try self.configure()
            mkdir(self.spool, 0o700)
            let refused = try Program.run(
                "serve", "--config", self.file, "--spool", self.spool, "--listen", "127.0.0.1:0")
            #expect(refused.status == 1)
            #expect(refused.errors.contains("chown -R nobody: \(self.spool)"))
        }

        @Test("a user who is not there ends the start; as root without one it warns")
        func users() throws {
            let unknown = try Program.run(
                "serve", "--config", "/dev/null", "--spool", self.spool, "--listen", "127.0.0.1:0", "--user", "nobodys")
            #expect(unknown.status == 1)
            #expect(unknown.errors.contains("this machine has no user nobodys"))
            let server = try Server(spool: self.spool)
            #expect(server.log.contains("runs as root, which mail does not need"))
            #expect(server.end(with: SIGTERM) == 0)
        }
    }
}
