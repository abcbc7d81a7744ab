import Foundation
import NIOCore
import Relay
import SMTP
import Testing

@testable import hoptop

extension EndToEnd {
    /// What operators ask a relay all day, each by the keys that answer it, on the real program over real mail.
    ///
    /// `HOPTOP_QUESTIONS=100000` has so many messages queued; the seconds are printed and hold nobody up.
    @Suite("ten questions of an operator", .timeLimit(.minutes(30)))
    struct OperatorQuestionTests {
        private static let queued =
            ProcessInfo.processInfo.environment["HOPTOP_QUESTIONS"].flatMap { Int($0) } ?? 300

        @Test("each is answered by at most two keys after a name was typed")
        func questions() async throws {
            let site = try await Site(queued: Self.queued)
            let ops = try await site.operatorAtTheOverview()

            try await ops.asks("which destinations are stuck?", sees: site.closed, "refused")

            try await ops.asks(
                "why is this still here, and when next?", "2", "f", typing: "to:bob@grey.example", "Enter",
                sees: "Why", "retry time, in", "451 4.7.1 Greylisted")

            try await ops.asks(
                "what did the other side say?", "2", "f", typing: "to:bob@grey.example", "t",
                sees: "RCPT TO:<bob@grey.example>", "451 4.7.1 Greylisted, please come back later")

            try await ops.asks(
                "retry one domain now", "2", "f", typing: "to:later.example", "T", "r", sees: "retry: 6 recipients")

            try await ops.asks(
                "drop one sender", "2", "f", typing: "from:spam@bad.example", "T", "d", sees: "drop: 8 recipients")
            try await ops.asks("and take it back", "z", sees: "undo drop: 8 recipients")

            try await ops.asks("who is connected, doing what?", "3", sees: site.mailboxes, "DATA")

            try await ops.asks("how far is the big message?", "2", "f", typing: "to:large.example", sees: "DATA", "%")

            try await ops.asks(
                "which hops, and where was it slow?", "2", "f", typing: "to:bob@grey.example", "Enter",
                sees: "Hops", "mail.elsewhere.example", "client.example")

            try await ops.asks(
                "what became of yesterday's mail to bob?", "5", "f", typing: "to:bob@done.example since:yesterday",
                sees: "since:yesterday", "NEXT HOP", "✔ relayed")

            try await ops.asks(
                "hold a domain over a maintenance", ":", typing: "rule hold to z.example for 1h maintenance", "Tab",
                "Enter", sees: "hold to z.example: 3 recipients of 3 messages on hold")
            await site.close()
        }
    }

    /// A relay with a queue: mail that nobody takes, mail that was put off, mail under way, and mail that has gone.
    private final class Site {
        private let folder: TemporaryFolder
        private let server: Server
        private let farEnd: FarEnd
        private let queued: Int
        /// A next hop at which nobody listens.
        let closed = "\(ClosedPort.endpoint)"
        /// A next hop that puts mail off, reads slowly, or takes it.
        var mailboxes: String { self.farEnd.endpoint.description }

        init(queued: Int) async throws {
            self.folder = try TemporaryFolder()
            self.queued = queued
            self.farEnd = try await FarEnd.start(ledger: Ledger())
            self.server = try Server(
                spool: "\(self.folder.path)/spool", "--route", "*.stuck.example=\(self.closed)", "--route",
                "later.example=\(self.closed)", "--route", "z.example=\(self.closed)", "--route",
                "*=\(self.farEnd.endpoint)")
            try await self.fill()
        }

        private func fill() async throws {
            let mail = Mail(client: PlainClient(name: "client.example", server: self.server.address))
            // First what only is many, however long that takes: the other mail is not to be retried before it is asked about.
            let (queued, senders) = (self.queued, 16)
            try await withThrowingTaskGroup { group in
                for first in 0..<senders {
                    group.addTask {
                        try await mail.send(from: "app@shop.example", (queued + first) / senders) {
                            "u\($0)@d\(($0 + first) % 20).stuck.example"
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await mail.send(from: "app@shop.example", 1) { _ in "bob@done.example" }
            try await mail.send(from: "ann@shop.example", 1) { _ in "bob@grey.example" }
            try await mail.send(from: "app@shop.example", 6) { "r\($0)@later.example" }
            try await mail.send(from: "spam@bad.example", 8) { "s\($0)@d1.stuck.example" }
            try await mail.send(from: "app@shop.example", 3) { "v\($0)@z.example" }
            try await mail.send(from: "app@shop.example", 1, octets: 40 << 20) { _ in "big@large.example" }
        }

        func operatorAtTheOverview() async throws -> Operator {
            let attach = "\(Program.path) attach --to \(self.folder.path)/spool-run/hoptop/control.sock --unlocked"
            let tmux = Tmux("sh -c \"LANG=C.UTF-8 \(attach); cat\"", in: self.folder, columns: 160, rows: 45)
            #expect(try await tmux.sees("Needs attention"))
            #expect(try await tmux.sees(self.closed))
            return Operator(tmux)
        }

        func close() async {
            _ = self.server.end(with: SIGKILL)
            await self.farEnd.stop()
        }
    }

    /// Mail that was somewhere before it comes here.
    private struct Mail: Sendable {
        let client: hoptop.PlainClient

        func send(from sender: String, _ count: Int, octets: Int = 0, to recipient: (Int) -> String) async throws {
            let trace =
                "Received: from app.elsewhere.example by mail.elsewhere.example with ESMTP id 1;\r\n"
                + "\tSat, 28 Nov 2026 10:00:00 +0000\r\n"
            for number in 0..<count {
                var content = ByteBuffer(string: trace)
                content.writeImmutableBuffer(PlainClient.content("<\(sender)-\(number)@test>", octets: octets))
                _ = try await self.client.send(
                    from: "<\(sender)>", to: [try ForwardPath(parsing: "<\(recipient(number))>")], content: content)
            }
        }
    }

    /// Somebody at the Overview, who asks by keys and reads the answer.
    private final class Operator {
        private let tmux: Tmux
        private var lastKey = ContinuousClock.now
        init(_ tmux: Tmux) { self.tmux = tmux }

        /// - Parameters:
        ///   - before: keys that come before a name, or without one.
        ///   - name: is typed, and ended with Enter.
        ///   - after: keys that follow it.
        ///   - words: what the screen says then.
        func asks(
            _ question: String, _ before: String..., typing name: String? = nil, _ after: String...,
            sees words: String..., at location: SourceLocation = #_sourceLocation
        ) async throws {
            for key in before { self.press(key) }
            if let name {
                self.tmux.tmux("send-keys", "-l", name)
                self.press("Enter")
                // A filter's rows are there before they are acted on.
                if !after.isEmpty {
                    try await Task.sleep(for: .milliseconds(300))
                    _ = try await eventually { !self.tmux.screen.contains("   ...") }
                }
            }
            for key in after { self.press(key) }
            let start = self.lastKey
            let isAnswered = try await eventually {
                let screen = self.tmux.screen
                return words.allSatisfy { screen.contains($0) }
            }
            let keys = name == nil ? before.count : after.count
            print("\(question) \(keys) keys, \(Int((ContinuousClock.now - start) / .milliseconds(1))) ms")
            #expect(isAnswered, "\(question)\n\(self.tmux.screen)", sourceLocation: location)
            #expect(keys <= 2, "\(question)", sourceLocation: location)
            self.goBack()
        }

        private func press(_ key: String) {
            // Two of the same within this time would be a key that repeats by itself.
            usleep(300_000)
            self.lastKey = .now
            self.tmux.tmux("send-keys", key)
        }

        /// To the Overview, with nothing filtered in the other views.
        private func goBack() {
            for view in ["5", "2"] {
                for key in [view, "f", "C-u", "Enter"] { self.press(key) }
            }
            self.press("U")
            self.press("1")
        }
    }
}
