import Foundation
import Relay

/// A key and a certificate for it, in a folder that goes with the test.
final class Certificate: Sendable {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-test-\(UUID())")
    var files: TLSFiles {
        TLSFiles(
            certificate: self.folder.appendingPathComponent("cert.pem").path,
            key: self.folder.appendingPathComponent("key.pem").path)
    }

    init() throws {
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        let openssl = Process()
        openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        openssl.arguments =
            ("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
            + " -out cert.pem -keyout key.pem").split(separator: " ").map(String.init)
        openssl.currentDirectoryURL = self.folder
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
    }
    deinit { try? FileManager.default.removeItem(at: self.folder) }
}

/// Whether it becomes so within half a minute.
func eventually(_ condition: () -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < end {
        if condition() { return true }
        try await Task.sleep(for: .milliseconds(20))
    }
    return false
}
