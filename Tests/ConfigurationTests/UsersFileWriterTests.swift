import Foundation
import SASL
import Testing

@testable import hoptop

@Suite("hoptop passwd: the users file")
struct UsersFileWriterTests {
    private let folder: String
    private var path: String { "\(self.folder)/users" }
    private let line = "ann:" + Self.password
    private static let password =
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        + "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

    init() throws {
        self.folder = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-test-\(UUID())").path
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
    }

    private func put(_ text: String) throws {
        try text.write(toFile: self.path, atomically: false, encoding: .utf8)
    }
    private func text() throws -> String { try String(contentsOfFile: self.path, encoding: .utf8) }
    private func mode() throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: self.path)[.posixPermissions] as? Int
    }
    private func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self.folder).sorted()
    }

    @Test("a new file is for its owner alone")
    func new() throws {
        defer { try? FileManager.default.removeItem(atPath: self.folder) }
        try UsersFileWriter.change(self.path) { _ in self.line + "\n" }
        #expect(try self.text() == self.line + "\n")
        #expect(try self.mode() == 0o600)
        #expect(try self.files() == ["users"])
    }

    @Test(
        "a file that the group reads stays so, and the world is shut out",
        arguments: [(0o640, 0o640), (0o644, 0o640), (0o666, 0o640), (0o600, 0o600), (0o400, 0o600)])
    func mode(of old: Int, becomes new: Int) throws {
        defer { try? FileManager.default.removeItem(atPath: self.folder) }
        try self.put("# ours\n")
        try FileManager.default.setAttributes([.posixPermissions: old], ofItemAtPath: self.path)
        let ann = try #require(PreparedString("ann"))
        let password = try StoredPassword(text: Self.password)
        try UsersFileWriter.change(self.path) { file in file.text(replacing: ann, with: password) }
        #expect(try self.text() == "# ours\n\(self.line)\n")
        #expect(try self.mode() == new)
    }

    @Test("a symbolic link stays one")
    func link() throws {
        defer { try? FileManager.default.removeItem(atPath: self.folder) }
        try self.put("")
        try FileManager.default.createSymbolicLink(atPath: "\(self.folder)/link", withDestinationPath: "users")
        try UsersFileWriter.change("\(self.folder)/link") { _ in self.line + "\n" }
        #expect(try self.text() == self.line + "\n")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(self.folder)/link") == "users")
    }

    @Test("a mistake in the file, or a change that fails, leaves it as it was")
    func failure() throws {
        defer { try? FileManager.default.removeItem(atPath: self.folder) }
        try self.put("bob\n")
        let mistake = #expect(throws: Failure.self) { try UsersFileWriter.change(self.path) { _ in self.line } }
        #expect(mistake?.description.hasPrefix("\(self.path):1: not name:password") == true)
        #expect(try self.text() == "bob\n")

        try self.put("# ours\n")
        let refusal = #expect(throws: Failure.self) {
            try UsersFileWriter.change(self.path) { _ throws(Failure) in throw Failure("no") }
        }
        #expect(refusal?.description == "no")
        #expect(try self.text() == "# ours\n")
        #expect(try self.files() == ["users"])
    }

    @Test("what cannot be written says so in one line")
    func unwritable() {
        defer { try? FileManager.default.removeItem(atPath: self.folder) }
        let missing = #expect(throws: Failure.self) { try UsersFileWriter.change("/nowhere/users") { _ in "" } }
        #expect(missing?.description == "/nowhere cannot be opened: No such file or directory")
        let folder = #expect(throws: Failure.self) { try UsersFileWriter.change(self.folder) { _ in "" } }
        #expect(folder?.description == "\(self.folder) is no ordinary file")
    }
}
