import NIOCore
import SMTP

/// Says where mail for a place can go now. It is asked again and again: hosts may be others than when the mail came in.
protocol NextHopResolver: Sendable {
    /// - Returns: completes on `eventLoop`, and never fails.
    func resolve(_ place: NextHop.Place, on eventLoop: any EventLoop) -> EventLoopFuture<Resolution>
}

/// What is known of a place when mail is to go there.
enum Resolution: Sendable, Hashable {
    /// In the order in which they are to be tried, never empty.
    case hosts([MailHost], site: Site)
    /// No host ever takes mail for it: mail is returned at once, with this reply.
    case refused(Reply)
    /// There are none for now: why, in a few words.
    case unavailable(String)
}

/// A host that may take mail. Its addresses are looked up when it is connected to.
struct MailHost: Sendable, Hashable {
    /// A name or an address, with the port.
    var endpoint: SocketEndpoint
    /// Of its MX record; `nil` for one that a route names, and for a domain that is its own host.
    var preference: UInt16?
    /// Its name came out of signed DNS (RFC 4033 §5).
    var isSecure = false
}

/// The hosts of a place whatever their order among equals: places of one site can share sessions and limits.
struct Site: Sendable, Hashable {
    /// Sorted, the preferred first.
    let hosts: [MailHost]
    /// The only one whose mail is for it; `nil`: that of any.
    private var domain: String?
    var demanding: String? { self.domain }

    init(_ hosts: [MailHost]) {
        self.hosts = hosts.sorted {
            ($0.preference ?? 0, $0.endpoint.description) < ($1.preference ?? 0, $1.endpoint.description)
        }
    }

    /// Hosts that a route names are tried in its order, which is part of what they are.
    init(named hosts: [MailHost]) { self.hosts = hosts }

    /// As it is for a domain that demands more of the hosts than others: a session of another is none for its mail.
    func only(for domain: String) -> Site {
        var site = self
        site.domain = domain
        return site
    }
}

/// Knows the hosts that routes name, and asks nobody for others.
struct NamedHosts: NextHopResolver {
    func resolve(_ place: NextHop.Place, on eventLoop: any EventLoop) -> EventLoopFuture<Resolution> {
        switch place {
        case .hosts(let hosts): eventLoop.makeSucceededFuture(Resolution(named: hosts))
        case .exchangers(let domain):
            eventLoop.makeSucceededFuture(.unavailable("the mail exchangers of \(domain) are not known"))
        }
    }
}

extension Resolution {
    /// - Parameter endpoints: those that a route names, never empty.
    init(named endpoints: [SocketEndpoint]) {
        let hosts = endpoints.map { MailHost(endpoint: $0) }
        self = .hosts(hosts, site: Site(named: hosts))
    }
}
