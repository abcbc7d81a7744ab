import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A conversation in `Transcripts/`, from the greeting on.
struct TranscriptFile {
    var text: String

    struct Missing: Error { var path: String }

    static func load(_ name: String, from file: String = #filePath) throws -> TranscriptFile {
        let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let path = "\(folder)/Transcripts/\(name).smtp"
        guard let stream = fopen(path, "r") else { throw Missing(path: path) }
        defer { fclose(stream) }
        var octets: [UInt8] = []
        while case let octet = getc(stream), octet != EOF { octets.append(UInt8(octet)) }
        return TranscriptFile(text: String(decoding: octets, as: UTF8.self))
    }

    func expect(of party: ServerParty, sourceLocation: SourceLocation = #_sourceLocation) {
        party.expect(after: .connected, self.text, sourceLocation: sourceLocation)
    }
}
