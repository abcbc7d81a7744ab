import Foundation
import Relay

@testable import hoptop

/// Certificates of the tests, made with openssl, which signs them with their own key.
struct Certificate {
    let files: TLSFiles

    /// - Parameters:
    ///   - folder: where its files go.
    ///   - name: of the host that it is for.
    ///   - aliases: its other names.
    ///   - hasExpired: it was good until yesterday.
    ///   - isAuthority: it stands for itself where it is believed.
    init(
        for name: String, aliases: [String] = [], hasExpired: Bool = false, isAuthority: Bool = false, in folder: String
    ) throws {
        let path = "\(folder)/\(UUID())"
        self.files = TLSFiles(certificate: "\(path).pem", key: "\(path).key")
        let names = ([name] + aliases).map { "DNS:\($0)" }.joined(separator: ",")
        let extensions = "subjectAltName=\(names)\n" + (isAuthority ? "basicConstraints=critical,CA:TRUE\n" : "")
        try extensions.write(toFile: "\(path).ext", atomically: true, encoding: .utf8)
        try Self.openssl(
            ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=\(name)"]
                + ["-keyout", self.files.key, "-out", "\(path).csr"])
        try Self.openssl(
            ["x509", "-req", "-in", "\(path).csr", "-signkey", self.files.key, "-out", self.files.certificate]
                + ["-extfile", "\(path).ext", "-days", hasExpired ? "-1" : "2"])
    }

    private static func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure("openssl failed: \(arguments)") }
    }
}
