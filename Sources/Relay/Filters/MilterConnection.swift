import NIOCore
import NIOPosix

/// Carries octets to a milter and back, for one inbound session.
final class MilterConnection: Sendable {
    private let channel: any Channel
    private let inbox: NIOLoopBound<Inbox>

    private init(_ channel: any Channel, _ inbox: NIOLoopBound<Inbox>) {
        self.channel = channel
        self.inbox = inbox
    }

    static func open(
        _ address: Milter.Address, within time: TimeAmount, on loop: any EventLoop
    ) async throws -> MilterConnection {
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(time)
            .channelOption(.autoRead, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Inbox()) }
            }
        let channel =
            switch address {
            case .tcp(let endpoint): try await bootstrap.connect(host: endpoint.host, port: endpoint.port).get()
            case .unix(let path): try await bootstrap.connect(unixDomainSocketPath: path).get()
            }
        return try await channel.eventLoop.submit {
            let inbox = try channel.pipeline.syncOperations.handler(type: Inbox.self)
            return MilterConnection(channel, NIOLoopBound(inbox, eventLoop: channel.eventLoop))
        }.get()
    }

    /// - Parameter time: a milter that does not read for so long is given up.
    func send(_ octets: ByteBuffer, within time: TimeAmount) async throws {
        try await self.within(time) { self.channel.writeAndFlush(octets) }
    }

    /// The octets that come next.
    func receive(within time: TimeAmount) async throws -> ByteBuffer {
        try await self.within(time) { self.inbox.value.next(on: self.channel) }
    }

    private func within<Value: Sendable>(
        _ time: TimeAmount, _ body: @escaping @Sendable () -> EventLoopFuture<Value>
    ) async throws -> Value {
        try await self.channel.eventLoop.flatSubmit {
            let timer = self.channel.eventLoop.scheduleTask(in: time) {
                self.inbox.value.end(with: MilterTimeout(seconds: time.nanoseconds / 1_000_000_000))
                self.channel.close(promise: nil)
            }
            let done = body()
            done.whenComplete { _ in timer.cancel() }
            // Whatever the closed channel says: it was closed since time was up.
            return done.flatMapErrorThrowing { error in throw self.inbox.value.failure ?? error }
        }.get()
    }

    /// Sends the last words, if there are any, and hangs up.
    func close(saying octets: ByteBuffer?) {
        if let octets { self.channel.write(octets, promise: nil) }
        self.channel.flush()
        self.channel.close(promise: nil)
    }

    /// What came in and was not asked for yet. Only what is asked for is read, so that it stays small.
    private final class Inbox: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private var octets = ByteBuffer()
        private var waiting: EventLoopPromise<ByteBuffer>?
        private(set) var failure: (any Error)?

        func next(on channel: any Channel) -> EventLoopFuture<ByteBuffer> {
            if self.octets.readableBytes > 0 {
                defer { self.octets = ByteBuffer() }
                return channel.eventLoop.makeSucceededFuture(self.octets)
            }
            if let failure = self.failure { return channel.eventLoop.makeFailedFuture(failure) }
            let promise = channel.eventLoop.makePromise(of: ByteBuffer.self)
            self.waiting = promise
            channel.read()
            return promise.futureResult
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = self.unwrapInboundIn(data)
            guard let waiting = self.waiting.take() else {
                self.octets.writeImmutableBuffer(buffer)
                return
            }
            waiting.succeed(buffer)
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.end(with: MilterHungUp())
            context.fireChannelInactive()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.end(with: error)
            context.close(promise: nil)
        }

        func end(with error: any Error) {
            self.failure = self.failure ?? error
            self.waiting.take()?.fail(error)
        }
    }
}

struct MilterTimeout: Error, CustomStringConvertible {
    let seconds: Int64
    var description: String { "no answer within \(self.seconds) s" }
}

struct MilterHungUp: Error, CustomStringConvertible {
    var description: String { "it hung up" }
}
