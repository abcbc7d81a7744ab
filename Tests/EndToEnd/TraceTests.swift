import Foundation
import Mail
import Monitor
import NIOPosix
import Relay
import SMTP
import Spool
import Testing

@testable import hoptop

/// How a trace is shown.
@Suite("lines of a trace")
struct TraceLinesTests {
    private static let hostile = "a\u{1B}[2J\u{9B}31m\u{1B}]0;x\u{07}\u{202E}b\u{85}\r\nc\t\u{0}"
    private let session = SessionRef(node: "mx", id: "out#9121")

    private func row(peer: String = "mx.example.org:25", ended: Bool = false, remark: String? = nil) -> ConnectionRow {
        let now = Timestamp.now
        return ConnectionRow(
            ref: self.session, direction: .outbound, peer: peer, phase: ended ? .closed : .greeting, started: now,
            ended: ended ? now : nil, lastActivity: now, remark: remark)
    }
    private func line(_ speaker: TranscriptLine.Speaker, _ text: String) -> TraceEvent {
        .lines(session: self.session, lines: [TranscriptLine(number: 0, at: .now, speaker: speaker, text: text)])
    }

    @Test("time, session, the other side, and who said what")
    func lines() {
        var lines = TraceLines(hasColour: false)
        let text = lines.text(of: [
            .began(session: self.row()), self.line(.server, "250 2.0.0 Ok"), self.line(.client, "QUIT"),
            self.line(.relay, "TLSv1.3"), .missed(session: self.session, lines: 7), .missed(session: nil, lines: 9),
            .ended(session: self.row(ended: true, remark: "timed out in quit")), self.line(.client, "late"),
        ])
        let shown = text.split(separator: "\n").map { line in
            line.first?.isNumber == true ? "T" + line.dropFirst("12:41:07.123".count) : String(line)
        }
        #expect(
            shown == [
                "T out#9121 mx.example.org:25  *: began", "T out#9121 mx.example.org:25  S: 250 2.0.0 Ok",
                "T out#9121 mx.example.org:25  C: QUIT", "T out#9121 mx.example.org:25  *: TLSv1.3",
                "-- 7 lines of out#9121 are missing: they came faster than they were read",
                "-- 9 lines are missing: they came faster than they were read",
                "T out#9121 mx.example.org:25  *: ended: timed out in quit", "T out#9121  C: late",
            ])
    }

    @Test("what peers said reaches no terminal raw, with and without colours", arguments: [false, true])
    func hostile(_ hasColour: Bool) throws {
        var lines = TraceLines(hasColour: hasColour)
        let events = [
            TraceEvent.began(session: self.row(peer: Self.hostile)), self.line(.server, Self.hostile),
            self.line(.client, Self.hostile), .ended(session: self.row(ended: true, remark: Self.hostile)),
        ]
        var text = lines.text(of: events)
        #expect(text.split(separator: "\n").count == events.count)
        for code in ["\u{1B}[m"] + [2, 31, 32, 33, 36].map({ "\u{1B}[\($0)m" }) {
            text = text.replacingOccurrences(of: code, with: "")
        }
        #expect(Self.isHarmless(text))
        #expect(text.contains("a\\x1b[2J<U+009B>31m\\x1b]0;x\\x07<U+202E>b<U+0085>\\x0d\\x0ac\\x09\\x00"))
        let json = try events.map { String(decoding: try SafeJSON.encode($0), as: UTF8.self) }.joined(separator: "\n")
        #expect(Self.isHarmless(json))
        #expect(json.contains("\\u202e"))
    }

    /// Printable, but for the ends of lines.
    static func isHarmless(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy {
            $0 == "\n" || $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && $0 != "\u{202E}"
        }
    }

    @Test("a completion that a shell would take for its own language is none")
    func completions() {
        #expect(["7F3A00001", "in#4410", "dest=mx.example.org:25"].allSatisfy(Completions.isHarmless))
        for word in ["$(a)", "`a`", "a b", "a;b", "a|b", "a'b", "a\"b", "a\nb", "a*", "ü", "~", "a\\b", "{a,b}"] {
            #expect(!Completions.isHarmless(word), "\(word)")
        }
    }
}

extension EndToEnd {
    @Suite("traces of a relay", .timeLimit(.minutes(5)))
    struct TraceTests {
        private let folder: TemporaryFolder
        private let relay: Relay

        init() async throws {
            self.folder = try TemporaryFolder()
            self.relay = try await Relay.startedWithoutRoutes(in: self.folder)
        }

        /// What is told until so many sessions have ended.
        private func told(
            _ trace: AsyncThrowingStream<[TraceEvent], any Error>, ends: Int = 1
        ) async throws -> [TraceEvent] {
            var told: [TraceEvent] = []
            for try await events in trace {
                told += events
                let ended = told.count { if case .ended = $0 { true } else { false } }
                if ended >= ends { break }
            }
            return told
        }
        private func words(of events: [TraceEvent]) -> [String] {
            events.flatMap { event -> [String] in
                guard case .lines(_, let lines) = event else { return [] }
                return lines.map(\.text)
            }
        }

        @Test("a client's whole session, and later its message's transaction alone")
        func wholeSession() async throws {
            let feed = self.relay.feed(user: "ops")
            let trace = feed.trace(TraceQuery(direction: .inbound, peer: Network("127.0.0.0/8")))
            try await self.relay.send(to: ["<b@q.example>"])
            let words = self.words(of: try await self.told(trace))
            #expect(words.first?.hasPrefix("220 mx.example.net") == true)
            #expect(words.contains("MAIL FROM:<s@c>") && words.contains("RCPT TO:<b@q.example>"))
            #expect(words.last?.hasPrefix("221 ") == true)

            let rows = try await feed.queue(QueueQuery(), window: WindowRequest(.row(number: 0), count: 1)).rows
            let id = try #require(rows.first?.ref.id)
            let ofMessage = self.words(
                of: try await self.told(feed.trace(TraceQuery(message: id.lowercased(), includesEnded: true))))
            #expect(ofMessage == Array(words.dropLast(2)))  // All but QUIT and its reply.
            #expect(ofMessage.last?.hasSuffix("queued as \(id)") == true)
            await self.relay.stop()
        }

        @Test("a client that says escape sequences says them to no terminal")
        func hostileClient() async throws {
            let trace = self.relay.feed(user: "ops").trace(TraceQuery(failedOnly: true))
            let server = try #require(self.relay.listening.first.flatMap { SocketEndpoint($0) })
            let client = try Loopback(server.port)
            client.write("EHLO c\r\n\u{1B}[2J\u{1B}]0;x\u{07} \u{202E}\u{9B}31m\r\nQUIT\r\n")
            _ = client.readAll()
            let events = try await self.told(trace)
            #expect(self.words(of: events).contains { $0.contains("\u{1B}[2J") })
            var lines = TraceLines(hasColour: false)
            let text = lines.text(of: events)
            #expect(TraceLinesTests.isHarmless(text))
            #expect(text.contains("C: \\x1b[2J\\x1b]0;x\\x07 <U+202E><U+009B>31m"))
            #expect(
                TraceLinesTests.isHarmless(
                    try events.map { String(decoding: try SafeJSON.encode($0), as: UTF8.self) }.joined()))
            await self.relay.stop()
        }

        @Test("a queue ID that can be none is refused")
        func noID() async throws {
            await #expect(throws: FeedError.self) {
                for try await _ in self.relay.feed(user: "ops").trace(TraceQuery(message: "not an ID")) {}
            }
            await self.relay.stop()
        }

        @Test("a trace ends when the relay does")
        func stops() async throws {
            let trace = self.relay.feed(user: "ops").trace(TraceQuery())
            async let told = self.told(trace, ends: .max)
            try await self.relay.send(to: ["<b@q.example>"])
            await self.relay.stop()
            #expect(!self.words(of: try await told).isEmpty)
        }
    }
}
