import Foundation
import Glibc
import NIOConcurrencyHelpers
import Relay
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("sendmail hands mail to the relay", .timeLimit(.minutes(2)))
    struct SendmailTests {
        private let folder: TemporaryFolder
        private var socket: String { "\(self.folder.path)/submit" }
        private var file: String { "\(self.folder.path)/hoptop.toml" }

        init() throws {
            self.folder = try TemporaryFolder()
            try """
            hostname = "mx.example.net"
            [[listen]]
            address = "unix:\(self.socket)"
            [spool]
            directory = "\(self.folder.path)/spool"

            """.write(toFile: self.file, atomically: true, encoding: .utf8)
        }

        private func relay(to hop: OldServer? = nil) throws -> Server {
            let route = try hop.map { ["--route", "*=\(try $0.endpoint)"] } ?? []
            return try Server(
                spool: "\(self.folder.path)/spool", configuration: "/dev/null", until: .ready,
                ["--listen", "unix:\(self.socket)"] + route)
        }

        private func sendmail(
            _ arguments: String..., input: String = "", as path: String = Program.path
        ) throws -> (status: Int32, output: String, errors: String) {
            let message = "\(self.folder.path)/message"
            try input.write(toFile: message, atomically: true, encoding: .utf8)
            let command = path == Program.path ? ["sendmail"] : []
            return try Program.run(command + ["-C", self.file] + arguments, input: message, as: path)
        }

        private static let user = getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(getuid())"

        @Test("-t: Bcc gets it and nobody sees that; the user is recorded, not what a program says")
        func recipients() async throws {
            let hop = try await OldServer()
            let server = try self.relay(to: hop)
            let sent = try self.sendmail(
                "-t", "-i", input: "To: Bob <bob@z.example>\nBcc: secret@z.example\nSubject: hi\n\nhello\n.\n..end\n")
            #expect(sent.status == 0, "\(sent.errors)")
            #expect(try await eventually { hop.contents.withLockedValue { !$0.isEmpty } })
            let content = hop.contents.withLockedValue { $0.first ?? "" }
            #expect(
                content.hasPrefix(
                    "Received: from \(Self.user) (uid \(getuid()))\r\n\tby mx.example.net (Hoptop) with ESMTP id "))
            #expect(content.hasSuffix("\r\nTo: Bob <bob@z.example>\r\nSubject: hi\r\n\r\nhello\r\n.\r\n..end\r\n"))
            #expect(
                content.contains("\r\nDate: ") && content.contains("\r\nFrom: ") && content.contains("\r\nMessage-ID: ")
            )
            let commands = hop.commands.withLockedValue { $0 }
            #expect(commands.contains { $0.hasPrefix("MAIL FROM:<\(Self.user)@mx.example.net>") })
            #expect(commands.contains("RCPT TO:<bob@z.example>") && commands.contains("RCPT TO:<secret@z.example>"))
            try server.waitFor("client=\"\(Self.user) (uid \(getuid()))\"")
            hop.stop()
        }

        @Test("a lone dot ends it without -i, 8-bit arrives, and so do 20 megabytes")
        func contents() async throws {
            let hop = try await OldServer()
            let server = try self.relay(to: hop)
            let huge = String(repeating: "a line of a huge message\n", count: 800_000)
            for input in ["Subject: a\n\none\n.\ntwo\n", "Subject: b\n\nGrüße\n", "Subject: c\n\n\(huge)"] {
                let sent = try self.sendmail("-f", "ann@example.org", "bob@z.example", input: input)
                #expect(sent.status == 0, "\(sent.errors)")
            }
            #expect(try await eventually { hop.contents.withLockedValue { $0.count == 3 } })
            let contents = hop.contents.withLockedValue { $0 }
            #expect(contents.contains { $0.hasSuffix("Subject: a\r\n\r\none\r\n") })
            #expect(contents.contains { $0.hasSuffix("\r\n\r\nGr=C3=BC=C3=9Fe\r\n") })
            #expect(contents.contains { $0.utf8.count > 20_800_000 && $0.hasSuffix("a line of a huge message\r\n") })
            #expect(server.isRunning)
            hop.stop()
        }

        @Test("by its name, mailq by its own; what waits is shown, and tried when -q asks")
        func names() async throws {
            let server = try self.relay()
            for name in ["sendmail", "mailq", "newaliases"] {
                try FileManager.default.createSymbolicLink(
                    atPath: "\(self.folder.path)/\(name)", withDestinationPath: Program.path)
            }
            let link = "\(self.folder.path)/sendmail"
            let empty = try self.sendmail(as: "\(self.folder.path)/mailq")
            #expect(empty.output == "Mail queue is empty\n", "\(empty.errors)")
            #expect(try self.sendmail("-f", "ann@example.org", "bob@z.example", input: "hi\n", as: link).status == 0)
            let shown = try self.sendmail(as: "\(self.folder.path)/mailq")
            #expect(shown.status == 0)
            #expect(shown.output.contains("\n    (no route for z.example: add a [[route]]"), "\(shown.output)")
            #expect(shown.output.contains(" ann@example.org\n") && shown.output.contains(" bob@z.example\n"))
            #expect(shown.output.hasSuffix("-- 1 Kbytes in 1 Request.\n"), "\(shown.output)")
            for option in ["-q", "-qRz.example"] {
                let asked = try self.sendmail(option, as: link)
                #expect(asked.status == 0)
                #expect(asked.output.contains("1 pending messages for "), "\(asked.output)")
            }
            #expect(try self.sendmail("-qRother.example").output.hasPrefix("No messages waiting for "))
            #expect(try self.sendmail(as: "\(self.folder.path)/newaliases").status == 0)
            #expect(server.isRunning)
        }

        @Test("-bs carries a session")
        func session() throws {
            let server = try self.relay()
            let said = try self.sendmail(
                "-bs", input: "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n")
            #expect(said.status == 0)
            let replies = said.output.split(separator: "\r\n").map { $0.prefix(4) }.filter { $0.hasSuffix(" ") }
            #expect(replies == ["220 ", "250 ", "250 ", "250 ", "354 ", "250 ", "221 "], "\(said.output)")
            #expect(server.isRunning)
        }

        @Test("ends as sysexits.h has it, with a line that says why")
        func statuses() throws {
            let down = try self.sendmail("bob@z.example", input: "hi\n")
            #expect(down.status == 75)
            #expect(down.errors == "sendmail: no relay answers at unix:\(self.socket): No such file or directory\n")
            #expect(try self.sendmail(input: "hi\n").status == 64)
            #expect(try self.sendmail("-t", input: "Subject: x\n\nhi\n").status == 65)
            #expect(try self.sendmail("-t", input: "To: a b\n\nhi\n").status == 65)
            #expect(try Program.run(["sendmail", "-C", "/nowhere.toml", "a@b"]).status == 78)
            try "[limits]\nmessage-size = 1000\n".write(
                toFile: "\(self.folder.path)/small.toml", atomically: true, encoding: .utf8)
            let server = try Server(
                spool: "\(self.folder.path)/spool", configuration: "\(self.folder.path)/small.toml", until: .ready,
                ["--listen", "unix:\(self.socket)"])
            let large = try self.sendmail("bob@z.example", input: String(repeating: "too much of it\n", count: 100))
            #expect(large.status == 69)
            #expect(large.errors.hasPrefix("sendmail: <bob@z.example>: 552 5.3.4 "), "\(large.errors)")
            #expect(server.isRunning)
        }

        @Test("the socket goes with its relay; a dead one is replaced, a live one and other files never")
        func socketFile() throws {
            var status = stat()
            let first = try self.relay()
            #expect(lstat(self.socket, &status) == 0 && status.st_mode & 0o777 == 0o666)
            func second() throws -> (status: Int32, output: String, errors: String) {
                // It must not come up; one that does goes on.
                try Program.run(
                    [
                        "20", Program.path, "serve", "--config", "/dev/null", "--spool", "\(self.folder.path)/other",
                        "--listen", "unix:\(self.socket)",
                    ], as: "/usr/bin/timeout")
            }
            let refused = try second()
            #expect(refused.status == 1)
            #expect(refused.errors.contains("another program listens there"), "\(refused.errors)")
            #expect(try self.sendmail("-bs", input: "QUIT\r\n").output.hasPrefix("220 "))
            #expect(first.end(with: SIGKILL) == SIGKILL)
            #expect(lstat(self.socket, &status) == 0)
            #expect(try self.sendmail("a@b", input: "hi\n").status == 75)
            let next = try self.relay()
            #expect(try self.sendmail("a@b", input: "hi\n").status == 0)
            #expect(next.end(with: SIGTERM) == 0)
            #expect(lstat(self.socket, &status) != 0)
            try "precious".write(toFile: self.socket, atomically: true, encoding: .utf8)
            #expect(try second().errors.contains("is there, and is no socket"))
            #expect(try String(contentsOfFile: self.socket, encoding: .utf8) == "precious")
        }
    }
}
