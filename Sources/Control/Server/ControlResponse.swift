import Monitor
import NIOCore
import NIOHTTP1

/// An answer as a whole.
struct ControlResponse: Sendable {
    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var body: ByteBuffer

    private init(
        _ status: HTTPResponseStatus, _ body: ByteBuffer, type: String = "application/json", headers: HTTPHeaders = [:]
    ) {
        self.status = status
        self.body = body
        self.headers = headers
        self.headers.add(name: "Content-Type", value: type)
        self.headers.add(name: "Content-Length", value: "\(body.readableBytes)")
        self.headers.add(contentsOf: Self.always)
    }

    init(_ refusal: ControlError) {
        self.init(refusal.status, Self.json(refusal.error), headers: refusal.headers)
    }

    /// Asks the feed.
    init(to request: ControlRequest, _ type: any ControlCall.Type, from feed: any MonitorFeed, node: String) async {
        func answer<Call: ControlCall>(_ type: Call.Type) async throws -> ByteBuffer {
            let value = try await Call(request.arguments, node: node).answer(from: feed)
            var body = ByteBuffer(bytes: try SafeJSON.encode(Call.shown(value, to: request.visitor.role)))
            body.writeString("\n")
            return body
        }
        do { self.init(.ok, try await answer(type)) } catch { self.init(ControlError(error)) }
    }

    init(document: ByteBuffer) { self.init(.ok, document) }

    /// Asks the node how it is doing.
    init(_ page: VitalPage, of vitals: any NodeVitals) async {
        switch page {
        case .metrics:
            let text = ByteBuffer(string: await vitals.metrics())
            self.init(.ok, text, type: "text/plain; version=0.0.4; charset=utf-8")
        case .health: self.init(VitalStatus(await vitals.failures()))
        case .ready: self.init(VitalStatus(await vitals.obstacles()))
        }
    }

    private init(_ status: VitalStatus) {
        self.init(status.status == .ok ? .ok : .serviceUnavailable, Self.json(status))
    }

    /// What an answer says beside itself: it is true for one moment, and no page.
    static let always: HTTPHeaders = ["Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"]

    private static func json(_ words: some Encodable) -> ByteBuffer {
        guard let octets = try? SafeJSON.encode(words) else { preconditionFailure("a few words have a JSON form") }
        return ByteBuffer(bytes: octets + "\n".utf8)
    }
}
