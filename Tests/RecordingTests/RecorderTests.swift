import Foundation
import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Recording

@Suite("a recorder")
struct RecorderTests {
    private static let all = WindowRequest<MessageRef>(.row(number: 0), count: 10_000)

    @Test("its file is new, its owner's alone, and of lines that zcat prints")
    func file() async throws {
        let rounds = try Rounds(ScriptedFeed.busy)
        try await rounds.look()
        try await rounds.tape.end()
        let mode = try FileManager.default.attributesOfItem(atPath: rounds.folder.file)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        for line in try rounds.text.split(separator: "\n") {
            _ = try JSONSerialization.jsonObject(with: Data(line.utf8))
        }
        #expect(throws: RecordingError("\(rounds.folder.file) is there already: name another file, or remove it")) {
            try Recorder([("mx1", ScriptedFeed())], to: rounds.folder.file, .init(software: "hoptop 0.1.0"))
        }
    }

    @Test("only what changed is written down")
    func changes() async throws {
        let feed = ScriptedFeed.busy
        let rounds = try Rounds(feed)
        try await rounds.look()
        let before = try rounds.text.split(separator: "\n").count
        feed.write { $0.rows[1].tries = 7 }
        try await rounds.look()
        let lines = try rounds.text.split(separator: "\n").dropFirst(before)
        let kinds = lines.compactMap { line in
            (try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?.keys.filter { $0 != "node" }
                .sorted()
        }
        #expect(kinds == [["moment"], ["overview"], ["row"]])
    }

    @Test("what was looked at is in the file, although it was never ended, and that is said")
    func killed() async throws {
        let feed = ScriptedFeed.busy
        let rounds = try Rounds(feed)
        try await rounds.look()
        let row = feed.queued("4Q9X", from: "ann@example.net", to: "bob@example.org")
        let detail = feed.detail(row, [.queued])
        feed.write { $0.details["4Q9X"] = detail }
        try await rounds.look()
        let replay = try rounds.replay()
        #expect(replay.remark == "the recording: it was not ended by its recorder")
        _ = try await replay.perform(.go(to: replay.position.ends))
        #expect(try await replay.feeds[0].feed.queue(QueueQuery(), window: Self.all).matched == 4)
    }

    @Test(
        "of a long queue so many rows are recorded as are wanted, of several orders, and how many there were is known")
    func bound() async throws {
        let feed = ScriptedFeed()
        for number in 0..<2500 {
            feed.queued("4Q\(number)", from: "ann@example.net", to: "bob@example.org", age: Int64(number))
        }
        let rounds = try Rounds(feed, rows: 1200)
        try await rounds.look()
        try await rounds.tape.end()
        let window = try await rounds.replay().feeds[0].feed.queue(QueueQuery(), window: Self.all)
        #expect((800...1200).contains(window.matched))
        #expect(window.total == 2500)
        #expect(window.rows.first?.ref.id == "4Q2499")
        #expect(window.rows.last?.ref.id == "4Q0")
    }

    @Test("it ends when the file has its size, and what is in it can be replayed, wherever one jumps to")
    func full() async throws {
        let feed = ScriptedFeed()
        let rounds = try Rounds(feed, size: 400_000)
        var looks: Int64 = 0
        while try await rounds.look() {
            looks += 1
            feed.write { $0.rows = [] }
            for number in 0..<400 {
                let id = "4Q\(looks)X\(number)"
                feed.queued(id, from: "\(UUID())@example.net", to: "\(UUID())@example.org", octets: Int(looks))
            }
        }
        try await rounds.tape.end()
        let file = try RecordingFile(at: rounds.folder.file)
        #expect(file.segments.count > 3)
        #expect(file.segments.allSatisfy { $0.length != nil })
        let replay = try Replay(of: file)
        // The scripted node knows none of these messages by its ID, and nothing else is missing.
        let missing = /the recording: without [0-9,]+ messages: its node was too busy to ask/
        #expect(try missing.wholeMatch(in: replay.remark ?? "") != nil)
        for look in [looks - 1, 1, looks / 2, looks / 2 + 1, 2] {
            _ = try await replay.perform(.go(to: ScriptedFeed.now.adding(milliseconds: look * 1000)))
            let rows = try await replay.feeds[0].feed.queue(QueueQuery(), window: Self.all).rows
            #expect(rows.count == 400)
            #expect(rows.allSatisfy { $0.contentOctets == Int(look) }, "\(look)")
        }
        // Backwards over the seams of segments, step by step.
        _ = try await replay.perform(.go(to: replay.position.ends))
        var steps: Int64 = 0
        while try await replay.perform(.step(-1)) == nil { steps += 1 }
        #expect(steps >= looks)
        #expect(replay.position.at == replay.position.begins)
        #expect(try await replay.perform(.step(-1)) == "nothing changed before")
    }

    @Test("it goes on until its task ends, and looks once more then")
    func cancelled() async throws {
        let folder = try Folder()
        let feed = ScriptedFeed.busy
        let recorder = try Recorder([("mx1", feed)], to: folder.file, .init(software: "hoptop 0.1.0"))
        let recording = Task { try await recorder.run() }
        while await recorder.content.begins == nil { try await Task.sleep(for: .milliseconds(5)) }
        feed.queued("4Q9X", from: "ann@example.net", to: "bob@example.org")
        recording.cancel()
        #expect(try await recording.value == false)
        let replay = try Replay(of: RecordingFile(at: folder.file))
        _ = try await replay.perform(.go(to: replay.position.ends))
        #expect(try await replay.feeds[0].feed.queue(QueueQuery(), window: Self.all).matched == 4)
        #expect(await recorder.content.messages.count == 3)
    }
}
