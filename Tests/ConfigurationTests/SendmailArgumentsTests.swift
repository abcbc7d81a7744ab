import Mail
import Relay
import SMTP
import Testing

@testable import hoptop

@Suite("the command line of sendmail")
struct SendmailArgumentsTests {
    private func read(_ line: String) throws(SendmailFailure) -> SendmailArguments {
        try SendmailArguments(line.split(separator: " ").map(String.init))
    }

    @Test(
        "is read as getopt reads it",
        arguments: [
            ("-t -i", true, true, []), ("-ti", true, true, []), ("-oi a@b", false, true, ["a@b"]),
            ("-i -- -a@b", false, true, ["-a@b"]), ("a@b,c d@e -t", false, false, ["a@b", "c", "d@e", "-t"]),
            (
                "-oem -om -o7 -O x=y -L tag -X log -v -n -m -G -U -Am -h 3 -B 8BITMIME -odb -oA f a@b", false, false,
                ["a@b"]
            ),
        ])
    func options(_ line: String, _ readsHeader: Bool, _ ignoresDots: Bool, _ recipients: [String]) throws {
        let read = try self.read(line)
        #expect(read.readsHeader == readsHeader)
        #expect(read.ignoresDots == ignoresDots)
        #expect(read.recipients.map { $0.localPart + ($0.domain.map { "@\($0)" } ?? "") } == recipients)
    }

    @Test("knows senders, names, and what reports are wanted")
    func values() throws {
        let read = try self.read("-fann@example.net -F Ann -N success,FAILURE -R hdrs -V id -C x.toml a@b")
        #expect(read.sender??.localPart == "ann")
        #expect(read.fullName == "Ann")
        #expect(read.notify == "SUCCESS,FAILURE")
        #expect(read.returned == "HDRS")
        #expect(read.envelopeID == "id")
        #expect(read.configuration == "x.toml")
        #expect(try SendmailArguments(["-f", "<>", "a"]).sender == .some(nil))
        #expect(try SendmailArguments(["-f", "", "a"]).sender == .some(nil))
        #expect(try SendmailArguments(["-r", "Ann <ann@b>", "a"]).sender??.domain == Domain("b"))
        #expect(try self.read("a").sender == nil)
    }

    @Test(
        "knows what else there is to do",
        arguments: [
            ("-bs", .smtp), ("-bp", .queue), ("-bi", .aliases), ("-I", .aliases), ("-bm a", .submit),
            ("-q", .retry(domain: nil)), ("-qRexample.org", .retry(domain: "example.org")), ("--help", .help),
        ] as [(String, SendmailArguments.Mode)])
    func modes(_ line: String, _ mode: SendmailArguments.Mode) throws { #expect(try self.read(line).mode == mode) }

    @Test(
        "names what it does not take",
        arguments: [
            ("-f", "-f needs a value"), ("-bd", "hoptop serve"), ("-bv a", "-bv is not known here"),
            ("-q30m", "tries by itself"),
            ("-qI4Q7K", "-qI4Q7K is not known here"), ("-y", "-y is no option"),
            ("-N now a", "there are never, or success"),
            ("-R all a", "there are full and hdrs"), ("-f a@b,c@d e", "is no address"), ("@b", "@b is no address"),
            ("-B 9BIT", "there are 7BIT and 8BITMIME"),
        ])
    func mistakes(_ line: String, _ says: String) {
        do {
            _ = try self.read(line)
            Issue.record("it was taken")
        } catch {
            #expect(error.status == .usage)
            #expect(error.reason.contains(says), "\(error.reason)")
        }
    }

    @Test(
        "line ends become those of mail, however the input is cut",
        arguments: [
            ("a\nb\r\n", true, "a\r\nb\r\n"), ("a", true, "a\r\n"), ("a\n.\nb", true, "a\r\n"), (".\r\nb", true, ""),
            ("a\n.\nb", false, "a\r\n.\r\nb\r\n"), ("..\n.b\n", true, "..\r\n.b\r\n"), ("a\rb\n", true, "a\rb\r\n"),
            (".\rb\n", true, ".\rb\r\n"), (".", true, ".\r\n"), ("", true, ""), ("\n\n", true, "\r\n\r\n"),
        ])
    func lineEndings(_ text: String, _ endsAtDot: Bool, _ expected: String) {
        for octets in [1, 2, 100] {
            var lines = LineEndings(endsAtDot: endsAtDot)
            var output: [UInt8] = []
            for start in stride(from: 0, to: text.utf8.count, by: octets) {
                output += lines.convert(Array(text.utf8)[start..<min(start + octets, text.utf8.count)])
            }
            output += lines.finish()
            #expect(String(decoding: output, as: UTF8.self) == expected, "in pieces of \(octets)")
        }
    }

    @Test(
        "the relay is looked for where programs of this machine are welcome",
        arguments: [
            (["192.0.2.1:25", "127.0.0.1:2525", "unix:/run/a"], "unix:/run/a"), (["0.0.0.0:25"], "127.0.0.1:25"),
            (["[::]:25"], "[::1]:25"), (["192.0.2.1:25", "127.0.0.2:26"], "127.0.0.2:26"), (["192.0.2.1:25"], nil),
        ])
    func address(_ addresses: [String], _ expected: String?) throws {
        var configuration = ConfigurationFile.defaults().relay
        configuration.listen = try addresses.map { Listener(try #require(ListenAddress($0))) }
        #expect(configuration.localAddress?.description == expected)
    }
}
