import Foundation
import Glibc
import Mail
import Monitor
import Recording
import Screen
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("recordings", .timeLimit(.minutes(5)))
    struct RecordTests {
        private let folder: TemporaryFolder
        private var spool: String { "\(self.folder.path)/spool" }
        private var socket: String { "\(self.spool)-run/hoptop/control.sock" }
        private var file: String { "\(self.folder.path)/incident.hoptop" }
        init() throws { self.folder = try TemporaryFolder() }

        private func recorder(_ words: String = "") throws -> Tmux {
            let record = "LANG=C.UTF-8 \(Program.path) record \(self.file) --to \(self.socket) \(words)"
            return Tmux("sh -c \"\(record); echo status \\$?; cat\"", in: try TemporaryFolder(), columns: 100)
        }
        private func screen(_ words: String) throws -> Tmux {
            Tmux("sh -c \"LANG=C.UTF-8 \(Program.path) \(words); cat\"", in: try TemporaryFolder(), columns: 100)
        }

        @Test("what was recorded in one terminal is the same screen in another when the relay is long gone")
        func sameScreen() async throws {
            let server = try Server(spool: self.spool)
            let recorder = try self.recorder()
            #expect(try await recorder.sees("recording mx.example.net"))
            for number in 0..<3 { try await server.send("<\(number)@test>", to: "bob\(number)@example.org") }
            let live = try self.screen("attach --to \(self.socket) --clock off")
            #expect(try await live.sees("3 queued"))
            #expect(try await recorder.sees("3 messages"))
            Glibc.kill(try await recorder.program(), SIGINT)
            #expect(try await recorder.sees("watch it with: hoptop replay"))
            #expect(try await recorder.sees("status 0"))
            live.press("2")
            #expect(try await live.sees("bob0@example.org"))
            let rows = { (screen: String) in
                screen.split(separator: "\n").filter { $0.contains("@example.org") || $0.contains("no route") }
                    // The age goes on.
                    .map { $0.replacing(#/ +[0-9]+(s|m[0-9]+)/#, with: " AGE") }
            }
            let seen = rows(live.screen)
            #expect(seen.count >= 3)
            #expect(server.end(with: SIGTERM) == 0)

            let replay = try self.screen("replay \(self.file) --at end --paused")
            #expect(try await replay.sees("REPLAY at its end"))
            replay.press("2")
            #expect(try await replay.sees("bob0@example.org"))
            #expect(try await eventually { rows(replay.screen) == seen })
            replay.press("Enter")
            #expect(try await replay.sees("Hops"))
            #expect(try await replay.sees("Subject  <"))
            replay.press("Escape", "d")
            #expect(try await replay.sees("nothing can be changed"))
            replay.press(":")
            replay.type("goto start")
            #expect(try await replay.sees("0 queued"))
            replay.press("]")
            #expect(try await replay.sees("REPLAY paused"))
        }

        @Test("kill -9 of the recorder leaves what it saw, and that it was not ended is said")
        func killed() async throws {
            let server = try Server(spool: self.spool)
            let recorder = try self.recorder()
            try await server.send("<1@test>", to: "bob@example.org")
            #expect(try await recorder.sees("1 message"))
            Glibc.kill(try await recorder.program(), SIGKILL)
            #expect(try await recorder.sees("status 137"))
            let replayed = try Program.run("replay", self.file, "--once", "queue")
            #expect(replayed.status == 0)
            #expect(replayed.output.contains("bob@example.org"))
            #expect(replayed.errors == "hoptop: the recording: it was not ended by its recorder\n")
        }

        @Test("a relay that is killed is silent in the recording, and the recorder goes on when it is back")
        func restarted() async throws {
            let first = try Server(spool: self.spool)
            let recorder = try self.recorder("--for 60s")
            try await first.send("<1@test>", to: "bob@example.org")
            #expect(try await recorder.sees("1 message"))
            _ = first.end(with: SIGKILL)
            try await Task.sleep(for: .seconds(2))
            let second = try Server(spool: self.spool)
            try await second.send("<2@test>", to: "bob@example.org")
            #expect(try await recorder.sees("2 messages"))
            Glibc.kill(try await recorder.program(), SIGINT)
            #expect(try await recorder.sees("status 0"))
            let replay = try Replay(of: RecordingFile(at: self.file))
            let words = try await replay.perform(.failure(isForward: true))
            #expect(words?.hasPrefix("the node does not answer: ") == true)
            _ = try await replay.perform(.go(to: replay.position.ends))
            #expect(try await replay.feeds[0].feed.overview().queuedMessages == 2)
        }

        @Test("the demo, recorded until it is quiet, is the same in every view of every relay")
        func demo() async throws {
            let ledger = Ledger()
            let chain = try await DemoChain.start(in: "\(self.folder.path)/demo", ledger: ledger)
            let feeds = chain.feeds
            var options = Recorder.Options(software: "hoptop")
            options.rows = 1000
            let recorder = try Recorder(feeds.map { ($0.name, $0.feed) }, to: self.file, options)
            let recording = Task { try await recorder.run() }
            let traffic = Traffic(to: try chain.entrance, rate: 10, seed: 7, ledger: ledger)
            let running = Task { await traffic.run() }
            try await Task.sleep(for: .seconds(5))
            running.cancel()
            await running.value
            // Nothing is on its way any more.
            #expect(
                try await eventually {
                    for entry in feeds {
                        let overview = try await entry.feed.overview()
                        guard overview.queuedMessages + overview.sessionsIn + overview.sessionsOut == 0 else {
                            return false
                        }
                    }
                    return true
                })
            try await Task.sleep(for: .seconds(1))
            recording.cancel()
            #expect(try await recording.value == false)

            let replay = try Replay(of: RecordingFile(at: self.file))
            #expect(replay.remark == nil)
            _ = try await replay.perform(.go(to: replay.position.ends))
            let now = replay.position.at
            for (entry, replayed) in zip(feeds, replay.feeds) {
                let live = try await self.pictures(entry.feed, at: now)
                let again = try await self.pictures(replayed.feed, at: now)
                for (one, other) in zip(live, again) { #expect(one == other, "\(entry.name)") }
            }
            await chain.stop(within: 1)
        }

        /// Views, and what can be opened from them, without what is different on purpose: header, status and keys.
        private func pictures(_ feed: any MonitorFeed, at now: Timestamp) async throws -> [String] {
            var options = ScreenOptions { now }
            options.columns = 120
            options.rows = 36
            let screen = Screen(feeds: [FeedEntry(name: "node", feed: feed)], options: options)
            await screen.start()
            await screen.settled()
            var pictures: [String] = []
            let keys: [Key] = ["2", "3", "e", "1", .tab, .enter, "i", .escape, "t", .escape, .escape]
            for key in keys {
                await screen.press(key)
                await screen.settled()
                let lines = await screen.canvas.text.split(separator: "\n", omittingEmptySubsequences: false)
                // The bars of the last minute go on by the clock, which a recording does not stop.
                pictures.append(
                    lines.dropFirst().dropLast(4).map { line in
                        // What is recorded are facts, which do not say how a session was protected.
                        line.replacing(", plaintext", with: "").replacing(#/[▁▂▃▄▅▆▇█ ]+/#, with: " ")
                    }
                    .joined(separator: "\n"))
            }
            return pictures
        }

        @Test("what cannot be recorded or replayed is an error of one line")
        func mistakes() throws {
            let none = try Program.run("replay", "\(self.folder.path)/none")
            #expect(none.status == 1)
            #expect(none.errors == "hoptop: \(self.folder.path)/none cannot be opened: No such file or directory\n")
            try "hello".write(toFile: self.file, atomically: true, encoding: .utf8)
            #expect(
                try Program.run("replay", self.file).errors
                    == "hoptop: \(self.file) is no recording of hoptop: hoptop record makes one\n")
            #expect(try Program.run("record", self.file, "--to", "\(self.folder.path)/none").status == 1)
            #expect(try Program.run("record", self.file, "--for", "soon").status == 64)
            #expect(try Program.run("replay", self.file, "--speed", "0").status == 64)
            #expect(try String(contentsOfFile: self.file, encoding: .utf8) == "hello")
        }
    }
}
