import Foundation
import Monitor
import NIOCore
import NIOHTTP1

/// One connection: requests in, one after another, answers out. Whatever a feed is asked runs elsewhere; the event loop only
/// carries octets.
///
/// An answer is behind us when the kernel took it, and only then the next request is looked at: a client that asks and does
/// not read holds one answer in memory.
final class ControlHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case waiting  // For the head of a request. Next: receiving.
        case receiving(Result<ControlRequest, ControlError>, ByteBuffer)  // Its body comes. Next: answering.
        case answering(Task<Void, Never>?)  // The feed is asked, or the answer goes out. Next: waiting, or leaving.
        case leaving  // Nothing is looked at any more; the last octets go out.
    }

    private let server: ControlServer
    private let entrance: ControlServer.Entrance
    private let loop: any EventLoop
    private var state = State.waiting
    private var context: ChannelHandlerContext?
    /// What happens when nothing does.
    private var timer: Scheduled<Void>?
    /// About the request under way.
    private var isKeptAlive = true
    private var wantsBody = true
    private var isWhole = true

    init(_ server: ControlServer, _ entrance: ControlServer.Entrance, on loop: any EventLoop) {
        self.server = server
        self.entrance = entrance
        self.loop = loop
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.wait(ControlLimits.patience) { $0.close() }
    }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelInactive(context: ChannelHandlerContext) {
        if case .answering(let task) = self.state { task?.cancel() }
        self.state = .leaving
        self.timer?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch self.state {
        case .waiting, .receiving:
            guard let error = error as? HTTPParserError else { return self.close() }
            self.isKeptAlive = false
            self.wantsBody = true
            self.isWhole = true
            self.state = .answering(nil)
            self.respond(ControlResponse(ControlError(error)))
        case .answering, .leaving: self.close()
        }
    }

    func close() { self.context?.close(promise: nil) }

    /// - Parameter seconds: until `body` runs, unless something else happens before.
    private func wait(_ seconds: Int64, _ body: @escaping (ControlHandler) -> Void) {
        self.timer?.cancel()
        self.timer = self.loop.assumeIsolated().scheduleTask(in: .seconds(seconds)) { body(self) }
    }

    // MARK: a request comes in

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head): self.begin(head)
        case .body(let octets): self.receive(octets)
        case .end: self.end()
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        guard case .waiting = self.state else { return }
        self.isKeptAlive = head.isKeepAlive
        self.wantsBody = head.method != .HEAD
        self.isWhole = false
        let request = Result { () throws(ControlError) in try self.server.request(head, at: self.entrance) }
        self.state = .receiving(request, ByteBuffer())
        switch request {
        case .failure(let refusal): if head.expectsContinue { self.refuse(refusal) }
        case .success:
            if let length = head.contentLength, length > ControlLimits.bodyOctets { return self.refuse(.bodyTooLarge) }
            let hasBody = head.contentLength.map { $0 > 0 } ?? head.headers.contains(name: "Transfer-Encoding")
            if hasBody, !head.isJSON {
                self.state = .receiving(.failure(.noJSON), ByteBuffer())
                if head.expectsContinue { self.refuse(.noJSON) }
            } else if head.expectsContinue {
                self.context?.writeAndFlush(
                    self.wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
            }
        }
    }

    private func receive(_ octets: ByteBuffer) {
        // What cannot be served is read past, until its time is over.
        guard case .receiving(.success(let request), var body) = self.state else { return }
        guard body.readableBytes + octets.readableBytes <= ControlLimits.bodyOctets else {
            return self.refuse(.bodyTooLarge)
        }
        self.state = .waiting  // So that the body has one owner.
        body.writeImmutableBuffer(octets)
        self.state = .receiving(.success(request), body)
    }

    private func end() {
        self.isWhole = true
        guard case .receiving(let request, let body) = self.state else { return }
        switch request {
        case .failure(let refusal): self.refuse(refusal)
        case .success(var request):
            request.arguments.body = Data(body.readableBytesView)
            self.timer?.cancel()
            self.answer(request)
        }
    }

    private func refuse(_ refusal: ControlError) {
        if !self.isWhole { self.isKeptAlive = false }
        self.state = .answering(nil)
        guard refusal.delay > 0 else { return self.respond(ControlResponse(refusal)) }
        self.timer?.cancel()
        self.loop.assumeIsolated().scheduleTask(in: .milliseconds(refusal.delay)) {
            self.respond(ControlResponse(refusal))
        }
    }

    // MARK: an answer goes out

    private func answer(_ request: ControlRequest) {
        let (loop, server) = (self.loop, self.server)
        let this = NIOLoopBound(self, eventLoop: loop)
        switch request.subject {
        case .document:
            self.state = .answering(nil)
            self.respond(ControlResponse(document: server.document))
        case .page(let page):
            let task = Task {
                let response = await server.answer(page)
                loop.execute { this.value.respond(response) }
            }
            self.state = .answering(task)
        case .call(let type):
            if let response = server.given(request, type) {
                self.state = .answering(nil)
                return self.respond(response)
            }
            let task = Task {
                let response = await server.answer(request, type)
                loop.execute { this.value.respond(response) }
            }
            self.state = .answering(task)
        case .stream(let type):
            let writer = EventWriter(this, on: loop)
            let task = Task {
                let feed = server.feed(request.visitor.name)
                await writer.write(type, request, from: feed, at: server.beat, node: server.node)
            }
            self.state = .answering(task)
        }
    }

    func respond(_ response: ControlResponse) {
        self.writeHead(response.status, response.headers)
        let body = self.wantsBody ? response.body : ByteBuffer()
        self.write(body, patience: ControlLimits.patience).whenComplete { _ in self.finish() }
    }

    /// The head of an answer whose end is not known.
    func beginStream() -> Bool {
        var headers = ControlResponse.always
        headers.add(name: "Content-Type", value: "text/event-stream")
        self.writeHead(.ok, headers)
        return self.wantsBody
    }

    private func writeHead(_ status: HTTPResponseStatus, _ headers: HTTPHeaders) {
        var headers = headers
        if !self.isKeptAlive { headers.replaceOrAdd(name: "Connection", value: "close") }
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        self.context?.write(self.wrapOutboundOut(.head(head)), promise: nil)
    }

    /// Completes when the kernel has it; a client that does not read for so many seconds is left.
    func write(_ octets: ByteBuffer, patience: Int64) -> EventLoopFuture<Void>.Isolated {
        let promise = self.loop.makePromise(of: Void.self)
        guard let context = self.context else {
            promise.fail(ChannelError.ioOnClosedChannel)  // The client has gone meanwhile.
            return promise.futureResult.assumeIsolated()
        }
        context.writeAndFlush(self.wrapOutboundOut(.body(.byteBuffer(octets))), promise: promise)
        self.wait(patience) { $0.close() }
        return promise.futureResult.assumeIsolated()
    }

    /// Something goes out now and then, so that both sides see that the other is still there.
    func writeHeartbeats() {
        self.wait(ControlLimits.heartbeat) { this in
            this.write(EventText.heartbeat, patience: ControlLimits.sleep)
                .whenSuccess { this.writeHeartbeats() }
        }
    }

    /// The answer is out.
    func finish() {
        guard let context = self.context, context.channel.isActive else { return }
        guard self.isKeptAlive else {
            self.state = .leaving
            // Hung up on while it still sends, it might lose the answer (RFC 9112 §9.6).
            self.wait(self.isWhole ? ControlLimits.patience : ControlLimits.farewell) { $0.close() }
            let promise = self.isWhole ? self.loop.makePromise(of: Void.self) : nil
            promise?.futureResult.assumeIsolated().whenComplete { _ in self.close() }
            return context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: promise)
        }
        self.state = .waiting
        self.wait(ControlLimits.patience) { $0.close() }
        // The next request may come in while this is written.
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }
}
