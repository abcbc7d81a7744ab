import Foundation
import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Recording
@testable import Screen

@Suite("a file that anybody may have written")
struct HostileFileTests {
    private let folder: Folder
    init() throws { self.folder = try Folder() }

    /// A file of one segment with these lines.
    private func file(_ lines: [String], at milliseconds: Int64 = ScriptedFeed.now.milliseconds) throws -> RecordingFile
    {
        var segment = Segment(offset: 0, begins: Timestamp(milliseconds: milliseconds))
        let writer = try SegmentWriter()
        let body = writer.flushed(Array((lines.joined(separator: "\n") + "\n").utf8)) + writer.ended()
        segment.length = Segment.headerOctets + body.count
        try Data(segment.header + body).write(to: URL(filePath: self.folder.file))
        return try RecordingFile(at: self.folder.file)
    }
    private static let header =
        #"{"begins":1795510800000,"nodes":["mx1"],"recording":1,"redacted":false,"rows":5000,"software":"hoptop 0.1.0"}"#
    private static let moment = #"{"moment":1795510800000,"whole":true}"#

    @Test("no recording, an empty one, and one of a later program are refused in words")
    func refused() throws {
        func words(_ data: Data) throws -> String {
            try data.write(to: URL(filePath: self.folder.file))
            do { _ = try Replay(of: RecordingFile(at: self.folder.file)) } catch { return "\(error)" }
            return "it was taken"
        }
        let path = self.folder.file
        #expect(try words(Data()) == "\(path) is no recording of hoptop: hoptop record makes one")
        #expect(try words(Data("hello".utf8)) == "\(path) is no recording of hoptop: hoptop record makes one")
        let segment = Segment(offset: 0, begins: ScriptedFeed.now)
        #expect(try words(Data(segment.header)) == "\(path) ends before anything was recorded")
        #expect(throws: RecordingError("\(path) is no recording of hoptop: its first line is none")) {
            try self.file(["hello"])
        }
        #expect(
            throws: RecordingError(
                "\(path) has format 2, and this program reads up to 1: replay it with a newer hoptop")
        ) { try self.file([#"{"recording":2,"what":"else"}"#]) }
        #expect(throws: RecordingError.self) { try RecordingFile(at: "/dev/zero") }
        #expect(throws: RecordingError.self) { try RecordingFile(at: self.folder.path) }
    }

    @Test("lines that are too long, too deep or not understood are left out, and it is said; unknown kinds are not")
    func lines() throws {
        let deep = String(repeating: "[", count: 100_000)
        let long = #"{"node":0,"departed":"\#(String(repeating: "x", count: Segment.mostLineOctets))"}"#
        let lies = [
            #"{"node":0,"queued":9223372036854775807}"#, #"{"node":0,"queued":1e300}"#, #"{"node":7,"queued":1}"#,
            #"{"node":0,"row":{}}"#, deep, long, "\u{0}\u{1}", "",
        ]
        let file = try self.file(
            [Self.header, Self.moment] + lies + [#"{"node":0,"later":{}}"#, #"{"node":0,"queued":3}"#])
        let replay = try Replay(of: file)
        #expect(replay.remark == "the recording: \(lies.count) lines cut or not understood")
        #expect(replay.picture(of: 0).picture.queued == 3)
    }

    @Test("a small file that unpacks to much is read to its bound")
    func bomb() throws {
        let line = #"{"node":0,"departed":"\#(String(repeating: "x", count: 1 << 20))"}"#
        let file = try self.file([Self.header, Self.moment] + Array(repeating: line, count: 70))
        let (moments, _) = try file.moments(of: 0)
        #expect((1..<70).contains(moments[0].changes.count))
    }

    @Test("cut anywhere, it is what came before; with octets changed anywhere, no reader breaks")
    func damaged() async throws {
        let rounds = try Rounds(ScriptedFeed.busy)
        for _ in 0..<3 { try await rounds.look() }
        try await rounds.tape.end()
        let whole = try Data(contentsOf: URL(filePath: rounds.folder.file))
        var generator = SystemRandomNumberGenerator()
        var opened = 0
        for round in 0..<300 {
            var data = whole
            if round % 2 == 0 {
                data = data.prefix(Int.random(in: 0..<data.count, using: &generator))
            } else {
                for _ in 0..<4 { data[Int.random(in: 0..<data.count, using: &generator)] = .random(in: 0...255) }
            }
            try data.write(to: URL(filePath: self.folder.file))
            guard let file = try? RecordingFile(at: self.folder.file), let replay = try? Replay(of: file) else {
                continue
            }
            opened += 1
            _ = try await replay.perform(.step(3))
            _ = try await replay.perform(.failure(isForward: false))
            _ = try? await replay.feeds[0].feed.overview()
        }
        #expect(opened > 50)
    }

    @Test("whatever the numbers in it are, every view is painted")
    func numbers() async throws {
        let rounds = try Rounds(ScriptedFeed.busy)
        try await rounds.look()
        try await rounds.tape.end()
        let lines = try rounds.text.split(separator: "\n").map(String.init)
        let numbers = ["0", "-1", "1", "999999999999999", "-999999999999999", "4294967296", "13"]
        for round in 0..<12 {
            let changed = lines.dropFirst(2).map { line in
                line.replacing(/([:\[,])-?[0-9]+/) { match in
                    Bool.random() ? String(match.1) + numbers[Int.random(in: 0..<numbers.count)] : String(match.0)
                }.replacing(/"node":-?[0-9]+/, with: "\"node\":0")
            }
            let file = try self.file(
                [Self.header, Self.moment] + changed, at: round % 2 == 0 ? 999_999_999_999_999 : -999_999_999_999_999)
            let replay = try Replay(of: file)
            var options = ScreenOptions { ScriptedFeed.now }
            options.playback = replay
            let screen = Screen(feeds: [FeedEntry(name: "mx1", feed: replay.feeds[0].feed)], options: options)
            await screen.start()
            await screen.settled()
            let keys: [Key] = [
                "2", .enter, "i", .escape, "t", .escape, "3", "e", .enter, .escape, "1", .tab, .enter, "b",
            ]
            for key in keys {
                await screen.press(key)
                await screen.settled()
                _ = await screen.canvas
            }
        }
    }
}
