import Foundation
import Glibc
import Testing

@testable import hoptop

extension EndToEnd {
    /// `hoptop serve` as curl sees it.
    @Suite("the API", .timeLimit(.minutes(5)))
    struct ControlTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }
        private var spool: String { "\(self.folder.path)/spool" }
        private var socket: String { "\(self.spool)-run/hoptop/control.sock" }

        private func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
            let result = try Program.run([program] + arguments, as: "/usr/bin/env")
            return (result.status, result.output)
        }
        /// - Returns: the body, and the status behind it.
        private func curl(_ target: String, _ arguments: String...) throws -> String {
            try self.run(
                "curl",
                ["-sS", "--unix-socket", self.socket, "-w", "%{http_code}", "http://localhost\(target)"]
                    + arguments
            ).output
        }

        @Test("what is seen and done on the socket is true, and bears the user's name")
        func socketCalls() async throws {
            let server = try Server(spool: self.spool)
            try server.waitFor("watch it with: hoptop attach")
            var status = stat()
            #expect(lstat(self.socket, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
            try await server.send("<1@test>", to: "bob@there.example")
            #expect(try await eventually { try self.curl("/v1/overview").contains("\"queuedMessages\":1,") })
            #expect(try self.curl("/v1/overview").hasSuffix("\n200"))
            let json = ["-H", "Content-Type: application/json", "-d"]
            let frozen = try self.curl(
                "/v1/queue/freeze", json[0], json[1], json[2], #"{"filter":"to:bob","sort":"age","descending":true}"#)
            let set = try #require(frozen.firstMatch(of: /"id":(\{"id":\d+,"node":"[^"]+"\})/)?.1)
            let receipt = try self.curl(
                "/v1/queue/actions", json[0], json[1], json[2],
                #"{"action":"hold","targets":{"frozen":{"set":\#(set)}}}"#)
            #expect(receipt.contains("\"done\":1,"))
            let me = NSUserName()
            #expect(try await eventually { try self.curl("/v1/facts").contains("\"actor\":\"\(me)\"") })
            try server.waitFor(" held ")
            #expect(try self.curl("/v1/queue?filter=state=hold").contains("\"matched\":1,"))
            #expect(try self.curl("/v1/openapi.json").contains("\"openapi\": \"3.1.0\""))
            #expect(server.end(with: SIGTERM) == 0)
            #expect(lstat(self.socket, &status) != 0)
        }

        @Test("a watcher sees what comes, and the end of its stream when the relay ends")
        func events() async throws {
            let server = try Server(spool: self.spool)
            let file = "\(self.folder.path)/events"
            #expect(FileManager.default.createFile(atPath: file, contents: nil))
            let curl = Process()
            curl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            curl.arguments = [
                "curl", "-sSN", "--unix-socket", self.socket, "http://localhost/v1/events?facts=true",
            ]
            curl.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
            try curl.run()
            func said(_ text: String) async throws -> Bool {
                try await eventually { try String(contentsOfFile: file, encoding: .utf8).contains(text) }
            }
            #expect(try await said("retry: "))
            // Until the first change the stream may still be looking for its place.
            var number = 0
            #expect(
                try await eventually {
                    number += 1
                    try await server.send("<\(number)@test>", to: "bob@there.example")
                    return try String(contentsOfFile: file, encoding: .utf8).contains("\"kind\":\"accepted\"")
                })
            #expect(try await said("id: "))
            #expect(server.end(with: SIGTERM) == 0)
            curl.waitUntilExit()
            #expect(curl.terminationStatus == 0)
        }

        @Test("on the network a token is asked for, and what it is good for changes with SIGHUP")
        func network() async throws {
            let (certificate, key) = ("\(self.folder.path)/cert.pem", "\(self.folder.path)/key.pem")
            let arguments =
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
                + "-addext subjectAltName=IP:127.0.0.1 -keyout \(key) -out \(certificate)"
            #expect(try self.run("openssl", arguments.split(separator: " ").map(String.init)).status == 0)
            let (tokens, file) = ("\(self.folder.path)/tokens", "\(self.folder.path)/hoptop.toml")
            func token(_ name: String, _ role: String) throws -> String {
                let made = try Program.run("control", "token", name, "--role", role, "--tokens", tokens)
                #expect(made.status == 0)
                return made.output.trimmingCharacters(in: .newlines)
            }
            let (ann, dash) = (try token("ann", "operator"), try token("dash", "observer"))
            #expect(try !String(contentsOfFile: tokens, encoding: .utf8).contains(ann))
            try """
            [control]
            socket = "none"
            listen = "127.0.0.1:0"
            tokens = "\(tokens)"
            certificate = "\(certificate)"
            key = "\(key)"
            """.write(toFile: file, atomically: true, encoding: .utf8)
            let server = try Server(spool: self.spool, configuration: file)
            let url = try #require(server.log.firstMatch(of: /serving the API at=(\S+)/)?.1)
            func status(_ target: String, _ token: String?, _ more: [String] = []) throws -> String {
                let bearer = token.map { ["-H", "Authorization: Bearer \($0)"] } ?? []
                return try self.run(
                    "curl",
                    ["-sS", "--cacert", certificate, "-o", "/dev/null", "-w", "%{http_code}", "\(url)\(target)"]
                        + bearer
                        + more
                ).output
            }
            let undo = ["-H", "Content-Type: application/json", "-d", #"{"node":"mx.example.net","id":1}"#]
            #expect(try status("/v1/overview", nil) == "401")
            #expect(try status("/v1/overview", "wrong") == "401")
            #expect(try status("/v1/overview", dash) == "200")
            #expect(try status("/v1/overview", dash, ["-H", "Origin: https://evil.example"]) == "403")
            #expect(try status("/v1/queue/undo", dash, undo) == "403")
            #expect(try ["200", "404", "400"].contains(status("/v1/queue/undo", ann, undo)))
            #expect(try Program.run("control", "token", "dash", "--delete", "--tokens", tokens).status == 0)
            server.signal(SIGHUP)
            try server.waitFor("the configuration was read again")
            #expect(try status("/v1/overview", dash) == "401")
            #expect(try status("/v1/overview", ann) == "200")
            #expect(server.end(with: SIGTERM) == 0)
        }

        @Test(
            "a user who is not in the group is not let in; a member looks, and acts where named",
            .enabled(if: geteuid() == 0))
        func group() throws {
            let (socket, file) = ("\(self.folder.path)/c", "\(self.folder.path)/hoptop.toml")
            chmod(self.folder.path, 0o755)
            func write(_ operators: String) throws {
                try "[control]\nsocket = \"\(socket)\"\ngroup = \"daemon\"\noperators = [\(operators)]\n"
                    .write(toFile: file, atomically: true, encoding: .utf8)
            }
            func status(_ user: String, _ group: String, _ target: String) throws -> String {
                let groups = group.isEmpty ? ["--clear-groups"] : ["--groups", group]
                let post = ["-H", "Content-Type: application/json", "-d", #"{"node":"x","id":1}"#]
                return try self.run(
                    "setpriv",
                    ["--reuid", user, "--regid", "nogroup"] + groups
                        + [
                            "curl", "-s", "--unix-socket", socket, "-o", "/dev/null", "-w", "%{http_code}",
                            "http://x\(target)",
                        ]
                        + (target.hasSuffix("undo") ? post : [])
                ).output
            }
            try write("")
            let server = try Server(spool: self.spool, configuration: file)
            #expect(try status("nobody", "", "/v1/overview") == "000")
            #expect(try status("nobody", "daemon", "/v1/overview") == "200")
            #expect(try status("nobody", "daemon", "/v1/queue/undo") == "403")
            try write("\"nobody\"")
            server.signal(SIGHUP)
            try server.waitFor("the configuration was read again")
            #expect(try status("nobody", "daemon", "/v1/queue/undo") != "403")
            #expect(server.end(with: SIGTERM) == 0)
        }

        @Test("a socket that was not asked for is only missed; one that was is an error")
        func noSocket() async throws {
            let first = try Server(spool: self.spool)
            let runtime = ["XDG_RUNTIME_DIR": "\(self.spool)-run"]
            let second = try Server(
                spool: "\(self.folder.path)/other", configuration: "/dev/null", environment: runtime, until: .ready, [])
            try second.waitFor("another program listens there; nobody can attach")
            #expect(second.end(with: SIGTERM) == 0)
            #expect(try self.curl("/v1/capabilities").hasSuffix("200"))
            let file = "\(self.folder.path)/hoptop.toml"
            try "[control]\nsocket = \"\(self.socket)\"\n".write(toFile: file, atomically: true, encoding: .utf8)
            let third = try Program.run(
                "serve", "--config", file, "--listen", "127.0.0.1:0", "--spool", "\(self.folder.path)/third")
            #expect(third.status == 1)
            #expect(third.errors.contains("cannot open the control socket"))
            // After a crash the socket lies there, and nobody listens.
            #expect(first.end(with: SIGKILL) == SIGKILL)
            let fourth = try Server(spool: self.spool)
            #expect(try self.curl("/v1/capabilities").hasSuffix("200"))
            #expect(fourth.end(with: SIGTERM) == 0)
        }

        @Test(
            "a mistake in [control] is named before anything starts",
            arguments: [
                ("operators = [\"ann\"]", "control.operators: are members of a group"),
                ("listen = \"127.0.0.1:0\"", "control.listen: lets nobody in without control.tokens"),
                ("listen = \"127.0.0.1:0\"\ntokens = \"t\"", "control.listen: needs a certificate"),
                ("certificate = \"c\"", "control.key: is missing"), ("socket = \"here\"", "control.socket"),
                ("group = \"no-such-group\"", "no group no-such-group"), ("tokens = \"/nowhere\"", "/nowhere"),
            ])
        func mistakes(_ text: String, _ words: String) throws {
            let file = "\(self.folder.path)/hoptop.toml"
            try "[control]\n\(text)\n".write(toFile: file, atomically: true, encoding: .utf8)
            let result = try Program.run("config", "check", "--config", file)
            #expect(result.status == 1)
            #expect(result.errors.contains(words))
        }
    }
}
