import NIOCore
import SMTP

/// Reads the PROXY header that a balancer sends first, tells the session whom it is for, and steps aside. Until then
/// nothing behind it knows of the connection.
final class ProxyHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// A balancer sends its header at once.
    private static let patience = TimeAmount.seconds(10)

    private let session: ServerHandler
    private var input = ByteBuffer()
    private var timer: Scheduled<Void>?

    init(_ session: ServerHandler) { self.session = session }

    func channelActive(context: ChannelHandlerContext) {
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) {
            self.session.logMissingProxyHeader("none came in time", from: context.remoteAddress)
            context.close(promise: nil)
        }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.input.writeImmutableBuffer(self.unwrapInboundIn(data))
        do {
            guard let header = try ProxyHeader.parse(self.input.readableBytesView) else { return context.read() }
            self.input.moveReaderIndex(forwardBy: header.octets)
            self.finish(header, context)
        } catch {
            // Whoever this is, it is no balancer: there is nobody to answer (proxy-protocol.txt §2).
            self.timer?.cancel()
            self.session.logMissingProxyHeader("what came is none", from: context.remoteAddress)
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.timer?.cancel()
        context.fireChannelInactive()
    }

    private func finish(_ header: ProxyHeader, _ context: ChannelHandlerContext) {
        self.timer?.cancel()
        switch header.connection {
        case .tcp(let source, _):
            self.session.peer.address =
                (try? SocketAddress(ipAddress: source.address, port: Int(source.port))) ?? self.session.peer.address
        case .local, .unknown: break
        }
        let rest = self.input
        context.fireChannelActive()
        if rest.readableBytes > 0 {
            context.fireChannelRead(self.wrapInboundOut(rest))
            context.fireChannelReadComplete()
        }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
