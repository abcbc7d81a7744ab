import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Relay

/// A web server of the tests for MTA-STS policies (RFC 8461 §3.3), at 127.0.0.1 under TLS. It takes what is posted, too.
final class PolicyServer: Sendable {
    struct Page: Sendable {
        var status = HTTPResponseStatus.ok
        var type = "text/plain"
        var text: String
    }
    struct Post: Sendable, Hashable {
        /// With its port.
        var host: String
        var path: String
        var type: String
        var octets: [UInt8]
    }
    /// By the name of the host that is asked for.
    private let pages: NIOLockedValueBox<[String: Page]>
    private let asked = NIOLockedValueBox<[String]>([])
    private let posted = NIOLockedValueBox<[Post]>([])
    private let channel: any Channel

    init(_ pages: [String: Page], tls: TLSFiles) async throws {
        let box = NIOLockedValueBox(pages)
        let (asked, posted) = (self.asked, self.posted)
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
                    try pipeline.addHandler(PageHandler(box, asked, posted))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    var port: Int { self.channel.localAddress?.port ?? 0 }
    /// The hosts that were asked for, each time.
    var requests: [String] { self.asked.withLockedValue { $0 } }
    var posts: [Post] { self.posted.withLockedValue { $0 } }

    func put(_ page: Page, at host: String) { self.pages.withLockedValue { $0[host] = page } }
    func stop() async { try? await self.channel.close() }
}

private final class PageHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let pages: NIOLockedValueBox<[String: PolicyServer.Page]>
    private let asked: NIOLockedValueBox<[String]>
    private let posted: NIOLockedValueBox<[PolicyServer.Post]>
    private var host = ""
    private var post: PolicyServer.Post?

    init(
        _ pages: NIOLockedValueBox<[String: PolicyServer.Page]>, _ asked: NIOLockedValueBox<[String]>,
        _ posted: NIOLockedValueBox<[PolicyServer.Post]>
    ) {
        self.pages = pages
        self.asked = asked
        self.posted = posted
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            let name = head.headers.first(name: "host")?.split(separator: ":").first.map(String.init) ?? ""
            self.host = head.uri == "/.well-known/mta-sts.txt" || head.method == .POST ? name : ""
            self.post = nil
            guard head.method == .POST else { break }
            self.post = PolicyServer.Post(
                host: head.headers.first(name: "host") ?? "", path: head.uri,
                type: head.headers.first(name: "content-type") ?? "", octets: [])
        case .body(let octets): self.post?.octets += octets.readableBytesView
        case .end:
            if let post = self.post { self.posted.withLockedValue { $0.append(post) } }
            self.answer(context)
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
