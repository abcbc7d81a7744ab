/// The fields that a submission server adds to a header that lacks them (RFC 6409 §8.1, §8.3).
public struct SubmissionFields: Sendable {
    public var hostname: String
    public var id: QueueID
    public var now: Timestamp

    public init(hostname: String, id: QueueID, now: Timestamp) {
        self.hostname = hostname
        self.id = id
        self.now = now
    }

    /// - Returns: whole lines with CRLF, to stand before the message; empty when nothing is missing. Where the message has
    ///   no header at all, an empty line keeps its text from becoming one.
    public func missing(in header: MessageHeader) -> String {
        var lines = ""
        if header.values(of: "Date").isEmpty { lines += "Date: \(self.now.rfc5322)\r\n" }
        if header.values(of: "Message-ID").isEmpty { lines += "Message-ID: <\(self.id)@\(self.hostname)>\r\n" }
        return header.startsWithText ? lines + "\r\n" : lines
    }
}
