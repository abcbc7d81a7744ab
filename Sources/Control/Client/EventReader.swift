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
    private let octetsLimit: Int

    private var line: [UInt8] = []
    private var data: [String] = []
    private var name: String?
    private var kind = ""
    private var octets = 0
    /// The last octet was CR, so that an LF behind it ends no further line.
    private var hadReturn = false

    init(octetsLimit: Int = 64 << 20) { self.octetsLimit = octetsLimit }

    /// - Returns: the events that are whole now.
    /// - Throws: `NIOTooManyBytesError` when one does not end.
    mutating func events(in buffer: ByteBuffer) throws -> [Event] {
        var events: [Event] = []
        var rest = buffer.readableBytesView
        if self.hadReturn, let first = rest.first {
            self.hadReturn = false
            if first == UInt8(ascii: "\n") { rest.removeFirst() }
        }
        while let end = rest.firstIndex(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            try self.add(rest[..<end])
            if let event = self.endLine() { events.append(event) }
            let isReturn = rest[end] == UInt8(ascii: "\r")
            rest = rest[rest.index(after: end)...]
            if isReturn, rest.first == UInt8(ascii: "\n") {
                rest.removeFirst()
            } else {
                self.hadReturn = isReturn && rest.isEmpty
            }
        }
        try self.add(rest)
        return events
    }

    private mutating func add(_ octets: ByteBufferView) throws {
        self.octets += octets.count
        guard self.octets <= self.octetsLimit else { throw NIOTooManyBytesError(maxBytes: self.octetsLimit) }
        self.line += octets
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
