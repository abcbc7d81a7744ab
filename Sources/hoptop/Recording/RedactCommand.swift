import ArgumentParser
import Monitor
import Recording

struct RedactCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redact", abstract: "Replace names and content in a recording, for sharing.",
        discussion: """
            Makes another file of one that hoptop record made, with addresses, hosts, IP addresses and names replaced, the same \
            always by the same, and without subjects and texts: what --redact of hoptop record does while it records. Queue \
            IDs, times, sizes, and the words of replies stay. Read what you share: a text may name somebody in words of its own.

            EXAMPLE
              hoptop redact incident.hoptop public.hoptop
            """)

    @Argument(help: ArgumentHelp("The recording.", valueName: "file"), completion: .file())
    var file: String
    @Argument(help: ArgumentHelp("The file to make.", valueName: "copy"), completion: .file())
    var new: String

    func run() throws {
        do {
            let octets = try RedactedCopy.make(of: try RecordingFile(at: self.file), at: self.new)
            print("\(self.new): \(Format.octetsLong(octets))")
        } catch { throw Failure(error) }
    }
}
