import Foundation
import Glibc
import SMTP

@testable import hoptop

/// Makes the disk of a program under test fail, by a library that is preloaded into it.
final class Faults {
    private let folder: TemporaryFolder
    private var switchFile: String { "\(self.folder.path)/fault" }

    var environment: [String: String] {
        ["LD_PRELOAD": "\(Program.folder)/libDiskFaults.so", "HOPTOP_FAULT": self.switchFile]
    }

    init() throws { self.folder = try TemporaryFolder() }

    /// From now on writes fail so.
    func fail(with code: CInt) throws {
        try "\(code)".write(toFile: self.switchFile, atomically: true, encoding: .utf8)
    }
    /// From now on writes wait.
    func stall() throws { try "".write(toFile: self.switchFile, atomically: true, encoding: .utf8) }
    /// From now on writes wait, until one of them is interrupted.
    func stallUntilInterrupted() throws { try self.fail(with: EINTR) }
    /// From now on writes work.
    func end() { unlink(self.switchFile) }
}

extension Server {
    /// Starts it on a disk that does what `faults` say.
    convenience init(spool: String, configuration: String = "/dev/null", faults: Faults) throws {
        try self.init(
            spool: spool, configuration: configuration, environment: faults.environment, until: .ready, [])
    }

    /// From now on it may have so many more files and sockets open.
    func limitDescriptors(to more: Int) throws {
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(self.processIdentifier)/fd")
        let number = open.count + more
        let command = try Process.run(
            URL(fileURLWithPath: "/usr/bin/env"),
            arguments: ["prlimit", "--pid", "\(self.processIdentifier)", "--nofile=\(number)"])
        command.waitUntilExit()
        guard command.terminationStatus == 0 else { throw Failure("the limit on descriptors cannot be set") }
    }

    /// The reply code that a message gets; `nil` when the server hung up.
    func answer(to id: String, octets: Int = 0) async throws -> ReplyCode? {
        do {
            try await self.send(id, to: "bob@there.example", octets: octets)
            return 250
        } catch let refused as hoptop.PlainClient.Refused { return refused.reply?.code }
    }
}
