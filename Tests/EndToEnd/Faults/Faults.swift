import Foundation
import Glibc
import SMTP

@testable import hoptop

/// Makes the disk of a program under test fail, by a library that is preloaded into it.
final class Faults {
    private let folder: TemporaryFolder
    private var library: String { "\(self.folder.path)/faults.so" }
    private var switchFile: String { "\(self.folder.path)/fault" }

    var environment: [String: String] { ["LD_PRELOAD": self.library, "HOPTOP_FAULT": self.switchFile] }

    init() throws {
        self.folder = try TemporaryFolder()
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("faults.c").path
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = ["cc", "-shared", "-fPIC", "-o", self.library, source, "-ldl"]
        try compiler.run()
        compiler.waitUntilExit()
        guard compiler.terminationStatus == 0 else { throw Failure("\(source) does not compile") }
    }

    /// From now on writes fail so.
    func fail(with code: CInt) throws {
        try "\(code)".write(toFile: self.switchFile, atomically: true, encoding: .utf8)
    }
    /// From now on writes wait.
    func stall() throws { try "".write(toFile: self.switchFile, atomically: true, encoding: .utf8) }
    /// From now on writes work.
    func end() { unlink(self.switchFile) }
}

extension Server {
    /// Starts it on a disk that does what `faults` say.
    convenience init(spool: String, configuration: String = "/dev/null", faults: Faults) throws {
        try self.init(
            spool: spool, configuration: configuration, environment: faults.environment, until: .ready, [])
    }

    /// From now on it may have so many files and sockets open.
    func limitDescriptors(to number: UInt) throws {
        var limit = rlimit(rlim_cur: number, rlim_max: number)
        guard prlimit(self.processIdentifier, RLIMIT_NOFILE, &limit, nil) == 0 else {
            throw Failure("the limit on descriptors cannot be set: \(String(cString: strerror(errno)))")
        }
    }

    /// The reply code that a message gets; `nil` when the server hung up.
    func answer(to id: String, octets: Int = 0) async throws -> ReplyCode? {
        do {
            try await self.send(id, to: "bob@there.example", octets: octets)
            return 250
        } catch let refused as hoptop.PlainClient.Refused { return refused.reply?.code }
    }
}
