public import NIOCore
public import NIOPosix

/// The addresses of a host for one attempt to connect, as happy eyeballs ask for them (RFC 8305 §3).
public final class HostAddresses: Resolver, Sendable {
    private let resolver: StubResolver
    private let eventLoop: any EventLoop

    public init(_ resolver: StubResolver, on eventLoop: any EventLoop) {
        self.resolver = resolver
        self.eventLoop = eventLoop
    }

    /// - Returns: empty when it has none for good; fails with ``LookupFailure`` when that is not known for now.
    public func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        if HostName(host)?.isLocalhost == true { return self.known([127, 0, 0, 1], port) }
        return self.resolver.lookUp(A.self, of: host, on: self.eventLoop).flatMapThrowing {
            try Self.addresses($0, port, \.octets)
        }
    }

    public func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        if HostName(host)?.isLocalhost == true { return self.known(Array(repeating: 0, count: 15) + [1], port) }
        return self.resolver.lookUp(AAAA.self, of: host, on: self.eventLoop).flatMapThrowing {
            try Self.addresses($0, port, \.octets)
        }
    }

    public func cancelQueries() {}  // What is learnt is remembered, for the next one.

    private func known(_ octets: [UInt8], _ port: Int) -> EventLoopFuture<[SocketAddress]> {
        self.eventLoop.makeCompletedFuture {
            [try SocketAddress(packedIPAddress: ByteBuffer(bytes: octets), port: port)]
        }
    }

    /// In another order each time, so that each gets its share.
    private static func addresses<Record: ResourceRecord>(
        _ answer: Answer<Record>, _ port: Int, _ octets: (Record) -> [UInt8]
    ) throws -> [SocketAddress] {
        if case .failed(let failure) = answer.content { throw failure }
        return try answer.records.shuffled().map {
            try SocketAddress(packedIPAddress: ByteBuffer(bytes: octets($0)), port: port)
        }
    }
}
