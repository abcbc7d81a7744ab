// What a line is, for whoever looks at dialogues.

extension TranscriptLine {
    /// Whether the client says this, in lower case.
    public func begins(_ command: String) -> Bool {
        self.speaker == .client && self.text.prefix(command.count).lowercased() == command
    }

    /// The first digit of the reply that the line is or belongs to (RFC 5321 §4.2.1).
    public var severity: Character? {
        guard self.speaker == .server, self.text.prefix(3).count == 3, self.text.prefix(3).allSatisfy(\.isNumber)
        else { return nil }
        return self.text.first
    }

    /// A refusal: 4yz or 5yz.
    public var isError: Bool { self.severity == "4" || self.severity == "5" }

    /// Another line of the same reply follows (RFC 5321 §4.2.1).
    public var continues: Bool { self.severity != nil && self.text.dropFirst(3).first == "-" }

    /// Stands for the content, of which a dialogue has the size only.
    public var isContent: Bool { self.speaker == .client && self.text.hasPrefix("[content") }

    /// Ends a transaction, or the session (RFC 5321 §4.1.1.5, §4.1.1.10).
    public var isLeave: Bool { self.begins("rset") || self.begins("quit") }

    static let capabilityMark = "S capability "

    /// The line without what differs from one time to the next.
    ///
    /// - Parameter isCapability: it belongs to the reply to EHLO (RFC 5321 §4.1.1.1).
    func key(isCapability: Bool) -> String {
        switch self.speaker {
        case .client: return "C " + self.commandKey
        case .server:
            guard isCapability, self.severity == "2" else {
                return "S \(self.continues ? "-" : " ")" + ReplyFingerprint(of: self.text).text
            }
            // A number among its words is a limit, which may change.
            let words = self.text.dropFirst(4).split(separator: " ").map { word in
                word.allSatisfy { $0.isASCII && $0.isNumber } ? "*" : word.uppercased()
            }
            // The first of them is the host's name, which may be another one of the same hosts.
            let isGreeting = words.first?.contains(".") == true
            return Self.capabilityMark + (isGreeting ? "" : words.joined(separator: " "))
        case .relay:
            let word = self.text.prefix { $0 != " " }
            return "* " + (word == "connected" ? String(word) : ReplyFingerprint(of: self.text).text)
        }
    }

    /// The verb, and the names of its parameters with what is no number.
    private var commandKey: String {
        if self.isContent { return "content" }
        let words = self.text.split(separator: " ")
        guard let verb = words.first?.uppercased() else { return "" }
        switch verb {
        case "MAIL", "RCPT":
            let parameters = words.drop { !$0.contains(">") }.dropFirst().map { word in
                let parts = word.split(separator: "=", maxSplits: 1)
                let value = parts.count > 1 && !parts[1].allSatisfy(\.isNumber) ? "=\(parts[1].uppercased())" : ""
                return (parts.first?.uppercased() ?? "") + value
            }
            return ([verb] + parameters).joined(separator: " ")
        case "AUTH": return words.prefix(2).map { $0.uppercased() }.joined(separator: " ")
        case "BDAT": return words.count > 2 ? "BDAT LAST" : "BDAT"
        default: return verb
        }
    }
}
