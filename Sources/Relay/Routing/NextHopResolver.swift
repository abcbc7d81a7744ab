import NIOCore
import SMTP

/// Finds the hosts of a next hop, for each session anew: they may be others than when the mail came in.
protocol NextHopResolver: Sendable {
    /// - Returns: completes on `eventLoop` with the hosts in the order in which they are to be tried. Fails with an error
    ///   whose description says in a few words why there are none for now.
    func hosts(of place: NextHop.Place, on eventLoop: any EventLoop) -> EventLoopFuture<[SocketEndpoint]>
}

/// Knows the hosts that routes name, and asks nobody for others.
struct NamedHosts: NextHopResolver {
    struct Unknown: Error, CustomStringConvertible {
        let domain: Domain
        var description: String { "the mail exchangers of \(self.domain.text) are not known" }
    }

    func hosts(of place: NextHop.Place, on eventLoop: any EventLoop) -> EventLoopFuture<[SocketEndpoint]> {
        switch place {
        case .hosts(let hosts): eventLoop.makeSucceededFuture(hosts)
        case .exchangers(let domain): eventLoop.makeFailedFuture(Unknown(domain: domain))
        }
    }
}
