public import NIOCore

/// What a submission server does to a header: it adds the fields that are missing (RFC 6409 §8.1, §8.3), and takes out
/// what is not for clients to write.
public struct SubmissionFields: Sendable {
    public var hostname: String
    public var id: QueueID
    public var now: Timestamp

    public init(hostname: String, id: QueueID, now: Timestamp) {
        self.hostname = hostname
        self.id = id
        self.now = now
    }

    /// - Parameter message: its beginning, as a ``TraceBoundary`` lets it through: first comes a field or an empty line. A
    ///   header that goes beyond it is one that nobody should send, and is judged by what is here.
    /// - Returns: the same with what it lacks in front, and without a Return-Path, which the delivering MTA writes
    ///   (RFC 5321 §4.4).
    public func completed(_ message: ByteBuffer) -> ByteBuffer {
        let header = MessageHeader(message)
        var lines = ""
        if header.values(of: "Date").isEmpty { lines += "Date: \(self.now.rfc5322)\r\n" }
        if header.values(of: "Message-ID").isEmpty { lines += "Message-ID: <\(self.id)@\(self.hostname)>\r\n" }
        let removed = header.ranges(of: "Return-Path")
        guard !lines.isEmpty || !removed.isEmpty else { return message }

        var completed = ByteBufferAllocator().buffer(capacity: message.readableBytes + lines.utf8.count)
        completed.writeString(lines)
        var rest = message
        for range in removed {
            let read = message.readableBytes - rest.readableBytes
            if var kept = rest.readSlice(length: range.lowerBound - read) { completed.writeBuffer(&kept) }
            rest.moveReaderIndex(forwardBy: range.count)
        }
        completed.writeBuffer(&rest)
        return completed
    }
}
