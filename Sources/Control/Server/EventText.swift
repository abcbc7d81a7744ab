import Monitor
import NIOCore

/// The lines of a stream of events (HTML Living Standard §9.2.5).
enum EventText {
    /// The first line: a stream is there before there is an event. A client that loses it waits a second.
    static let opening = ByteBuffer(string: "retry: 1000\n\n")
    /// Says nothing, so that both sides see that the other is still there.
    static let heartbeat = ByteBuffer(string: ":\n\n")

    static func event<Event>(_ event: NamedEvent<Event>) throws -> ByteBuffer {
        var text = ByteBuffer()
        // A name with a line's end would be no line.
        if let name = event.name, name.utf8.allSatisfy({ $0 >= 0x20 }) { text.writeString("id: \(name)\n") }
        text.writeString("data: ")
        text.writeBytes(try SafeJSON.encode(event.event))
        text.writeString("\n\n")
        return text
    }

    /// Why the stream ends.
    static func error(_ error: FeedError) throws -> ByteBuffer {
        var text = ByteBuffer(string: "event: error\ndata: ")
        text.writeBytes(try SafeJSON.encode(error))
        text.writeString("\n\n")
        return text
    }
}
