import NIOCore

/// What a transcript may hold of a client's lines: whatever may be a password is left out, and only how long it was is told.
struct CommandMask: Sendable {
    /// Names that are no secret, also where the mechanism is not offered; anything else there may be a password.
    private static let mechanisms: Set<String> = [
        "PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256",
        "SCRAM-SHA-256-PLUS", "XOAUTH2", "OAUTHBEARER", "EXTERNAL", "ANONYMOUS", "GSSAPI", "NTLM",
    ]
    /// Octets of a line that are shown.
    private static let limit = 1000

    /// The last command was AUTH, and what is no command may be a secret.
    private(set) var isBehindAUTH = false

    /// A command line as it may be shown, as hostile as it was.
    ///
    /// - Parameter mechanisms: that the session offers.
    mutating func shown(_ line: ByteBuffer, mechanisms: [String]) -> String {
        let octets = line.readableBytesView
        let text = octets.drop { $0 == .space || $0 == .tab }
        let isEnd = text.dropFirst(4).first.map { $0 == .space || $0 == .tab } ?? true
        if isEnd, text.prefix(4).spells("AUTH") {
            self.isBehindAUTH = true
            return Self.redactedAUTH(text.dropFirst(4), mechanisms)
        }
        if self.isBehindAUTH {
            guard Command.isRecognized(octets) else { return Self.redacted(line) }
            self.isBehindAUTH = false
        }
        return String(decoding: octets.prefix(Self.limit), as: UTF8.self)
    }

    /// A client's line in an AUTH exchange.
    static func redacted(_ line: ByteBuffer) -> String {
        line.readableBytesView.elementsEqual([UInt8(ascii: "*")]) ? "*" : "[redacted \(line.readableBytes) octets]"
    }

    private static func redactedAUTH(_ argument: ByteBufferView, _ mechanisms: [String]) -> String {
        let words = argument.drop { $0 == .space || $0 == .tab }
        let name = words.prefix { $0 != .space && $0 != .tab }
        let mechanism = String(decoding: name.prefix(20), as: UTF8.self).uppercased()
        guard Self.mechanisms.contains(mechanism) || mechanisms.contains(mechanism) else {
            return words.isEmpty ? "AUTH" : "AUTH [redacted \(words.count) octets]"
        }
        let response = words.dropFirst(name.count).drop { $0 == .space || $0 == .tab }
        return response.isEmpty ? "AUTH \(mechanism)" : "AUTH \(mechanism) [redacted \(response.count) octets]"
    }
}
