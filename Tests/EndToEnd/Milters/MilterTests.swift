import Foundation
import Glibc
import Mail
import NIOConcurrencyHelpers
import NIOCore
import Relay
import SASL
import Testing

@testable import hoptop

extension EndToEnd {
    /// The real program between clients, milters and a next hop.
    @Suite("milters", .timeLimit(.minutes(2)))
    struct MilterTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        /// - Parameters:
        ///   - milters: each its address and other keys.
        ///   - rest: of the configuration.
        private func start(_ milters: [String], hop: OldServer, _ rest: String = "") throws -> Server {
            let file = "\(self.folder.path)/hoptop.toml"
            let tables = milters.map { "[[milter]]\naddress = \($0)\n" }.joined()
            try "\(rest)\n\(tables)[[route]]\ndomain = \"*\"\nvia = [\"\(try hop.endpoint)\"]\n"
                .write(toFile: file, atomically: true, encoding: .utf8)
            return try Server(spool: "\(self.folder.path)/spool", configuration: file)
        }

        private func mail(
            from sender: String, _ content: String = "Received: from x\r\nSubject: old\r\n\r\nbody\r\n",
            recipients: [String] = ["bob@example.org"]
        ) -> String {
            "MAIL FROM:<\(sender)@a.example>\r\n" + recipients.map { "RCPT TO:<\($0)>\r\n" }.joined()
                + "DATA\r\n\(content).\r\n"
        }

        /// Says all of a session at once.
        ///
        /// - Returns: the replies behind that to EHLO, one line each.
        private func say(_ dialogue: String, to server: Server) throws -> [String] {
            let socket = try Loopback(server.address.port)
            socket.write("EHLO client.example\r\n\(dialogue)QUIT\r\n")
            let lines = socket.readAll().split(separator: "\r\n").map(String.init)
            return lines.drop { !$0.hasPrefix("250 ") }.dropFirst().filter { !$0.hasPrefix("221 ") }
        }

        @Test("each action on a message, as the next hop sees it")
        func actions() async throws {
            let hop = try await OldServer()
            let milter = try await ScriptedMilter([
                "header": [
                    "E": [
                        "i #0 X-Top|first|", "i #2 X-Second|yes|", "i #1 X-Above|all|", "h X-End|one\n\ttwo|",
                        "m #1 Subject|new|", "m #1 Received||",
                        "m #1 X-Not-There|now|", "p", "c",
                    ]
                ],
                "body": ["E": ["b one\n", "b two\r\n", "c"]],
                "envelope": [
                    "E": [
                        "+ <cat@example.org>|", "2 dan@example.org|NOTIFY=NEVER|", "- BOB@example.org|",
                        "- bob@EXAMPLE.org|", "e <other@a.example>||", "a",
                    ]
                ],
                "accepted": ["R": ["a"]],
            ])
            let server = try self.start(["\"\(try milter.address)\""], hop: hop)
            func relayed(_ sender: String) async throws -> (content: String, commands: [String]) {
                let before = hop.commands.withLockedValue { $0.count }
                let replies = try self.say(self.mail(from: sender), to: server)
                #expect(replies.last?.hasPrefix("250 2.0.0 Ok: queued as ") == true, "\(replies)")
                let content = try await eventually { hop.contents.withLockedValue { !$0.isEmpty } }
                #expect(content, "\(sender): \(server.log)")
                let first = hop.contents.withLockedValue { $0.removeFirst() }
                let end = try #require(first.range(of: " +0000\r\n"))
                #expect(first.hasPrefix("Received: from client.example"))
                return (
                    String(first[end.upperBound...]),
                    hop.commands.withLockedValue {
                        $0.dropFirst(before).filter { $0.hasPrefix("MAIL") || $0.hasPrefix("RCPT") }
                    }
                )
            }
            let header = try await relayed("header").content
            #expect(
                header
                    == "X-Above: all\r\nX-Top: first\r\nX-Second: yes\r\nSubject: new\r\nX-End: one\r\n\ttwo\r\nX-Not-There: now\r\n\r\nbody\r\n"
            )
            let body = try await relayed("body").content
            #expect(body == "Received: from x\r\nSubject: old\r\n\r\none\r\ntwo\r\n")
            let envelope = try await relayed("envelope").commands
            #expect(
                envelope == [
                    "MAIL FROM:<other@a.example>", "RCPT TO:<cat@example.org>", "RCPT TO:<dan@example.org>",
                ])
            milter.heard.withLockedValue { $0 = [] }
            _ = try await relayed("accepted")
            // Nothing of the message behind what was accepted.
            #expect(
                milter.heard.withLockedValue { $0 }.dropFirst(2)
                    == ["M <accepted@a.example>|", "R <bob@example.org>|", "A", "Q"]
                    || milter.heard.withLockedValue { $0 }.dropFirst(2)
                        == ["M <accepted@a.example>|", "R <bob@example.org>|", "Q"]
            )
            #expect(
                server.log.contains(
                    "did=\"added X-Top, added X-Second, added X-Above, added X-End, changed Subject, took Received away"
                ))
            #expect(server.end(with: SIGTERM) == 0)
            await milter.stop()
            hop.stop()
        }

        @Test("what it is told: every step, and the macros that go with it")
        func told() async throws {
            let hop = try await OldServer()
            let milter = try await ScriptedMilter([:])
            let server = try self.start(["\"\(try milter.address)\""], hop: hop)
            let replies = try self.say(
                self.mail(from: "ann", "Subject:  two\r\n words\r\n\r\nbody\r\n.. dots\r\n"), to: server)
            let id = try #require(replies.last?.split(separator: " ").last)
            try await self.expect(
                milter,
                [
                    "C unknown|4??127.0.0.1|", "H client.example|", "M <ann@a.example>|", "R <bob@example.org>|", "T",
                    "L Subject| two\n words|", "N", "B body\r\n. dots\r\n", "E", "Q",
                ])
            let macros = milter.macros.withLockedValue { $0 }
            #expect(macros.first?.hasPrefix("Cj|mx.example.net|v|Hoptop ") == true, "\(macros)")
            #expect(macros.first?.contains("|{client_addr}|127.0.0.1|") == true)
            #expect(
                macros.contains(
                    "Mi|\(id)|{mail_addr}|ann@a.example|{mail_host}|a.example|{mail_mailer}|smtp|"), "\(macros)")
            #expect(
                macros.contains(
                    "Ri|\(id)|{rcpt_addr}|bob@example.org|{rcpt_host}|example.org|{rcpt_mailer}|smtp|"))
            #expect(macros.contains("Ei|\(id)|"))
            #expect(server.end(with: SIGTERM) == 0)
            await milter.stop()
            hop.stop()
        }

        @Test("who logged in, and who the client is by XCLIENT; content in chunks")
        func identities() async throws {
            let hop = try await OldServer()
            let milter = try await ScriptedMilter(["ann": ["E": ["h X-Seen|yes|", "c"]]])
            let password = StoredPassword(
                try #require(PreparedString("secret")), salt: Array(0..<16), iterations: 4096)
            let users = "\(self.folder.path)/users"
            try "ann:\(password.text)\n".write(toFile: users, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: users)
            let server = try self.start(
                ["\"\(try milter.address)\""], hop: hop,
                "[auth]\nusers = \"\(users)\"\nplaintext = true\n[relay]\nxclient = [\"127.0.0.0/8\"]\n")
            let content = "Subject: x\r\n\r\nb\r\n"
            let socket = try Loopback(server.address.port)
            socket.write("EHLO before.example\r\n")
            socket.read(until: "250 ")
            socket.write("XCLIENT ADDR=192.0.2.7 NAME=client.example\r\n")
            socket.read(until: "220 ")
            socket.write(
                "EHLO client.example\r\nAUTH PLAIN AGFubgBzZWNyZXQ=\r\nMAIL FROM:<ann@a.example>\r\n"
                    + "RCPT TO:<bob@example.org>\r\nBDAT 9\r\n\(content.prefix(9))"
                    + "BDAT \(content.utf8.count - 9) LAST\r\n\(content.dropFirst(9))QUIT\r\n")
            let said = socket.readAll()
            #expect(said.contains("queued as "), "\(said)")
            #expect(try await eventually { hop.contents.withLockedValue { $0.count } == 1 })
            #expect(hop.contents.withLockedValue { $0[0].hasSuffix("\r\nSubject: x\r\nX-Seen: yes\r\n\r\nb\r\n") })
            let heard = milter.heard.withLockedValue { $0.filter { "CHQ".contains($0.prefix(1)) } }
            // The two sessions may end and begin at the same time.
            #expect(heard.count { $0.hasPrefix("C client.example|4") && $0.hasSuffix("192.0.2.7|") } == 1, "\(heard)")
            #expect(heard.contains("H before.example|") && heard.contains("H client.example|"))
            #expect(
                milter.macros.withLockedValue {
                    $0.contains {
                        $0.hasPrefix("M") && $0.contains("|{auth_type}|PLAIN|") && $0.contains("{auth_authen}|ann|")
                    }
                })
            #expect(server.end(with: SIGTERM) == 0)
            await milter.stop()
            hop.stop()
        }

        /// Port numbers are left out.
        private func expect(_ milter: ScriptedMilter, _ expected: [String]) async throws {
            _ = try await eventually { milter.heard.withLockedValue { $0.last == "Q" } }
            var heard = milter.heard.withLockedValue { $0 }
            // Its two octets may be one character with what stands before them.
            if let connect = heard.first, let bar = connect.unicodeScalars.firstIndex(of: "|"),
                let end = connect.unicodeScalars.firstRange(of: "127.".unicodeScalars)
            {
                let scalars = connect.unicodeScalars
                heard[0] = "\(String(scalars[...bar]))4??\(String(scalars[end.lowerBound...]))"
            }
            #expect(heard == expected)
        }

        @Test(
            "a refusal at each step goes to the client as the milter wrote it, and what is discarded is confirmed and gone"
        )
        func refusals() async throws {
            let hop = try await OldServer()
            let milter = try await ScriptedMilter([
                "mail": ["M": ["y 550 5.7.1 not you|"]], "rcpt": ["R": ["r"]], "later": ["R": ["t"]],
                "data": ["T": ["y 554 no data|"]], "header": ["L": ["r"]], "eoh": ["N": ["t"]],
                "body": ["B": ["y 550-5.7.1 one\r\n550 5.7.1 two|"]], "end": ["E": ["h X-Lost|x|", "r"]],
                "gone": ["E": ["d"]], "gone-early": ["M": ["d"]], "nobody": ["E": ["- <bob@example.org>|", "c"]],
                "closing": ["E": ["4"]],
            ])
            let server = try self.start(["\"\(try milter.address)\""], hop: hop)
            let envelope = "RCPT TO:<bob@example.org>\r\n"
            for (sender, rest, replies) in [
                ("mail", "", ["550 5.7.1 not you"]),
                ("rcpt", envelope, ["250 2.1.0 Ok", "550 5.7.1 Command rejected"]),
                ("later", envelope, ["250 2.1.0 Ok", "451 4.7.1 Service unavailable - try again later"]),
                ("data", envelope + "DATA\r\n", ["250 2.1.0 Ok", "250 2.1.5 Ok", "554 5.7.1 no data"]),
            ] {
                let said = try self.say("MAIL FROM:<\(sender)@a.example>\r\n\(rest)", to: server)
                #expect(said == replies, "\(sender)")
            }
            for (sender, replies) in [
                ("header", ["550 5.7.1 Command rejected"]),
                ("eoh", ["451 4.7.1 Service unavailable - try again later"]),
                ("body", ["550-5.7.1 one", "550 5.7.1 two"]), ("end", ["550 5.7.1 Command rejected"]),
                ("closing", ["421 4.7.0 Service unavailable, closing the connection"]),
            ] {
                let said = try self.say(self.mail(from: sender), to: server)
                #expect(said.suffix(replies.count) == replies[...], "\(sender): \(said)")
            }
            for sender in ["gone", "gone-early", "nobody"] {
                let said = try self.say(self.mail(from: sender), to: server)
                #expect(said.last?.hasPrefix("250 2.0.0 Ok: queued as ") == true, "\(sender): \(said)")
            }
            #expect(
                try await eventually {
                    server.log.matches(of: try Regex(" info discarded by=\"milter 127.* message=")).count == 3
                }, "\(server.log)")
            #expect(!server.log.contains(" info accepted "))
            #expect(hop.contents.withLockedValue { $0.isEmpty })
            // One refused recipient does not take the others along.
            let mixed = try self.say(self.mail(from: "fine"), to: server)
            #expect(mixed.last?.hasPrefix("250 2.0.0 Ok: queued as ") == true)
            #expect(try await eventually { hop.contents.withLockedValue { $0.count } == 1 })
            #expect(server.end(with: SIGTERM) == 0)
            await milter.stop()
            hop.stop()
        }

        @Test("quarantine is hold, with the reason; nothing is tried")
        func quarantine() async throws {
            let hop = try await OldServer()
            let milter = try await ScriptedMilter(["spam": ["E": ["q smells of spam|", "c"]]])
            let server = try self.start(["\"\(try milter.address)\""], hop: hop)
            _ = try self.say(
                self.mail(from: "spam", recipients: ["bob@example.org", "cat@example.org"])
                    + self.mail(from: "fine"), to: server)
            #expect(try await eventually { hop.contents.withLockedValue { $0.count } == 1 })
            #expect(
                try await eventually {
                    server.log.matches(of: try Regex(" info held .* reason=\"smells of spam\" by=\"milter 127")).count
                        == 2
                }, "\(server.log)")
            #expect(
                hop.commands.withLockedValue { $0.filter { $0.hasPrefix("MAIL") } } == ["MAIL FROM:<fine@a.example>"])
            #expect(server.end(with: SIGTERM) == 0)
            await milter.stop()
            hop.stop()
        }

        @Test("large content is changed octet for octet, from a file into a file")
        func large() async throws {
            let hop = try await OldServer()
            let milter = try await ScriptedMilter([
                "header": ["E": ["h X-Seen|yes|", "c"]],
                "body": ["E": (0..<5).map { "b " + String(repeating: "\($0)23456789\r\n", count: 6000) } + ["c"]],
                "small": ["E": ["b tiny\r\n", "c"]],
            ])
            let server = try self.start(["\"\(try milter.address)\""], hop: hop)
            var body = ""
            var line = 0
            while body.utf8.count < 700_000 {
                line += 1
                body += "line \(line) of many, each with its own number\r\n"
            }
            let new = (0..<5).map { String(repeating: "\($0)23456789\r\n", count: 6000) }.joined()
            let expected = [
                ("header", "Subject: x\r\nX-Seen: yes\r\n\r\n\(body)"), ("body", "Subject: x\r\n\r\n\(new)"),
                ("small", "Subject: x\r\n\r\ntiny\r\n"), ("untouched", "Subject: x\r\n\r\n\(body)"),
            ]
            for (sender, content) in expected {
                let said = try self.say(self.mail(from: sender, "Subject: x\r\n\r\n\(body)"), to: server)
                #expect(said.last?.hasPrefix("250 2.0.0 Ok: queued as ") == true, "\(sender): \(said)")
                #expect(try await eventually { hop.contents.withLockedValue { $0.count } == 1 })
                let got = try #require(hop.contents.withLockedValue { $0.popLast() })
                let trace = try #require(got.range(of: " +0000\r\n"))
                #expect(got[trace.upperBound...] == content, "\(sender)")
            }
            // Neither what came in nor what was on the way is left.
            #expect(
                try await eventually {
                    try FileManager.default.contentsOfDirectory(atPath: "\(self.folder.path)/spool/incoming").isEmpty
                })
            let told = milter.heard.withLockedValue { $0.filter { $0.hasPrefix("B ") }.map { $0.utf8.count - 2 } }
            #expect(told.allSatisfy { $0 <= 65535 } && told.reduce(0, +) == 4 * body.utf8.count)
            #expect(server.end(with: SIGTERM) == 0)
            await milter.stop()
            hop.stop()
        }

        @Test(
            "a milter that is not there, dies, hangs or talks nonsense: mail fares as on-error says",
            arguments: ["nobody", "hang", "hang up", "nonsense", "+ nonsense <>|"])
        func failures(_ failure: String) async throws {
            let hop = try await OldServer()
            let milter = try await ScriptedMilter(["ann": ["E": ["h X-Lost|x|", failure]], "bea": ["R": [failure]]])
            let address = try milter.address
            if failure == "nobody" { await milter.stop() }
            let expected = [
                ("tempfail", "451 4.7.1 Service unavailable - try again later"),
                ("reject", "550 5.7.1 Command rejected"),
                ("accept", "250 2.0.0 Ok: queued as "),
            ]
            for (onError, reply) in expected {
                let keys = "on-error = \"\(onError)\"\ncommand-timeout = \"200ms\"\ncontent-timeout = \"200ms\""
                let server = try self.start(["\"\(address)\"\n\(keys)"], hop: hop)
                for sender in ["ann", "bea"] {
                    let said = try self.say(
                        sender == "ann" || onError == "accept"
                            ? self.mail(from: sender)
                            : "MAIL FROM:<\(sender)@a.example>\r\nRCPT TO:<bob@example.org>\r\n", to: server)
                    #expect(said.contains { $0.hasPrefix(reply) }, "\(onError), \(sender): \(said)")
                }
                #expect(
                    server.log.contains("milter failed") && server.log.contains("on-error=\(onError)"), "\(server.log)")
                #expect(server.end(with: SIGTERM) == 0)
                try FileManager.default.removeItem(atPath: "\(self.folder.path)/spool")
            }
            #expect(try await eventually { hop.contents.withLockedValue { $0.count } >= 1 })
            // What it did before it failed is undone.
            #expect(hop.contents.withLockedValue { !$0.contains { $0.contains("X-Lost") } })
            await milter.stop()
            hop.stop()
        }

        @Test("a client may be refused at once, and at EHLO")
        func sessions() async throws {
            let hop = try await OldServer()
            for (manners, greeting) in [
                (["C": ["r"]], "554 5.7.1 Service refused"), (["C": ["y 450 4.7.1 busy|"]], "421 4.7.1 busy"),
                (["C": ["4"]], "421 4.7.0 Service unavailable, closing the connection"),
            ] as [([Character: [String]], String)] {
                let milter = try await ScriptedMilter(["": manners])
                let server = try self.start(["\"\(try milter.address)\""], hop: hop)
                let socket = try Loopback(server.address.port)
                socket.write("QUIT\r\n")
                #expect(socket.readAll().hasPrefix("\(greeting)\r\n"))
                #expect(server.end(with: SIGTERM) == 0)
                await milter.stop()
            }
            let milter = try await ScriptedMilter(["": ["H": ["y 550 5.7.1 bad name|"]]])
            let server = try self.start(["\"\(try milter.address)\""], hop: hop)
            let socket = try Loopback(server.address.port)
            socket.write("EHLO client.example\r\nMAIL FROM:<a@a.example>\r\nQUIT\r\n")
            let said = socket.readAll()
            #expect(said.contains("\r\n550 5.7.1 bad name\r\n503 5.5.1 "), "\(said)")
            #expect(server.end(with: SIGTERM) == 0)
            await milter.stop()
            hop.stop()
        }

        @Test(
            "the second sees what the first made of a message; one on a Unix socket; clients that are excepted meet none"
        )
        func chain() async throws {
            let hop = try await OldServer()
            let first = try await ScriptedMilter(["ann": ["E": ["h X-First|yes|", "c"]]])
            let path = "\(self.folder.path)/second.sock"
            let second = try await ScriptedMilter(
                ["ann": ["E": ["m #1 X-First|seen|", "c"]]], path: path)
            let third = try await ScriptedMilter(["ann": ["E": ["r"]]])
            let server = try self.start(
                [
                    "\"\(try first.address)\"", "\"unix:\(path)\"",
                    "\"\(try third.address)\"\nexcept = [\"127.0.0.0/8\"]\nroles = [\"relay\"]",
                ], hop: hop)
            _ = try self.say(self.mail(from: "ann", "Subject: x\r\n\r\nb\r\n"), to: server)
            #expect(try await eventually { hop.contents.withLockedValue { $0.count } == 1 })
            #expect(second.heard.withLockedValue { $0.contains("L X-First|yes|") })
            #expect(hop.contents.withLockedValue { $0[0].contains("\r\nSubject: x\r\nX-First: seen\r\n\r\nb\r\n") })
            #expect(third.heard.withLockedValue { $0.isEmpty })
            #expect(server.end(with: SIGTERM) == 0)
            for milter in [first, second, third] { await milter.stop() }
            hop.stop()
        }

        @Test("a milter that is started anew between two messages of a session is told the session again")
        func restart() async throws {
            let hop = try await OldServer()
            let milter = try await ScriptedMilter([:])
            let port = try milter.port
            let server = try self.start(["\"\(try milter.address)\""], hop: hop)
            let socket = try Loopback(server.address.port)
            socket.write("EHLO client.example\r\n" + self.mail(from: "one"))
            socket.read(until: "queued as ")
            await milter.stop()
            let anew = try await ScriptedMilter([:], port: port)
            socket.write(self.mail(from: "two") + "QUIT\r\n")
            let said = socket.readAll()
            #expect(said.contains("queued as "), "\(said)")
            try await self.expect(
                anew,
                [
                    "C unknown|4??127.0.0.1|", "H client.example|", "M <two@a.example>|", "R <bob@example.org>|", "T",
                    "L Received|from x|", "L Subject|old|", "N", "B body\r\n", "E", "Q",
                ])
            #expect(server.end(with: SIGTERM) == 0)
            await anew.stop()
            hop.stop()
        }
    }
}
