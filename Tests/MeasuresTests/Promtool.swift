import Foundation

/// What Prometheus itself says of what we give it: Debian's package prometheus has the tool.
enum Promtool {
    static let path = "/usr/bin/promtool"
    static var isThere: Bool { FileManager.default.isExecutableFile(atPath: self.path) }

    /// - Returns: its exit status and all that it said.
    static func run(_ arguments: [String], input: String = "") throws -> (status: Int32, words: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: self.path)
        process.arguments = arguments
        let (standardInput, output) = (Pipe(), Pipe())
        process.standardInput = standardInput
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try standardInput.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try standardInput.fileHandleForWriting.close()
        let words = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: words, as: UTF8.self))
    }
}
