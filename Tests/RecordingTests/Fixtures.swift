import Foundation
import Mail
import Monitor
import Synchronization

@testable import FeedTesting
@testable import Recording

/// A folder that goes with its test.
final class Folder {
    let path = FileManager.default.temporaryDirectory.appending(path: "recording-\(UUID().uuidString)").path
    init() throws { try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: self.path) }
    var file: String { self.path + "/incident.hoptop" }
}

/// Time that a test lets pass.
final class TestClock: Sendable {
    private let passed = Atomic<Int64>(0)
    var now: Timestamp { ScriptedFeed.now.adding(milliseconds: self.passed.load(ordering: .relaxed)) }
    func pass(_ milliseconds: Int64) { self.passed.add(milliseconds, ordering: .relaxed) }
}

/// Looks at a feed when it is told to, and writes down what it sees.
struct Rounds {
    let clock = TestClock()
    let folder: Folder
    let tape: Tape
    let recorder: NodeRecorder

    init(_ feed: any MonitorFeed, rows: Int = 5000, size: Int = .max, redactor: sending Redactor? = nil) throws {
        self.folder = try Folder()
        let header = RecordingHeader(
            software: "hoptop 0.1.0", nodes: ["mx1"], begins: ScriptedFeed.now, isRedacted: redactor != nil, rows: rows)
        let writer = try RecordingWriter(at: self.folder.file, header, limit: size, redactor: redactor)
        self.tape = Tape(writer, nodes: 1, clock: { [clock] in clock.now })
        self.recorder = NodeRecorder(feed, node: 0, rows: rows, tape: self.tape)
    }

    /// A second goes by, and all is looked at.
    @discardableResult
    func look() async throws -> Bool {
        let hasRoom = try await self.recorder.round(isLast: true)
        self.clock.pass(1000)
        return hasRoom
    }

    /// What was recorded, from its beginning.
    func replay() throws -> Replay { try Replay(of: RecordingFile(at: self.folder.file), wall: { ScriptedFeed.now }) }

    /// The lines that are in the file.
    var text: String { get throws { try Self.text(of: self.folder.file) } }

    static func text(of file: String) throws -> String {
        let zcat = Process()
        zcat.executableURL = URL(filePath: "/bin/sh")
        // What is cut off is no reason to say nothing.
        zcat.arguments = ["-c", "zcat < '\(file)' 2>/dev/null || true"]
        let pipe = Pipe()
        zcat.standardOutput = pipe
        try zcat.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        zcat.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
