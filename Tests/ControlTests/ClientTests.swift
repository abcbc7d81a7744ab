import Monitor
import NIOCore
import Testing

@testable import Control

@Suite("places of daemons")
struct DaemonAddressTests {
    @Test("what is understood")
    func known() throws {
        #expect(try DaemonAddress("/run/hoptop/control.sock") == .socket("/run/hoptop/control.sock"))
        #expect(try DaemonAddress("./a b.sock") == .socket("./a b.sock"))
        #expect(try DaemonAddress("unix:/tmp/x") == .socket("/tmp/x"))
        #expect(try DaemonAddress("https://mx1.example.net") == .host("mx1.example.net", port: 443))
        #expect(try DaemonAddress("HTTPS://mx1.example.net:8025/") == .host("mx1.example.net", port: 8025))
        #expect(try DaemonAddress("https://[::1]:8025") == .host("::1", port: 8025))
        #expect(
            try DaemonAddress("ssh://mx1")
                == .ssh(SSHPlace(host: "mx1", socket: "/run/hoptop/control.sock")))
        #expect(
            try DaemonAddress("ssh://ann@[::1]:22/tmp/x.sock")
                == .ssh(SSHPlace(user: "ann", host: "::1", port: 22, socket: "/tmp/x.sock")))
        #expect(try DaemonAddress("ssh://ann@[::1]:22/tmp/x.sock").description == "ssh://ann@[::1]:22/tmp/x.sock")
        func origin(_ text: String) throws -> String {
            ControlClient(try DaemonAddress(text), token: nil, authorities: nil).origin
        }
        #expect(try origin("https://[::1]:8025") == "https://[::1]:8025")
        #expect(try origin("/a b/ü%") == "http+unix://%2Fa%20b%2F%C3%BC%25")
    }

    @Test(
        "what is not says what would be",
        arguments: [
            ("", "the path of its socket"), ("mx1", "the path of its socket"), ("http://mx1", "use https://"),
            ("https://", "https://HOST"), ("https://mx1:0", "https://HOST"), ("https://mx1:65536", "https://HOST"),
            ("https://ann@mx1", "https://HOST"), ("https://mx1/v1", "https://HOST"), ("https://-x", "https://HOST"),
            ("https://a b", "https://HOST"), ("ftp://mx1", "the path of its socket"), ("https://[::1", "https://HOST"),
            ("ssh://", "ssh://[USER@]HOST"), ("ssh://-oProxyCommand=x", "ssh://[USER@]HOST"),
            ("ssh://-l@mx1", "ssh://[USER@]HOST"), ("ssh://mx1:22x", "ssh://[USER@]HOST"),
        ])
    func unknown(_ text: String, _ advice: String) {
        do throws(FeedError) {
            let address = try DaemonAddress(text)
            Issue.record("\(text) is \(address)")
        } catch {
            #expect(error.code == .invalid)
            #expect(error.description.contains(advice))
        }
    }
}

@Suite("server-sent events")
struct EventReaderTests {
    private static let stream = """
        retry: 1000\r\n\r\n: nothing\n\n\ndata: one\n\nid: 7\rdata:two\rdata: more\r\revent: error\ndata: {"a":"ü"}\n\
        unknown: x\nword\n\nid: 8\n\ndata\n\ndata: never ends
        """
    private static let events: [EventReader.Event] = [
        .init(data: "one"), .init(name: "7", data: "two\nmore"), .init(kind: "error", data: #"{"a":"ü"}"#),
        .init(data: ""),
    ]

    @Test("events are the same however they are cut", arguments: 1...9)
    func cut(_ size: Int) throws {
        var reader = EventReader()
        var found: [EventReader.Event] = []
        var rest = ByteBuffer(string: Self.stream)
        while let piece = rest.readSlice(length: min(size, rest.readableBytes)), piece.readableBytes > 0 {
            found += try reader.events(in: piece)
        }
        #expect(found == Self.events)
    }

    @Test("an event that does not end is given up, a stream of comments is not")
    func bounds() throws {
        let piece = ByteBuffer(string: String(repeating: "x", count: 100))
        var reader = EventReader(octetsLimit: 1000)
        for _ in 0..<10 { _ = try reader.events(in: piece) }
        #expect(throws: NIOTooManyBytesError.self) { _ = try reader.events(in: piece) }
        var quiet = EventReader(octetsLimit: 1000)
        for _ in 0..<100 { #expect(try quiet.events(in: ByteBuffer(string: ": still here\n\n")).isEmpty) }
    }
}
