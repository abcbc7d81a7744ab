import SMTP

/// What a reply says, made once for all the recipients that it is for.
struct ReplyWords {
    private var last: (reply: Reply, text: String, remoteID: String?)?

    mutating func of(_ reply: Reply) -> (text: String, remoteID: String?) {
        if let last = self.last, last.reply == reply { return (last.text, last.remoteID) }
        let words = (reply.description, Self.queueIdentifier(in: reply))
        self.last = (reply, words.0, words.1)
        return words
    }

    /// `Ok: queued as 4Q7K`, `OK id=1abc-…`, `Message accepted for delivery, 4Q7K`: what the next hop calls the message.
    static func queueIdentifier(in reply: Reply) -> String? {
        let words = reply.lines.joined(separator: " ").split(separator: " ")
        for (index, word) in words.enumerated() {
            let lower = word.lowercased()
            if lower == "as", index > 0, words[index - 1].lowercased() == "queued", index + 1 < words.count {
                return Self.identifier(words[index + 1])
            }
            if lower.hasPrefix("id=") { return Self.identifier(word.dropFirst(3)) }
        }
        return nil
    }

    private static func identifier(_ word: Substring) -> String? {
        let name = word.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" || $0 == ".") }
        return name.isEmpty || name.utf8.count > 128 ? nil : String(name)
    }
}
