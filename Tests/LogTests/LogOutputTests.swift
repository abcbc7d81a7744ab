import Foundation
import Logging
import Relay
import Testing

@testable import hoptop

@Suite("where the log goes", .timeLimit(.minutes(2)))
struct LogOutputTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-test-\(UUID())").path
    init() throws { try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true) }

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: "\(self.folder)/\(name)", encoding: .utf8)
    }
    private func output(_ file: String, _ level: Logger.Level = .info, _ levels: [LogPart: Logger.Level] = [:]) throws
        -> LogOutput
    { try LogOutput(LogConfiguration(level: level, levels: levels, format: .text, file: file)) }

    @Test("each part has its level, and another one behind a reload")
    func levels() throws {
        defer { try? FileManager.default.removeItem(atPath: self.folder) }
        let output = try self.output("\(self.folder)/log", .warning, [.reception: .debug])
        let (main, reception) = (output.logger, output.logger.of(.reception))
        main.info("no")
        main.warning("yes")
        reception.debug("yes", metadata: ["a": "b"])
        reception.trace("no")
        try output.reload(LogConfiguration(level: .info, format: .json, file: "\(self.folder)/log"))
        main.info("behind it")
        reception.debug("no")
        output.writer.flush(within: 60)
        let lines = try self.text("log").split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines.first?.hasSuffix(" warning yes") == true)
        #expect(lines.dropFirst().first?.hasSuffix(" debug yes a=b") == true)
        #expect(lines.last?.contains("\"event\":\"behind it\"") == true)
        #expect(lines.last?.contains("\"part\":\"main\"") == true)
    }

    @Test("a file that was moved away is made anew, and none of its lines is lost")
    func rotation() throws {
        defer { try? FileManager.default.removeItem(atPath: self.folder) }
        let output = try self.output("\(self.folder)/log")
        for number in 0..<100 { output.logger.info("before \(number)") }
        output.writer.flush(within: 60)
        try FileManager.default.moveItem(atPath: "\(self.folder)/log", toPath: "\(self.folder)/log.1")
        output.logger.info("still there")
        output.writer.flush(within: 60)
        try output.reopen()
        output.logger.info("behind")
        output.writer.flush(within: 60)
        #expect(try self.text("log.1").split(separator: "\n").count == 101)
        #expect(try self.text("log").hasSuffix(" info behind\n"))
        let mode = try FileManager.default.attributesOfItem(atPath: "\(self.folder)/log")[.posixPermissions] as? Int
        #expect(mode == 0o640)
    }

    @Test("what a full disk does not take is counted, and the log goes on when there is room")
    func full() async throws {
        defer { try? FileManager.default.removeItem(atPath: self.folder) }
        let output = try self.output("/dev/full")
        for _ in 0..<5 {
            output.logger.info("lost")
            output.writer.flush(within: 60)
        }
        await output.writer.writeAll("lost too\n")
        output.writer.flush(within: 60)
        try output.reload(LogConfiguration(file: "\(self.folder)/log"))
        output.logger.info("there")
        output.writer.flush(within: 60)
        let lines = try self.text("log").split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.contains { $0.hasSuffix(" info there") })
        #expect(lines.contains { $0.hasSuffix(" warning log lines were dropped: 6") }, "\(lines)")
    }

    @Test("a file that cannot be written is said, and the old one goes on")
    func unwritable() throws {
        defer { try? FileManager.default.removeItem(atPath: self.folder) }
        let output = try self.output("\(self.folder)/log")
        let wrong = LogConfiguration(level: .error, file: "\(self.folder)/none/log")
        let failure = #expect(throws: Failure.self) { try output.reload(wrong) }
        #expect(
            failure?.description == "log.file: \(self.folder)/none/log cannot be written: No such file or directory")
        output.logger.info("as before")
        output.writer.flush(within: 60)
        #expect(try self.text("log").hasSuffix(" info as before\n"))
    }
}
