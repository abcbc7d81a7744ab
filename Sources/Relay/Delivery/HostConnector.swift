import DNS
import NIOCore
import NIOPosix

/// Connects to a host: to the one of its addresses, of IPv6 or IPv4, that answers first (RFC 8305).
struct HostConnector {
    /// Why there is no connection.
    struct Failure {
        /// Short enough for a row.
        var words: String
        /// There is no address by that name, and that is known for sure.
        var hasNoAddress = false
    }

    private let dns: StubResolver
    private let timeout: TimeAmount
    private let eventLoop: any EventLoop

    /// - Parameter timeout: milliseconds for all addresses together.
    init(_ dns: StubResolver, timeout: Int64, on eventLoop: any EventLoop) {
        self.dns = dns
        self.timeout = .milliseconds(timeout)
        self.eventLoop = eventLoop
    }

    /// - Returns: completes on the event loop with a channel that reads nothing by itself. What its failure means
    ///   ``Failure/init(_:to:)`` says.
    func connect(to endpoint: SocketEndpoint) -> EventLoopFuture<any Channel> {
        let bootstrap = ClientBootstrap(group: self.eventLoop)
            .channelOption(.autoRead, value: false)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.writeBufferWaterMark, value: .init(low: 32 << 10, high: 64 << 10))
            .connectTimeout(self.timeout)
        if let address = try? SocketAddress(ipAddress: endpoint.host, port: endpoint.port) {
            return bootstrap.connect(to: address)
        }
        return bootstrap.resolver(HostAddresses(self.dns, on: self.eventLoop))
            .connect(host: endpoint.host, port: endpoint.port)
    }
}

extension HostConnector.Failure {
    init(_ error: any Error, to endpoint: SocketEndpoint) {
        guard let error = error as? NIOConnectionError, error.connectionErrors.isEmpty else {
            self.init(words: "connect to \(endpoint): \(ConnectionWords.words(for: error))")
            return
        }
        let lookups = [("A", error.dnsAError), ("AAAA", error.dnsAAAAError)]
        if let (type, failure) = lookups.first(where: { $0.1 != nil }), let failure {
            self.init(words: "DNS: \(failure) for \(endpoint.host) \(type)")
        } else {
            self.init(words: "DNS: \(endpoint.host) has no address", hasNoAddress: true)
        }
    }
}
