import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Relay

/// A web server of the tests for MTA-STS policies (RFC 8461 §3.3), at 127.0.0.1 under TLS.
final class PolicyServer: Sendable {
    struct Page: Sendable {
        var status = HTTPResponseStatus.ok
        var type = "text/plain"
        var text: String
    }
    /// By the name of the host that is asked for.
    private let pages: NIOLockedValueBox<[String: Page]>
    private let asked = NIOLockedValueBox<[String]>([])
    private let channel: any Channel

    init(_ pages: [String: Page], tls: TLSFiles) async throws {
        let box = NIOLockedValueBox(pages)
        let asked = self.asked
        self.pages = box
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(tls.certificate).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: tls.key, format: .pem))))
        self.channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLServerHandler(context: context))
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(PageHandler(box, asked))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    var port: Int { self.channel.localAddress?.port ?? 0 }
    /// The hosts that were asked for, each time.
    var requests: [String] { self.asked.withLockedValue { $0 } }

    func put(_ page: Page, at host: String) { self.pages.withLockedValue { $0[host] = page } }
    func stop() async { try? await self.channel.close() }
}

private final class PageHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let pages: NIOLockedValueBox<[String: PolicyServer.Page]>
    private let asked: NIOLockedValueBox<[String]>
    private var host = ""

    init(_ pages: NIOLockedValueBox<[String: PolicyServer.Page]>, _ asked: NIOLockedValueBox<[String]>) {
        self.pages = pages
        self.asked = asked
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            let name = head.headers.first(name: "host")?.split(separator: ":").first.map(String.init) ?? ""
            self.host = head.uri == "/.well-known/mta-sts.txt" ? name : ""
        case .body: break
        case .end: self.answer(context)
        }
    }

    private func answer(_ context: ChannelHandlerContext) {
        let host = self.host
        self.asked.withLockedValue { $0.append(host) }
        let page = self.pages.withLockedValue { $0[host] } ?? .init(status: .notFound, text: "")
        let headers: HTTPHeaders = [
            "content-type": page.type, "content-length": "\(page.text.utf8.count)", "connection": "close",
            "location": "https://elsewhere.example/",
        ]
        context.write(
            self.wrapOutboundOut(.head(.init(version: .http1_1, status: page.status, headers: headers))), promise: nil)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: page.text)))), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
