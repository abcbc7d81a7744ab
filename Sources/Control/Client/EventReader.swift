import NIOCore

/// Server-sent events out of octets, however they are cut (HTML Living Standard §9.2.6).
struct EventReader {
    struct Event: Hashable {
        /// Its `id`; `nil` where it has none of its own.
        var name: String?
        /// Its `event`; empty where it is like all others.
        var kind = ""
        var data: String
    }
    /// An event is no longer than this.
    static let octetsLimit = 64 << 20

    private var line: [UInt8] = []
    private var data: [String] = []
    private var name: String?
    private var kind = ""
    private var octets = 0
    /// The last octet was CR, so that an LF behind it ends no further line.
    private var hadReturn = false

    /// - Returns: the events that are whole now.
    /// - Throws: `NIOTooManyBytesError` when one does not end.
    mutating func events(in buffer: ByteBuffer) throws -> [Event] {
        var events: [Event] = []
        for octet in buffer.readableBytesView {
            defer { self.hadReturn = octet == UInt8(ascii: "\r") }
            switch octet {
            case UInt8(ascii: "\n") where self.hadReturn: break
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                if let event = self.endLine() { events.append(event) }
            default:
                self.octets += 1
                guard self.octets <= Self.octetsLimit else { throw NIOTooManyBytesError(maxBytes: Self.octetsLimit) }
                self.line.append(octet)
            }
        }
        return events
    }

    /// - Returns: the event that an empty line ends.
    private mutating func endLine() -> Event? {
        defer { self.line.removeAll(keepingCapacity: true) }
        guard !self.line.isEmpty else {
            defer { (self.data, self.name, self.kind, self.octets) = ([], nil, "", 0) }
            guard !self.data.isEmpty else { return nil }
            return Event(name: self.name, kind: self.kind, data: self.data.joined(separator: "\n"))
        }
        let text = String(decoding: self.line, as: UTF8.self)
        let colon = text.firstIndex(of: ":") ?? text.endIndex
        var value = text[colon...].dropFirst()
        if value.first == " " { value.removeFirst() }
        switch text[..<colon] {
        case "data": self.data.append(String(value))
        case "event": self.kind = String(value)
        case "id": self.name = String(value)
        // A comment, which keeps the line alive, is a field without a name, and counts for nothing.
        case "": self.octets = max(0, self.octets - self.line.count)
        default: break
        }
        return nil
    }
}
