import Monitor
import NIOCore
import NIOHTTP1

/// Writes a stream of events to one connection: takes an event when the kernel took the one before. Whoever reads slowly
/// holds one event in memory, and the feed nothing.
struct EventWriter: Sendable {
    private let handler: NIOLoopBound<ControlHandler>
    private let loop: any EventLoop

    init(_ handler: NIOLoopBound<ControlHandler>, on loop: any EventLoop) {
        self.handler = handler
        self.loop = loop
    }

    /// Until the stream ends, or the client has gone.
    func write(
        _ type: any ControlStream.Type, _ request: ControlRequest, from feed: any MonitorFeed, at beat: Beat,
        node: String
    ) async {
        func run<Stream: ControlStream>(_ type: Stream.Type) async throws {
            let stream = try Stream(request.arguments, node: node)
            // The watching begins before the client knows of it, and reads: so that nothing falls between the two.
            let events = stream.events(from: feed, at: beat, after: request.lastEvent)
            let handler = self.handler
            guard try await self.loop.submit({ handler.value.beginStream() }).get() else { return }
            try await self.write(EventText.opening)
            do {
                for try await event in events {
                    try await self.write(try EventText.event(event))
                }
            } catch {
                // Where the client has gone, this fails too.
                try await self.write(try EventText.error(ControlError(error).error))
            }
        }
        let handler = self.handler
        do {
            try await run(type)
            self.loop.execute { handler.value.finish() }
        } catch let error as FeedError {
            self.loop.execute { handler.value.respond(ControlResponse(ControlError(error))) }
        } catch {
            // The client has gone, or is left because it does not read.
            self.loop.execute { handler.value.close() }
        }
    }

    private func write(_ octets: ByteBuffer) async throws {
        let handler = self.handler
        try await self.loop.flatSubmit {
            let this = handler.value
            let written = this.write(octets, patience: ControlLimits.sleep)
            written.whenSuccess { this.writeHeartbeats() }
            return written.nonisolated()
        }.get()
    }
}
